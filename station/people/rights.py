"""This module is the one table of who may do what, for every call of the core and every write of people to the records.

What only looks, and what the program itself must be free to do, may be done by anybody, signed in or not.
"""

from __future__ import annotations

from typing import Final

from station.state.person import Role

ANYBODY: Final = frozenset[Role]()
"""A call with these rights needs nobody signed in."""

EVERYONE: Final = frozenset(Role)
LINE: Final = frozenset({Role.OPERATOR, Role.ENGINEER, Role.ADMIN})
"""They work at the line: QA looks at what it made, and stops or frees no machine."""

REVIEWERS: Final = frozenset({Role.OPERATOR, Role.ENGINEER, Role.QA, Role.ADMIN})
TUNERS: Final = frozenset({Role.ENGINEER, Role.ADMIN})
ADMINS: Final = frozenset({Role.ADMIN})

CORE: Final[dict[str, frozenset[Role]]] = {
    "snapshot": ANYBODY,
    "drain": ANYBODY,
    "fabrics": ANYBODY,
    "recipe": ANYBODY,
    "home": ANYBODY,
    "report_fault": ANYBODY,
    "unfinished_roll": ANYBODY,
    "people_on": ANYBODY,
    "person": ANYBODY,
    "sign_in": ANYBODY,
    "sign_out": ANYBODY,
    "start_roll": LINE,
    "start_scanned": LINE,
    "pause": LINE,
    "resume": LINE,
    "end_roll": LINE,
    "splice": LINE,
    "resume_unfinished": LINE,
    "close_unfinished": LINE,
    "veto_stop": LINE,
    "release_stop": LINE,
    "acknowledge": EVERYONE,
    "rename_roll": EVERYONE,
    "correct_roll": EVERYONE,
    "correct_ended": REVIEWERS,
}
"""The rights of each call of :class:`station.contract.Core`."""

RECORDS: Final[dict[str, frozenset[Role]]] = {
    "review": REVIEWERS,
    "sign": REVIEWERS,
    "save_recipe": TUNERS,
    "add_model": TUNERS,
    "add_calibrations": TUNERS,
}
"""The rights of what people write to the records beside the core (:class:`station.records.store.Store`)."""

REVIEWS: Final[dict[str, frozenset[Role]]] = {
    "say": REVIEWERS,
    "undo": REVIEWERS,
    "put_missed": REVIEWERS,
    "keep": REVIEWERS,
}
"""The rights of each call of :class:`station.records.defects.reviews.Reviews`."""

RATING: Final[dict[str, frozenset[Role]]] = {"give": REVIEWERS}
"""The rights of what people tell :class:`station.records.rating.rating.Rating`."""

ROLLS: Final[dict[str, frozenset[Role]]] = {"rename": EVERYONE, "correct": EVERYONE, "correct_ended": REVIEWERS}
"""The rights of what people change of rolls on record (:class:`station.records.roll_life.open_rolls.OpenRolls`)."""

PEOPLE: Final[dict[str, frozenset[Role]]] = {"add": ADMINS, "remove": ADMINS, "switch": ADMINS}
"""The rights of who manages people: each call of :class:`station.records.people.register.Register` that changes it."""

PARTS: Final = frozenset({"reviews", "rating", "people", "rolls"})
"""These parts of the records stand behind the guard too."""

RIGHTS: Final = CORE | RECORDS | REVIEWS | RATING | ROLLS | PEOPLE

WORDS: Final[dict[str, str]] = {
    "start_roll": "start a roll",
    "start_scanned": "start a roll",
    "pause": "pause the inspection",
    "resume": "resume the inspection",
    "end_roll": "end a roll",
    "splice": "mark a splice",
    "resume_unfinished": "resume a roll",
    "close_unfinished": "close a roll",
    "veto_stop": "veto a stop",
    "release_stop": "release a stop",
    "acknowledge": "answer alarms",
    "rename_roll": "rename a roll",
    "correct_roll": "correct a roll",
    "rename": "rename a roll",
    "correct": "correct a roll",
    "correct_ended": "correct a roll that has ended",
    "review": "review defects",
    "sign": "sign reports",
    "say": "review defects",
    "undo": "take back reviews",
    "put_missed": "put missed defects on record",
    "keep": "keep things for ever",
    "give": "give a roll's width or weight",
    "save_recipe": "change recipes",
    "add_model": "teach fabrics",
    "add_calibrations": "calibrate cameras",
    "add": "add people",
    "remove": "remove people",
    "switch": "switch people on or off",
}
"""What each call does, after 'may not' in a sentence; those for anybody need no words."""


def may(role: Role | None, call: str) -> bool:
    """Say whether a role (None: nobody is signed in) may make a call; what has no row nobody may."""
    if call not in RIGHTS:
        return False
    allowed = RIGHTS[call]
    return allowed is ANYBODY or role in allowed


def who_may(call: str) -> str:
    """Return the roles that may make a call, in words: ``engineer or admin``."""
    allowed = [str(role) for role in Role if role in RIGHTS[call]]
    return " or ".join(filter(None, (", ".join(allowed[:-1]), allowed[-1])))
