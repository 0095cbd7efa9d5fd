"""This module writes the records.  A process has one store; one thread writes, all others tell or ask it."""

from __future__ import annotations

import logging
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session

from station.contract import Acknowledged, Event, Fault, Notice, RollEnded, Severity, StopChanged
from station.recipe import Recipe
from station.records import audit
from station.records.calibrations import add_calibrations
from station.records.defects.reviews import Reviews, recording_name
from station.records.defects.words import Word
from station.records.engine import default_url, make_home, open_database, shown, sqlite_file
from station.records.locks import RollLocks
from station.records.people.register import Register
from station.records.rating.rating import Rating
from station.records.recipes import next_recipe, set_model
from station.records.roll_life.open_rolls import OpenRolls
from station.records.roll_life.unfinished import Reopened
from station.records.rolls import KEPT, NO_ROLL, SIGNED, Entry, clock_text, place_of
from station.records.rows import NewCalibration, RecordsError, RollMeasures, Verdict
from station.records.safety import spill as spills
from station.records.safety.backlog import Backlog
from station.records.safety.clock import ClockWatch
from station.records.safety.copies import DailyCopies
from station.records.safety.lagging import lag_of
from station.records.safety.place import Place
from station.records.safety.programs import Programs
from station.records.safety.recovery import break_off_left_open, take_in_files
from station.records.safety.rescue import open_or_renew
from station.records.schema import now
from station.records.writer import Writer
from station.state.records_lag import UNRECORDED_M, RecordsLag
from station.state.roll import RollIdentity

T = TypeVar("T")

MOST_NOTICES = 64
CLOSE_S = 30.0
LAGGING_S = 5.0
"""At the end a disk that does not take events is given so long; then they are left in a file."""
SPILL_S = 3.0
"""Of the time to close this much is kept for leaving events in a file."""

log = logging.getLogger("station.records")


