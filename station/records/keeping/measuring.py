"""This module measures what lies on disk of each roll, once it has ended, so that nobody has to count millions of files
to know how full the disk is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.orm import Session

from station.records import images
from station.records.keeping.table import EvidenceTable
from station.records.schema import ProfileTable, RollTable, now

AT_ONCE = 20
GROWTH_DAYS = 14.0
"""Growth is that of so many last days."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What lies on disk of a roll: number and bytes of pictures, bytes of its score profile."""

    roll_id: int
    pictures: int
    picture_bytes: int
    profile_bytes: int


def unmeasured(engine: Engine) -> list[int]:
    """Return some rolls that have ended and were not measured since, the oldest first."""
    query = (
        select(RollTable.id)
        .join(EvidenceTable, EvidenceTable.roll_id == RollTable.id, isouter=True)
        .where(RollTable.ended_how != "")
        .where(or_(EvidenceTable.roll_id.is_(None), EvidenceTable.measured_at < RollTable.touched_at))
        .order_by(RollTable.id)
        .limit(AT_ONCE)
    )
    with Session(engine) as session:
        return list(session.scalars(query))


def measure(engine: Engine, home: Path, roll_id: int) -> Measured:
    """Measure a roll.  Raises OSError, SQLAlchemyError."""
    sizes = list(_sizes(home / images.FOLDER / str(roll_id)))
    length = func.length(ProfileTable.rows) + func.length(ProfileTable.peaks)
    with Session(engine) as session:
        profile = session.scalar(select(func.sum(length)).where(ProfileTable.roll_id == roll_id))
    return Measured(roll_id, len(sizes), sum(sizes), int(profile or 0))


def _sizes(folder: Path) -> Iterator[int]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".png"):
                with suppress(FileNotFoundError):
                    yield entry.stat().st_size


def put_on_record(session: Session, measured: list[Measured]) -> None:
    """Write measurements in a write transaction."""
    for one in measured:
        row = session.get(EvidenceTable, one.roll_id)
        first = one.picture_bytes + one.profile_bytes
        if row is None:
            row = EvidenceTable(roll_id=one.roll_id, pictures_dropped=0, profile_dropped=False, is_removing=False)
            row.first_bytes = first
            session.add(row)
        row.first_bytes = max(row.first_bytes, first)
        row.measured_at = now()
        row.pictures = one.pictures
        row.picture_bytes = one.picture_bytes
        row.profile_bytes = one.profile_bytes


def measure_all(
    engine: Engine, home: Path, write: Callable[[Callable[[Session], None]], None], go_on: Callable[[], bool]
) -> None:
    """Measure every roll that has not been, some at a time, as long as ``go_on`` says so.

    Raises:
        OSError, SQLAlchemyError, RecordsError: the disk or the database refuses.
    """
    while go_on() and (rolls := unmeasured(engine)):
        found = [measure(engine, home, roll_id) for roll_id in rolls]
        write(lambda session, found=found: put_on_record(session, found))  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Usage:
    """How many bytes of evidence lie on the home's disk, without recordings, and how many a day come in now."""

    bytes: int
    bytes_a_day: float


def usage(engine: Engine, home: Path, at: datetime) -> Usage:
    """Return what lies there of all rolls; open ones are counted as they are now.  Raises OSError, SQLAlchemyError."""
    since = at - timedelta(days=GROWTH_DAYS)
    with Session(engine) as session:
        stored = session.scalar(select(func.sum(EvidenceTable.picture_bytes + EvidenceTable.profile_bytes)))
        open_rolls = session.scalars(select(RollTable.id).where(RollTable.ended_how == "")).all()
        grown, first = session.execute(
            select(func.sum(EvidenceTable.first_bytes), func.min(RollTable.started_at))
            .join(RollTable, RollTable.id == EvidenceTable.roll_id)
            .where(RollTable.started_at >= since)
        ).one()
    in_open = sum(sum(_sizes(home / images.FOLDER / str(roll_id))) for roll_id in open_rolls)
    days = max(1.0, (at - first).total_seconds() / 86_400) if first is not None else 1.0
    return Usage(int(stored or 0) + in_open, float(grown or 0) / days)
