"""This module writes the records.  A process has one store; one thread writes, all others tell or ask it."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from station.contract import (
    ColumnsInspected,
    DefectChanged,
    Event,
    Fault,
    Notice,
    RollEnded,
    RowJudged,
    StopChanged,
    StretchClosed,
)
from station.recipe import Recipe
from station.records import audit, images
from station.records.calibrations import add_calibrations
from station.records.engine import default_url, make_home, open_database, shown, sqlite_file
from station.records.locks import FileLock
from station.records.recipes import next_recipe, set_model
from station.records.reviews import add_review
from station.records.rolls import NO_ROLL, Entry, break_off, checked_name, new_roll
from station.records.rows import NewCalibration, RecordsError, RollMeasures, Verdict
from station.records.schema import RollTable, now
from station.records.writer import Writer

KEPT = (DefectChanged, StretchClosed, RowJudged, RollEnded, StopChanged, ColumnsInspected, Notice, Fault)
"""Only these events are kept; whoever tells the records may tell them all."""

log = logging.getLogger("station.records")


class Store:
    """The store keeps recipes, models, rolls, reviews and audit on disk.  All methods may be called from any thread.

    Use it as a context manager, or call :meth:`close`.
    """

    def __init__(self, home: Path, url: str, writer_engine: Engine, read_engine: Engine) -> None:
        self._home = home
        self._url = url
        self._engine = writer_engine
        self._read_engine = read_engine
        self._station = f"{platform.node()}:{home}"[-255:]
        self._writer = Writer(writer_engine, home, shown(url), on_kept=self._on_kept)
        self._roll: tuple[int, str] | None = None
        self._locks: dict[int, FileLock] = {}
        self._closed = False

    @classmethod
    def open(cls, home: Path, url: str | None = None) -> Store:
        """Open (or create) the records of a home folder, bring them up to date, and break off rolls a crash left open.

        Raises:
            RecordsError: the home cannot be written to, the file is no database of a station or a newer station's, the
                disk is full, another program holds the database.
        """
        home = Path(home).absolute()
        make_home(home)
        url = url or default_url(home)
        store = cls(home, url, *open_database(home, url))
        try:
            store.recover()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def home(self) -> Path:
        """Give the folder of the records."""
        return self._home

    @property
    def read_engine(self) -> Engine:
        """Give the engine for readers, which refuses to write."""
        return self._read_engine

    @property
    def failure(self) -> RecordsError | None:
        """Give what keeps the line's events from the disk now, or that some were lost; None if all is well."""
        return self._writer.failure

    @property
    def waiting(self) -> int:
        """Give the number of events told but not on disk yet."""
        return self._writer.waiting

    @property
    def lost(self) -> int:
        """Give the number of events that did not fit while the disk failed; they are not on record."""
        return self._writer.lost

    # ------------------------------------------------------------------ the line

    def begin_roll(
        self,
        name: str | None,
        recipe: Recipe,
        camera_id: str,
        *,
        measures: RollMeasures | None = None,
        by: str = "station",
    ) -> str:
        """Open a roll, to which all that :meth:`write` is told from now on belongs.  Returns its name.

        Without a name, the roll is called by the day and a number (``2026-11-22-001``).  A recipe not on record yet is
        put there as it is.  A roll still open in this store is broken off.  Without ``measures``, sizes follow the
        recipe's own scale and are unverified.

        Raises:
            RecordsError: the name is taken or unfit, or another recipe is on record under this fabric and version.
        """
        self._break_off_open("another roll was begun")
        chosen = None if name is None else checked_name(name)
        locks: dict[int, FileLock] = {}

        def run(session: Session) -> tuple[int, str]:
            roll = new_roll(
                session, chosen, recipe, camera_id, measures or RollMeasures.uncalibrated(recipe), self._station, by
            )
            lock = self._roll_lock(roll.id)
            locks[roll.id] = lock
            if not lock.take(timeout_s=2.0):
                raise RecordsError(f"Roll number {roll.id} is held by another program; try again.")
            return roll.id, roll.name

        try:
            self._roll = self._writer.call(run)
        except RecordsError:
            for lock in locks.values():
                lock.free(remove=True)
            raise
        self._locks.update(locks)
        return self._roll[1]

    def write(self, event: Event, timeout_s: float = 0.0) -> bool:
        """Tell an event of the open roll; returns at once (or within ``timeout_s`` if the queue is full).

        Pictures of the cloth and the roll's start are not kept.  Notices, columns inspected, faults of the program and
        what becomes of a stop of the machine go to the audit: when a camera came back belongs to a roll as much as when
        it went.
        Returns False if an event to keep was not accepted; :attr:`failure` then says why and :attr:`lost` counts it.

        Raises:
            RecordsError: no roll is open.
        """
        if not isinstance(event, KEPT):
            return True
        roll = self._roll  # read once: the machine's thread tells while the line's may end the roll
        if roll is None and not isinstance(event, Notice | StopChanged | Fault):
            raise RecordsError(f"No roll is open to record a {type(event).__name__} in; begin a roll first.")
        roll_id = roll[0] if roll else NO_ROLL
        accepted = self._writer.put(Entry(roll_id, event, now()), timeout_s)
        if isinstance(event, RollEnded):
            self._roll = None
        return accepted

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until all that was told is on disk.  Returns False after a failure or timeout; see :attr:`failure`."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 30.0) -> None:
        """Write what waits, break off a roll still open, and stop the thread.  May be called twice.

        Raises:
            RecordsError: events could not be written; it says how many and why.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._writer.flush(timeout_s):
                self._break_off_open("the station was closed")
        finally:
            try:
                self._writer.stop(timeout_s)
            finally:
                for roll_id in list(self._locks):
                    self._free_lock(roll_id)
                self._engine.dispose()
                self._read_engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def recover(self) -> list[str]:
        """Break off rolls whose program is gone (crash, power cut).  Returns their names.

        A roll's program holds a file lock while it lives, so rolls that run elsewhere are left alone.
        """
        server = sqlite_file(self._url) is None
        with Session(self._read_engine) as session:
            query = select(RollTable.id, RollTable.name).where(RollTable.ended_how == "")
            if server:
                query = query.where(RollTable.station == self._station)
            unended = [(row.id, row.name) for row in session.execute(query)]
        recovered = [name for roll_id, name in unended if self._recover_one(roll_id)]
        if recovered:
            images.sweep(self._home)
            log.warning("rolls broken off by a crash: %s", ", ".join(recovered))
        return recovered

    # ------------------------------------------------------------------ people and teaching

    def save_recipe(self, recipe: Recipe, by: str, why: str, *, based_on: int | None = None) -> Recipe:
        """Put a recipe on record as the next version of its fabric.  Returns it with that version.

        ``based_on``: version of the recipe that was changed, so that a change never undoes a newer version unseen.

        Raises:
            SupersededError: a newer version is on record by now.
        """
        return self._writer.call(lambda session: next_recipe(session, recipe, by, why, based_on))

    def add_model(
        self, sha256: str, file: Path, metadata: Mapping[str, Any], by: str = "station", why: str = ""
    ) -> None:
        """Put a taught model on record: its file's hash, where the file is, what is known of the model (JSON-able)."""
        file = Path(file).absolute()
        path = file.relative_to(self._home).as_posix() if file.is_relative_to(self._home) else str(file)
        self._writer.call(lambda session: set_model(session, sha256, path, metadata, by, why))

    def add_calibrations(self, new: Iterable[NewCalibration], by: str, why: str = "") -> list[int]:
        """Put cameras' calibrations on record, all or none.  Returns their numbers."""
        made = tuple(new)
        return self._writer.call(lambda session: add_calibrations(session, made, by, why))

    def review(self, defect_id: int, verdict: Verdict, by: str, note: str = "") -> None:
        """Add a person's verdict on a defect; the last one counts.  Raises RecordsError if there is no such defect."""
        self._writer.call(lambda session: add_review(session, defect_id, verdict, by, note))

    def audit(self, action: str, old: str, new: str, by: str, why: str) -> None:
        """Add a row to the audit chain."""
        self._writer.call(lambda session: audit.append(session, action, old, new, by, why))

    # ------------------------------------------------------------------ inside

    def _roll_lock(self, roll_id: int) -> FileLock:
        return FileLock(self._home / "locks" / f"roll-{roll_id}.lock")

    def _break_off_open(self, why: str) -> None:
        if self._roll is None:
            return
        roll_id = self._roll[0]
        if not self._writer.flush(30.0):
            raise self.failure or RecordsError("The records are too slow; try again.")
        self._writer.call(lambda session: _break_off(session, roll_id, why))
        self._roll = None
        self._free_lock(roll_id)

    def _recover_one(self, roll_id: int) -> bool:
        lock = self._roll_lock(roll_id)
        if not lock.take():
            return False
        try:
            return self._writer.call(lambda session: _break_off(session, roll_id, "the program ended without it"))
        finally:
            lock.free(remove=True)

    def _on_kept(self, entry: Entry) -> None:
        if isinstance(entry.event, RollEnded):
            self._free_lock(entry.roll_id)

    def _free_lock(self, roll_id: int) -> None:
        lock = self._locks.pop(roll_id, None)
        if lock is not None:
            lock.free(remove=True)


def _break_off(session: Session, roll_id: int, why: str) -> bool:
    roll = session.get(RollTable, roll_id)
    if roll is None or roll.ended_how != "":
        return False
    break_off(session, roll, why)
    return True