class Store(AbstractContextManager["Store"]):
    """The store keeps recipes, models, rolls, reviews and audit on disk.  All methods may be called from any thread."""

    def __init__(
        self, home: Path, url: str | URL, writer_engine: Engine, read_engine: Engine, spill: Path | None
    ) -> None:
        self._home = home
        self._url = url
        self._engine = writer_engine
        self._read_engine = read_engine
        self._station = f"{platform.node()}:{home}".encode("utf-8", "backslashreplace").decode()[-255:]
        self._notices: deque[Notice] = deque(maxlen=MOST_NOTICES)
        self._locks = RollLocks(home)
        self._closed = False
        self._clock = ClockWatch(lambda: now())
        self.rolls = OpenRolls(home, self._station, read_engine, self.call, self._locks, self._warn, self._clock)
        self.people = Register(read_engine, self.call)
        self._programs = Programs(home)
        self._spill_folders = spills.folders(home, spill)
        file = sqlite_file(url)
        self._place = None if file is None else Place(file, writer_engine, self._opened_anew)
        self._writer = Writer(
            writer_engine,
            home,
            shown(url),
            on_kept=self._on_kept,
            backlog=Backlog(spills.Spill(self._spill_folders, self.rolls.headers.get)),
            place=self._place,
            tell=self._notices.append,
        )
        self.rating = Rating(home, self._writer.call, read_engine, self._warn, self._writer.lost_of)
        self._copies = None if file is None else DailyCopies(home, file, self._warn)
        self.reviews = Reviews(home, self.rating.change)

    @classmethod
    def open(cls, home: Path, url: str | URL | None = None, *, spill: Path | None = None) -> Store:
        """Open (or create) the records of a home folder, bring them up to date, take in what an earlier run could not
        write, and break off rolls a crash left open.

        A database that is damaged, empty in a home that was used, or none of a station is kept aside, and a fresh one
        is opened; :meth:`take_notices` tells of it.

        Args:
            home: the home folder.
            url: address of the database; default: a SQLite file in the home.
            spill: a second place, on another disk, for events that can neither be written nor wait in memory.

        Raises:
            RecordsError: the home cannot be written to, the file is a newer station's, the disk is full, another
                program holds the database.
        """
        home = Path(home).absolute()
        url = url or default_url(home)
        make_home(home)
        told = open_or_renew(home, url)
        store = cls(home, url, *open_database(home, url), spill)
        try:
            for text in told:
                store.audit("database put aside", "", text, "station", "it could not be used")
            for text in told + take_in_files(store._spill_folders, home, store._writer.call):
                store._warn(text)
            store.recover()
        except BaseException:
            store.close()
            raise
        if store._copies is not None:
            store._copies.start()
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

    def lost_of(self, roll: str) -> int:
        """Return the number of events of a roll, begun in this store, that are not on record for good."""
        return sum(map(self._writer.lost_of, self.rolls.named(roll)))

    def lag(self, limit_m: float = UNRECORDED_M) -> RecordsLag | None:
        """Describe how far the record lags behind the cloth, None if it does not."""
        if (waiting := self._writer.lag) is None:
            return None
        scales = {roll_id: self.rolls.headers[roll_id]["mm_per_line"] for roll_id in waiting.lines}
        return lag_of(waiting, scales, limit_m)

    def take_notices(self) -> list[Notice]:
        """Take what the records tell people since the last call, and which other programs work on the home."""
        taken = [Notice(Severity.INFO, text) for text in self._programs.news()]
        while self._notices:
            taken.append(self._notices.popleft())
        return taken

    # ------------------------------------------------------------------ the line

    def begin_roll(
        self,
        name: str | None,
        recipe: Recipe,
        camera_id: str,
        *,
        measures: RollMeasures | None = None,
        by: str = "station",
        identity: RollIdentity | None = None,
    ) -> str:
        """Open a roll, to which all that :meth:`write` is told from now on belongs.  Returns its name.

        Without a name, the roll is called by the day and a number (``2026-11-22-001``).  A recipe not on record yet is
        put there as it is.  A roll still open in this store is broken off.  Without ``measures``, sizes follow the
        recipe's own scale and are unverified.

        Raises:
            RecordsError: the name is taken or unfit, so is a fact of its identity, or the version is another recipe's.
        """
        self._break_off_open("another roll was begun", 30.0)
        used = measures or RollMeasures.uncalibrated(recipe)
        name = self.rolls.begin(name, recipe, camera_id, used, by, identity, self.rating.keeper(recipe))
        self.rating.open(self.rolls.open_id, recipe, used)
        return name

    def resume_roll(self, name: str, recipe: Recipe, camera_id: str, measures: RollMeasures, by: str) -> Reopened:
        """Open the roll again that a crash left; all that :meth:`write` is told from now on belongs to it.

        Raises:
            RecordsError: there is no such roll, another was begun since, or it has another scale.
        """
        self._break_off_open("another roll was resumed", 30.0)
        back = self.rolls.resume(name, recipe, camera_id, measures, by)
        self.rating.open(back.id, recipe, measures, resumed=True)
        return back

    def write(self, event: Event, timeout_s: float = 0.0) -> bool:
        """Tell an event of the open roll; returns at once (or within ``timeout_s`` if the queue is full).

        Pictures of the cloth and the roll's start are not kept.  Notices, columns inspected, faults of the program and
        what becomes of a stop of the machine go to the audit.
        Returns False if an event to keep was not accepted; :attr:`failure` then says why and :attr:`lost` counts it.

        Raises:
            RecordsError: no roll is open.
        """
        if not isinstance(event, KEPT):
            return True
        roll = self.rolls.open  # read once: the machine's thread tells while the line's may end the roll
        if roll is None and not isinstance(event, Notice | StopChanged | Fault | Acknowledged):
            raise RecordsError(f"No roll is open to record a {type(event).__name__} in; begin a roll first.")
        roll_id = roll[0] if roll else NO_ROLL
        event = self.rating.hear(event)
        accepted = self._writer.put(self._entry(roll_id, event), timeout_s)
        if isinstance(event, RollEnded):
            self.rolls.open = None
        return accepted

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until all that was told is on disk, trying again.  Returns False if time ran out (:attr:`failure`)."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Write what waits, break off a roll still open, and stop the thread; what cannot be written within the time is
        left in a file for the next start.  May be called twice.

        Raises:
            RecordsError: events could not be written; it says how many, why, and where they are.
        """
        if self._closed:
            return
        self._closed = True
        until_s = time.monotonic() + max(timeout_s - SPILL_S, min(timeout_s, SPILL_S))
        if self._writer.lag is not None:
            until_s = min(until_s, time.monotonic() + LAGGING_S)
        try:
            if self._writer.flush(until_s - time.monotonic()):
                self._break_off_open("the station was closed", max(0.5, until_s - time.monotonic()))
        finally:
            try:
                self._writer.stop(max(0.0, until_s - time.monotonic()))
            finally:
                if self._copies is not None:
                    self._copies.close()
                self._locks.free_all()
                self._programs.close()
                self._engine.dispose()
                self._read_engine.dispose()
                if self._place is not None:
                    self._place.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def recover(self) -> list[str]:
        """Break off rolls whose program is gone (crash, power cut).  Returns their names.

        A roll's program holds a file lock while it lives, so rolls that run elsewhere are left alone.
        """
        station = self._station if sqlite_file(self._url) is None else None
        return break_off_left_open(self._home, self._read_engine, self._writer.call, station, self._warn)

    # ------------------------------------------------------------------ people and teaching

    def call(self, run: Callable[[Session], T], timeout_s: float = 30.0) -> T:
        """Call ``run`` in a write transaction of its own.  Raises as :meth:`station.records.writer.Writer.call`."""
        return self._writer.call(run, timeout_s)

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
        path = recording_name(self._home, Path(file))
        self._writer.call(lambda session: set_model(session, sha256, path, metadata, by, why))

    def add_calibrations(self, new: Iterable[NewCalibration], by: str, why: str = "") -> list[int]:
        """Put cameras' calibrations on record, all or none.  Returns their numbers."""
        made = tuple(new)
        return self._writer.call(lambda session: add_calibrations(session, made, by, why))

    def review(self, defect_id: int, verdict: Verdict, by: str, note: str = "") -> None:
        """Add a person's verdict on a defect; the last one counts.  Raises RecordsError if there is no such defect."""
        self.reviews.say([defect_id], Word(verdict, note=note), by)

    def sign(self, roll_id: int, said: str, by: str) -> None:
        """Put on record that a person signed a roll's report, and what it said then."""
        self.audit(SIGNED, "", said, by, place_of(roll_id))

    def tell(self, notice: Notice) -> None:
        """Tell people and the audit; never waits."""
        self._notices.append(notice)
        self.write(notice)

    def audit(self, action: str, old: str, new: str, by: str, why: str) -> None:
        """Add a row to the audit chain."""
        self._writer.call(lambda session: audit.append(session, action, old, new, by, why))

    def _entry(self, roll_id: int, event: Event) -> Entry:
        told_at, shift_s = self._clock.look()
        if shift_s:
            self._warn(f"While {'a roll was' if roll_id else 'no roll was'} open, {clock_text(shift_s)}.")
        return Entry(roll_id, event, told_at, shift_s)

    def _opened_anew(self) -> None:
        self._read_engine.dispose()
        self._locks.take_again()

    def _warn(self, text: str) -> None:
        self._notices.append(Notice(Severity.WARNING, text))

    def _break_off_open(self, why: str, timeout_s: float) -> None:
        if self.rolls.open is not None and not self._writer.flush(timeout_s):
            raise self.failure or RecordsError("The records are too slow; try again.")
        self.rolls.break_off(why, timeout_s)

    def _on_kept(self, entry: Entry) -> None:
        if isinstance(entry.event, RollEnded):
            self.rolls.ended(entry.roll_id)
        self.rating.kept(entry.roll_id, entry.event)
