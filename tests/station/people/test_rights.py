"""The table of rights: every call of the core has a row, every row is a call, and the rows make sense."""

from __future__ import annotations

import pytest

from station.contract import Core
from station.core import Station
from station.people.rights import (
    ANYBODY,
    CORE,
    PARTS,
    PEOPLE,
    RATING,
    RECORDS,
    REVIEWS,
    RIGHTS,
    ROLLS,
    WORDS,
    may,
    who_may,
)
from station.records.defects.reviews import Reviews
from station.records.people.register import Register
from station.records.rating.rating import Rating
from station.records.roll_life.open_rolls import OpenRolls
from station.records.store import Store
from station.state.person import Role


def calls_of(protocol: type) -> set[str]:
    """What a protocol and those it is made of declare, properties included."""
    return {name for kind in protocol.__mro__ for name in vars(kind) if not name.startswith("_")} - {"register"}


def test_every_call_of_the_core_has_a_row_and_every_row_is_a_call() -> None:
    assert calls_of(Core) == CORE.keys()


def test_what_people_write_to_the_records_has_a_row() -> None:
    assert all(callable(getattr(Store, name)) for name in RECORDS)
    assert {name for name in vars(Reviews) if not name.startswith("_")} == REVIEWS.keys()
    assert all(callable(getattr(Rating, name)) for name in RATING)
    assert all(callable(getattr(OpenRolls, name)) for name in ROLLS)


def test_so_has_what_changes_the_register_of_people() -> None:
    changes = {name for name, call in vars(Register).items() if "by" in getattr(call, "__annotations__", ())}
    assert changes == PEOPLE.keys()
    assert {"reviews", "rating", "people", "rolls"} == PARTS


@pytest.mark.parametrize("call", CORE)
def test_the_station_answers_each_call(call: str) -> None:
    assert hasattr(Station, call)


def test_a_call_without_a_row_nobody_may_make() -> None:
    assert not any(may(role, "no such call") for role in (None, *Role))


def test_nobody_signed_in_may_only_look_and_sign_in() -> None:
    free = {call for call in RIGHTS if may(None, call)}
    assert free == {
        "snapshot", "drain", "fabrics", "recipe", "home", "report_fault", "unfinished_roll", "people_on", "person",
        "sign_in", "sign_out",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "may_not"),
    [
        (Role.OPERATOR, {"save_recipe", "add_model", "add_calibrations", *PEOPLE}),
        (Role.ENGINEER, set(PEOPLE)),
        (Role.ADMIN, set()),
        (
            Role.QA,
            {
                "start_roll", "start_scanned", "pause", "resume", "end_roll", "splice", "resume_unfinished",
                "close_unfinished", "veto_stop", "release_stop", "save_recipe", "add_model", "add_calibrations",
                *PEOPLE,
            },
        ),
    ],
)  # fmt: skip
def test_each_role_may_all_but_what_others_are_there_for(role: Role, may_not: set[str]) -> None:
    assert {call for call in RIGHTS if not may(role, call)} == may_not


def test_each_call_that_somebody_may_not_make_has_words() -> None:
    assert WORDS.keys() == {call for call, allowed in RIGHTS.items() if allowed is not ANYBODY}
    assert who_may("save_recipe") == "engineer or admin"
    assert who_may("add") == "admin"
    assert who_may("start_roll") == "operator, engineer or admin"
