"""This module finds the recordings of cloth beside the records, whose rolls they are of, and removes one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, case, func, or_, select
from sqlalchemy.orm import Session

from drivers.recording.format import SUFFIX
from drivers.recording.reader import RecordingError, first_metadata
from station.contract import Severity
from station.records.defects.tables import KeptRecordingTable
from station.records.history import RECORDED_IN, folder_told
from station.records.rolls import roll_at
from station.records.schema import EventTable, RollTable

FRESH_S = 3600.0
"""A recording written to within this time may still be in the making."""
WHOLE_SECONDS = timedelta(seconds=1)
"""A recording says when it began in whole seconds, rounded down."""


@dataclass(frozen=True, slots=True)
class RecordedCloth:
    """A recording: its folder, bytes and segments, when it was last written to, and its roll's number (None if no roll
    on record is known to be its)."""

    folder: Path
    bytes: int
    segments: int
    written_at: datetime
    roll_id: int | None


class _Known(NamedTuple):
    name: str | None
    started_at: datetime | None


class Shelf:
    """The shelf is the folder of recordings; what a recording says of itself is read once.

    Args:
        home: the home folder, to which the names of kept recordings are relative.
        folder: the folder of recordings.
    """

    def __init__(self, home: Path, folder: Path) -> None:
        self._home = home
        self.folder = folder.absolute()
        self._known: dict[Path, _Known] = {}
        self._told: dict[Path, int] = {}
        self._told_to = 0

    def recordings(self, engine: Engine) -> list[RecordedCloth]:
        """Return what lies on the shelf, the oldest first.  Raises OSError, SQLAlchemyError."""
        found: list[RecordedCloth] = []
        self._hear(engine)
        for folder in sorted(self.folder.glob("*")):
            sizes, newest = [], 0.0
            for segment in folder.glob(f"*{SUFFIX}"):
                with suppress(FileNotFoundError):  # the recorder drops its oldest too
                    status = segment.stat()
                    sizes.append(status.st_size)
                    newest = max(newest, status.st_mtime)
            if sizes:
                roll_id = self._roll_of(engine, folder)
                found.append(
                    RecordedCloth(folder, sum(sizes), len(sizes), datetime.fromtimestamp(newest, UTC), roll_id)
                )
        return sorted(found, key=lambda one: one.written_at)

    def _hear(self, engine: Engine) -> None:
        """Take from the audit which roll was recorded where, as far as that is new."""
        query = select(EventTable.new, EventTable.why).where(EventTable.id > self._told_to).order_by(EventTable.id)
        query = query.where(EventTable.action == f"notice: {Severity.INFO}", EventTable.new.contains(RECORDED_IN))
        with Session(engine) as session:
            told_to = session.scalar(select(func.max(EventTable.id))) or 0
            for told, place in session.execute(query.where(EventTable.id <= told_to)):
                folder, roll_id = folder_told(str(told)), roll_at(str(place))
                if folder and roll_id is not None:
                    self._told[self._home / folder] = roll_id
        self._told_to = told_to

    def _roll_of(self, engine: Engine, folder: Path) -> int | None:
        """Return the number of the roll that was recorded: the one of which the line told this.

        Where it did not, as in a home that was moved, it is the roll of that name that was open when the recording
        began, or else, as a roll may be renamed, any that was.  A name alone says nothing: the next roll may have it.
        """
        if folder in self._told:
            return self._told[folder]
        if folder not in self._known:
            self._known[folder] = _read(folder)
        known = self._known[folder]
        if known.name is None or known.started_at is None:
            return None
        began = RollTable.started_at < known.started_at + WHOLE_SECONDS
        is_then = or_(RollTable.ended_at.is_(None), RollTable.ended_at >= known.started_at)
        first = case((RollTable.name == known.name, 0), else_=1), RollTable.id.desc()
        with Session(engine) as session:
            return session.scalar(select(RollTable.id).where(began, is_then).order_by(*first).limit(1))

    def kept(self, engine: Engine) -> set[Path]:
        """Return the folders of recordings that somebody said are to be kept, by themselves or with their roll."""
        with Session(engine) as session:
            kept = {self._home / str(folder) for folder in session.scalars(select(KeptRecordingTable.folder))}
            rolls = set(session.scalars(select(RollTable.id).where(RollTable.keep)))
        if rolls:
            self._hear(engine)
            kept |= {folder for folder in self.folder.glob("*") if self._roll_of(engine, folder) in rolls}
        return kept


def _read(folder: Path) -> _Known:
    try:
        metadata = first_metadata(folder)
        return _Known(metadata.roll, datetime.fromisoformat(metadata.started_at).astimezone(UTC))
    except (RecordingError, ValueError):
        return _Known(None, None)


def removable(
    found: Sequence[RecordedCloth], kept: Collection[Path], guarded_rolls: Collection[int], now: datetime
) -> list[RecordedCloth]:
    """Return the recordings that may go: not kept, of no open or kept roll, and not in the making."""
    return [
        one
        for one in found
        if one.folder not in kept
        and one.roll_id not in guarded_rolls
        and (now - one.written_at).total_seconds() > FRESH_S
    ]


def remove(one: RecordedCloth) -> None:
    """Remove a recording: the oldest segments first, so that what is left of one that is cut off can be played.

    Raises:
        OSError: the disk refuses.
    """
    for segment in sorted(one.folder.glob(f"*{SUFFIX}")):
        segment.unlink(missing_ok=True)
    with suppress(OSError):
        one.folder.rmdir()  # only if nothing else lies in it
