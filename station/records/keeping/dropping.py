"""This module removes evidence so that a crash at any moment leaves no row that names a picture that is gone, and no
picture that no row names once the next start has looked.

First the rows say that the pictures are no longer kept, and the roll that its files are being removed; then the files
go; then the roll no longer says so.  Batches are small, as the line's events wait meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from station.records import audit, images
from station.records.defects.tables import KeptRecordingTable
from station.records.keeping.choosing import Pictured, Worth, may_go
from station.records.keeping.table import EvidenceTable
from station.records.schema import DefectTable, ProfileTable, RollTable

DROPPED = "evidence removed"
BATCH = 100
PROFILE_ROWS = 500
BY = "retention"

Write = Callable[[Callable[[Session], Any]], Any]
"""This function runs another one in a write transaction and returns its answer; it raises RecordsError."""


@dataclass
class Removed:
    """What was removed: pictures, score profiles and recordings, and the bytes of all."""

    pictures: int = 0
    profiles: int = 0
    recordings: int = 0
    bytes: int = 0
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ((self.pictures, "picture"), (self.profiles, "score profile"), (self.recordings, "recording"))
        told = [f"{count:,} {name}{'s' * (count != 1)}".replace(",", " ") for count, name in counts if count]
        return f"{', '.join(told) or 'nothing'} ({self.bytes / 1e6:.1f} MB)"

    def __bool__(self) -> bool:
        return bool(self.pictures or self.profiles or self.recordings)


def drop_pictures(home: Path, write: Write, chosen: Sequence[Pictured], worth: Worth | None, why: str) -> Removed:
    """Remove the pictures of some defects; those that somebody decided to keep meanwhile stay.

    Raises:
        RecordsError: the database refuses; nothing was removed.
    """
    fit = [one for one in chosen if one.files]
    sizes = {path: _size(home / path) for one in fit for path in one.files}
    going = write(lambda session: _unname(session, fit, sizes, worth, why))
    paths = [path for one in going for path in one.files]
    failed = _unlink(home, paths)
    return Removed(pictures=len(paths), bytes=sum(sizes[path] for path in paths), failed=failed)


def _unname(
    session: Session, chosen: Sequence[Pictured], sizes: dict[str, int], worth: Worth | None, why: str
) -> list[Pictured]:
    """Say on record that these pictures are no longer kept; return those of which that is true."""
    ids = [one.id for one in chosen]
    query = select(DefectTable.id).join(RollTable, RollTable.id == DefectTable.roll_id)
    still = set(session.scalars(query.where(DefectTable.id.in_(ids), may_go(worth))))
    going = [one for one in chosen if one.id in still]
    if not going:
        return []
    session.execute(
        update(DefectTable)
        .where(DefectTable.id.in_([one.id for one in going]))
        .values(crop_file=None, heat_file=None, pictures_dropped=True)
    )
    counts: Counter[int] = Counter()
    freed: Counter[int] = Counter()
    for one in going:
        for path in one.files:
            counts[one.roll_id] += 1
            freed[one.roll_id] += sizes[path]
    for roll_id, count in counts.items():
        row = session.get(EvidenceTable, roll_id)
        if row is not None:
            row.pictures = max(0, row.pictures - count)
            row.picture_bytes = max(0, row.picture_bytes - freed[roll_id])
            row.pictures_dropped += count
            row.is_removing = True
    what = "pictures" if worth is None else f"pictures of {worth}"
    new = f"{counts.total()} {what}, {freed.total()} bytes, of {_rolls(session, counts)}"
    audit.append(session, DROPPED, "", new, BY, why)
    return going


def _rolls(session: Session, numbers: Iterable[int]) -> str:
    """Name one roll, or the first and the last of several."""
    first, last = min(numbers), max(numbers)
    names = [session.scalar(select(RollTable.name).where(RollTable.id == one)) for one in (first, last)]
    return f"roll {names[0]}" if first == last else f"{len(set(numbers))} rolls from {names[0]} to {names[1]}"


def settle_removed(home: Path, engine: Engine, write: Write) -> list[str]:
    """Remove pictures that the rows no longer name and a crash left, and note that nothing is being removed; return in
    words what could not be removed.

    Raises:
        OSError, SQLAlchemyError, RecordsError: the disk or the database refuses.
    """
    with Session(engine) as session:
        rolls = session.scalars(select(EvidenceTable.roll_id).where(EvidenceTable.is_removing)).all()
    failed: list[str] = []
    for roll_id in rolls:
        query = select(DefectTable.number).where(DefectTable.roll_id == roll_id, DefectTable.pictures_dropped)
        with Session(engine) as session:
            numbers = session.scalars(query).all()
        failed += _unlink(home, [images.path_of(roll_id, number, what) for number in numbers for what in images.KINDS])
    if rolls and not failed:
        still = update(EvidenceTable).where(EvidenceTable.roll_id.in_(rolls)).values(is_removing=False)
        write(lambda session: session.execute(still))
    return failed


def drop_profile(write: Write, roll_id: int, size: int, why: str) -> Removed:
    """Remove a roll's score profile, some rows at a time.  Raises RecordsError."""

    def some(session: Session) -> int | None:
        roll = session.scalar(select(RollTable).where(RollTable.id == roll_id, RollTable.keep.is_(False)))
        if roll is None or roll.ended_how == "":
            return None
        ids = session.scalars(select(ProfileTable.id).where(ProfileTable.roll_id == roll_id).limit(PROFILE_ROWS)).all()
        session.execute(delete(ProfileTable).where(ProfileTable.id.in_(ids)))
        if len(ids) < PROFILE_ROWS:
            row = session.get_one(EvidenceTable, roll_id)
            row.profile_bytes = 0
            row.profile_dropped = True
            audit.append(session, DROPPED, "", f"score profile of roll {roll.name}, {size} bytes", BY, why)
        return len(ids)

    while (count := write(some)) is not None:
        if count < PROFILE_ROWS:
            return Removed(profiles=1, bytes=size)
    return Removed()


def audit_recording(
    session: Session, kept_as: str, name: str, segments: int, size: int, roll_id: int | None, why: str
) -> bool:
    """Put on record that a recording is removed, before it is; return False, and do not, if somebody decided to keep it
    or its roll meanwhile, or to go on with that.

    Args:
        session: the write transaction.
        kept_as: how the recording is called among those that are kept.
        name, segments, size, roll_id, why: what the audit is told of it.
    """
    if session.get(KeptRecordingTable, kept_as) is not None:
        return False
    of = ""
    if roll_id is not None and (roll := session.get(RollTable, roll_id)) is not None:
        if roll.keep or roll.ended_how == "":
            return False
        of = f" of roll {roll.name}"
    audit.append(session, DROPPED, "", f"recording {name}{of}, {segments} segments, {size} bytes", BY, why)
    return True


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0


def _unlink(home: Path, paths: Iterable[str]) -> list[str]:
    """Remove files; return in words which could not be."""
    failed = []
    for path in paths:
        try:
            (home / path).unlink(missing_ok=True)
        except OSError as error:
            failed.append(f"{home / path}: {error.strerror or error}")
    return failed
