"""This module opens rolls on record and knows the one that is open: it begins, renames, resumes and breaks it off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.recipe import Recipe
from station.records import images
from station.records.engine import shown
from station.records.errors import records_error
from station.records.locks import RollLocks
from station.records.roll_life.identity import checked_identity, checked_name, correct, correct_ended, rename
from station.records.roll_life.unfinished import Reopened, close_for_good, reopen, unfinished
from station.records.rolls import new_roll
from station.records.rows import RecordsError, RollMeasures
from station.records.safety.clock import ClockWatch, clock_behind
from station.records.safety.recovery import break_off_open
from station.records.safety.spill import RollHeader
from station.records.safety.take_in import roll_header
from station.state.roll import RollIdentity, UnfinishedRoll

Call = Callable[..., Any]
"""This function runs another one in a write transaction and returns its answer; it raises RecordsError."""

LOCK_S = 2.0


class OpenRolls:
    """The open rolls are those this program began; at most one is open at a time.

    Args:
        home: the home folder.
        station: the station's name on a shared server.
        engine: reads the database.
        call: writes to it.
        locks: show other programs that a roll is open here.
        warn: takes a sentence for people.
        clock: notices that the computer's clock was set.
    """

    def __init__(
        self,
        home: Path,
        station: str,
        engine: Engine,
        call: Call,
        locks: RollLocks,
        warn: Callable[[str], None],
        clock: ClockWatch,
    ) -> None:
        self._home = home
        self._station = station
        self._engine = engine
        self._call = call
        self._locks = locks
        self._warn = warn
        self._clock = clock
        self.headers: dict[int, RollHeader] = {}
        """All that puts a roll begun here on record again, by its id."""
        self.open: tuple[int, str] | None = None
        """Id and name of the open roll; read it once, as the line may end the roll meanwhile."""

    def named(self, name: str) -> list[int]:
        """Return the numbers of the rolls of this name that were begun here."""
        return [roll_id for roll_id, header in list(self.headers.items()) if header["name"] == name]

    @property
    def open_id(self) -> int:
        """Give the number of the open roll.  Raises RecordsError if none is open."""
        now_open = self.open
        if now_open is None:
            raise RecordsError("No roll is open; begin a roll first.")
        return now_open[0]

    def begin(
        self,
        name: str | None,
        recipe: Recipe,
        camera_id: str,
        measures: RollMeasures,
        by: str,
        identity: RollIdentity | None,
        also: Callable[[Session, int], None],
    ) -> str:
        """Open a roll; see :meth:`station.records.store.Store.begin_roll`.  ``also`` puts more of it, by its number, on
        record in the same transaction."""
        chosen = None if name is None else checked_name(name)
        known = checked_identity(identity or RollIdentity())

        began: list[int] = []
        above = images.highest_roll(self._home)  # pictures of a database that was put aside are not written over

        def run(session: Session) -> tuple[int, str]:
            began_at, _ = self._clock.look()
            if text := clock_behind(session, began_at):
                self._warn(text)
            roll = new_roll(
                session, chosen, recipe, camera_id, measures, self._station, by, above_id=above, identity=known
            )
            also(session, roll.id)
            began.append(roll.id)
            self._lock(roll.id)
            started = roll.started_at
            self.headers[roll.id] = roll_header(roll.name, recipe, camera_id, self._station, started, measures, known)
            return roll.id, roll.name

        try:
            self.open = self._call(run)
        except RecordsError:
            for roll_id in began:
                self._locks.free(roll_id)
            raise
        return self.open[1]

    def rename(self, name: str, by: str) -> str:
        """Give the open roll another name.  Returns it as it is kept.

        Raises:
            RecordsError: no roll is open, or the name is unfit or another roll's.
        """
        roll_id, new = self.open_id, checked_name(name)
        self._call(lambda session: rename(session, roll_id, new, by))
        self.headers[roll_id] = {**self.headers[roll_id], "name": new}
        if self.open is not None and self.open[0] == roll_id:
            self.open = roll_id, new
        return new

    def correct_ended(self, name: str, identity: RollIdentity, by: str, why: str) -> RollIdentity:
        """Put other facts of a roll that has ended on record, and grade it anew.  Returns them as they are kept.

        Raises:
            RecordsError: there is no such roll, it is open, or a fact is unfit.
        """
        known = checked_identity(identity)
        self._call(lambda session: correct_ended(session, name, known, by, why))
        return known

    def correct(self, identity: RollIdentity, by: str, why: str) -> RollIdentity:
        """Put other facts of the open roll on record.  Returns them as they are kept.

        Raises:
            RecordsError: no roll is open, or a fact is unfit.
        """
        roll_id, known = self.open_id, checked_identity(identity)
        self._call(lambda session: correct(session, roll_id, known, by, why))
        self.headers[roll_id] = {**self.headers[roll_id], **_identity_part(known)}
        return known

    def unfinished(self, camera_id: str) -> UnfinishedRoll | None:
        """Return the roll that a crash left on a camera and that may be resumed, None if there is none.

        Raises:
            RecordsError: the database cannot be read.
        """
        try:
            with Session(self._engine) as session:
                return unfinished(session, camera_id, self._station)
        except (SQLAlchemyError, TypeError, ValueError) as error:  # a spoilt value in it, too
            raise records_error(error, shown(self._engine.url)) from error

    def close_unfinished(self, name: str, camera_id: str, by: str, why: str) -> None:
        """Note that people leave the roll closed that a crash left.  Raises RecordsError."""
        self._call(lambda session: close_for_good(session, name, camera_id, self._station, by, why))

    def resume(self, name: str, recipe: Recipe, camera_id: str, measures: RollMeasures, by: str) -> Reopened:
        """Open the roll again that a crash left.

        Raises:
            RecordsError: there is no such roll, or it was measured by another scale.
        """
        opened: list[int] = []

        def run(session: Session) -> Reopened:
            roll, back = reopen(session, name, camera_id, self._station, by)
            if (roll.mm_per_px, roll.mm_per_line) != (measures.mm_per_px, measures.mm_per_line):
                raise RecordsError(f"Roll {name} was begun with another scale; leave it closed and begin a new roll.")
            opened.append(roll.id)
            self._lock(roll.id)
            header = roll_header(roll.name, recipe, camera_id, self._station, roll.started_at, measures)
            self.headers[roll.id] = {**header, **_identity_part(back.identity)}
            return back

        try:
            back: Reopened = self._call(run)
        except RecordsError:
            for roll_id in opened:
                self._locks.free(roll_id)
            raise
        self.open = back.id, back.name
        return back

    def ended(self, roll_id: int) -> None:
        """Let go of a roll whose end is on record."""
        self._locks.free(roll_id)

    def break_off(self, why: str, timeout_s: float) -> None:
        """Break off the open roll, if there is one; all that was told of it is on record by now."""
        if self.open is None:
            return
        roll_id = self.open[0]
        self._call(lambda session: break_off_open(session, roll_id, why), timeout_s)
        self.open = None
        self._locks.free(roll_id)

    def _lock(self, roll_id: int) -> None:
        if not self._locks.take(roll_id, timeout_s=LOCK_S):
            raise RecordsError(f"Roll number {roll_id} is held by another program; try again.")


def _identity_part(identity: RollIdentity) -> RollHeader:
    return {"identity": asdict(identity)}
