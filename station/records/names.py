"""Names of rolls.  They come from outside; no path is ever made of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from station.records.rows import RecordsError
from station.records.schema import RollTable

NAME_LIMIT = 64


def checked_name(name: str) -> str:
    """The name, if it may be one.  Raises RecordsError."""
    fit = 0 < len(name) <= NAME_LIMIT and name.isprintable() and name == name.strip() and not name.startswith("-")
    if not fit:
        raise RecordsError(
            f"{name!r} is not a name for a roll; use 1 to {NAME_LIMIT} letters, digits or signs, no dash in front."
        )
    return name


def next_name(session: Session, started: datetime) -> str:
    """Local day and the day's next number."""
    day = f"{started.astimezone():%Y-%m-%d}-"
    names = session.scalars(select(RollTable.name).where(RollTable.name.startswith(day, autoescape=True)))
    numbers = [int(name[len(day) :]) for name in names if name[len(day) :].isdecimal()]
    return f"{day}{max(numbers, default=0) + 1:03d}"
