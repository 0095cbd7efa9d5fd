"""This module puts the identity of rolls on record: their names, and what a mill knows of them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from station.recipe.names import NameFault, roll_name, visible_text
from station.records import audit
from station.records.rating.kept import keep_grade
from station.records.rows import RecordsError
from station.records.schema import EventTable, RollTable
from station.state.roll import MEASURES, WORDS, RollIdentity

FACT_LIMIT = 64
MOST = 1e6
"""No roll has more metres, no cloth more millimetres across."""

NAMES_TAKEN = "roll names taken"
"""A fresh database begins with an audit row that has the last names by day and number of the one before."""
FIRST_ROWS = 8
COLUMNS = {name: "order_number" if name == "order" else name for name in (*WORDS, *MEASURES)}
"""The column of each fact; the word order is SQL's own."""


def checked_name(name: str) -> str:
    """Return ``name`` as the name of a roll is kept.  Raises RecordsError, which says what in it is refused."""
    try:
        return roll_name(name)
    except NameFault as fault:
        raise RecordsError(f"{name!r} is not a name for a roll: {fault}") from None


def checked_identity(identity: RollIdentity) -> RollIdentity:
    """Return the identity as it is kept, its words tidied.

    Raises:
        RecordsError: a word is too long or has a sign that cannot be seen, a measure is none; says which.
    """
    try:
        words: dict[str, Any] = {
            name: visible_text(getattr(identity, name), f"the {name} of a roll", FACT_LIMIT) for name in WORDS
        }
    except NameFault as fault:
        raise RecordsError(str(fault)) from None
    for name in MEASURES:
        value = getattr(identity, name)
        if value is not None and not (math.isfinite(value) and 0 < value <= MOST):
            raise RecordsError(f"The {name} of a roll is {value:g}; it is above 0 and at most {MOST:g}.")
    return replace(identity, **words)


def columns_of(identity: RollIdentity) -> dict[str, str | float | None]:
    """Return an identity as the columns of a roll's row."""
    return {column: getattr(identity, name) for name, column in COLUMNS.items()}


def identity_of(roll: RollTable) -> RollIdentity:
    """Return the identity on a roll's row."""
    return RollIdentity(**{name: getattr(roll, column) for name, column in COLUMNS.items()})


def rename(session: Session, roll_id: int, name: str, by: str) -> str:
    """Give an open roll another name.  Returns the one it had.

    Raises:
        RecordsError: it has ended, or the name is another roll's.
    """
    roll = _open_roll(session, roll_id)
    before = roll.name
    if name == before:
        return before
    if session.scalar(select(RollTable.id).where(RollTable.name == name)) is not None:
        raise RecordsError(f"There is already a roll {name}; choose another name.")
    roll.name = name
    audit.append(session, "roll renamed", before, name, by, f"roll number {roll_id}")
    return before


def correct(session: Session, roll_id: int, identity: RollIdentity, by: str, why: str) -> None:
    """Put other facts of an open roll on record; the audit has each that changed, old and new.

    Raises:
        RecordsError: it has ended.
    """
    _correct(session, _open_roll(session, roll_id), identity, by, why)


def correct_ended(session: Session, name: str, identity: RollIdentity, by: str, why: str) -> None:
    """Put other facts of a roll that has ended on record, with the grade that follows; the audit has old and new.

    Raises:
        RecordsError: there is no such roll, or it is open.
    """
    roll = session.scalar(select(RollTable).where(RollTable.name == name))
    if roll is None or roll.ended_how == "":
        raise RecordsError(f"No roll {name!r} has ended; `station rolls` lists those on record.")
    _correct(session, roll, identity, by, why)
    keep_grade(session, roll.id)


def _correct(session: Session, roll: RollTable, identity: RollIdentity, by: str, why: str) -> None:
    before = identity_of(roll)
    changed = [name for name in COLUMNS if getattr(before, name) != getattr(identity, name)]
    for name in changed:
        setattr(roll, COLUMNS[name], getattr(identity, name))
    if changed:
        old, new = (f"{roll.name}: {_facts(one, changed)}" for one in (before, identity))
        audit.append(session, "roll corrected", old, new, by, why)


def told(identity: RollIdentity) -> str:
    """Return the facts that are known, for the audit; '' where none is."""
    return _facts(identity, [name for name in COLUMNS if getattr(identity, name) not in ("", None)])


def next_name(session: Session, started: datetime) -> str:
    """Return the local day with the day's next number, such as ``2026-11-22-001``."""
    day = f"{started.astimezone():%Y-%m-%d}-"
    names = session.scalars(select(RollTable.name).where(RollTable.name.startswith(day, autoescape=True)))
    begin = select(EventTable.new).where(EventTable.id <= FIRST_ROWS, EventTable.action == NAMES_TAKEN)
    before = [name for text in session.scalars(begin) for name in text.split(", ") if name.startswith(day)]
    numbers = [int(name[len(day) :]) for name in (*names, *before) if name[len(day) :].isdecimal()]
    return f"{day}{max(numbers, default=0) + 1:03d}"


def _facts(identity: RollIdentity, names: list[str]) -> str:
    shown = {name: getattr(identity, name) for name in names}
    return ", ".join(f"{name} {_shown(value)}" for name, value in shown.items())


def _shown(value: str | float | None) -> str:
    return "none" if value in ("", None) else f"{value:g}" if isinstance(value, float | int) else value


def _open_roll(session: Session, roll_id: int) -> RollTable:
    roll = session.get(RollTable, roll_id)
    if roll is None or roll.ended_how != "":
        raise RecordsError("No roll is open; only an open roll can be renamed or corrected.")
    return roll
