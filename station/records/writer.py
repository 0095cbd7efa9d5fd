"""This module has the one thread that writes: events wait in a bounded queue; calls go first and wait for an answer."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from station.bugs import log_bug, named
from station.contract import Notice, Severity
from station.records import audit
from station.records.errors import is_environment, records_error
from station.records.images import save_pictures, sync_pictures
from station.records.rolls import NO_ROLL, Entry, keep, latest_defects, note_loss
from station.records.rows import RecordsError
from station.records.safety.backlog import Backlog
from station.records.safety.lagging import Lagging, Losses, Waiting
from station.records.safety.place import LOOK_S, Place
from station.records.schema import now

T = TypeVar("T")
BATCH = 256
BATCH_PICTURED = 8  # each costs some milliseconds of the disk, and people's calls wait for one batch at most
RETRY_S = 0.5
STOP_S = 2.0
log = logging.getLogger("station.records")


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    run: Callable[[Session], Any]
    answer: Future[Any]


class Writer:
    """The writer writes in batches, one transaction each.  A batch that fails for lack of disk or rights stays queued
    and is tried again; nothing is taken off the queue before it is on disk.

    Args:
        engine: the engine that writes.
        home: the folder that holds the pictures.
        target: what the database is called in messages.
        on_kept: called in the writer's thread with each event that is on disk.
        backlog: the queue of events; default: in memory alone.
        place: the database's place, which is watched; None for a server.
        tell: takes notices of the records themselves; called in any thread, with the writer's lock held.
    """

    def __init__(
        self,
        engine: Engine,
        home: Path,
        target: str,
        *,
        on_kept: Callable[[Entry], None],
        backlog: Backlog | None = None,
        place: Place | None = None,
        tell: Callable[[Notice], None] = lambda _notice: None,
    ) -> None:
        self._engine = engine
        self._home = home
        self._target = target
        self._on_kept = on_kept
        self._backlog = Backlog() if backlog is None else backlog
        self._place = place
        self._tell = tell
        self._calls: deque[_Call] = deque()
        self._put = 0
        self._done = 0
        self._fault: RecordsError | None = None
        self._losses = Losses(target)
        self._lagging = Lagging(target, self._backlog, partial(self._put_notice, Severity.INFO))
        self._stopping = False
        self._is_dead = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> RecordsError | None:
        """Give what keeps events from the disk now, or why the first was lost for good; None if all is well."""
        with self._changed:
            return self._losses.first or self._fault

    @property
    def waiting(self) -> int:
        """Give the number of events told but not on disk yet."""
        with self._changed:
            return len(self._backlog)

    @property
    def lost(self) -> int:
        """Give the number of events that will never be on disk (no room to wait, or unfit)."""
        with self._changed:
            return self._losses.total

    def lost_of(self, roll_id: int) -> int:
        """Return the number of a roll's events that will never be on disk."""
        with self._changed:
            return self._losses.of(roll_id)

    @property
    def lag(self) -> Waiting | None:
        """Give what waits, from the first failed write until all is on disk; None if the record does not lag."""
        with self._changed:
            return self._lagging.look(self._fault)

    def put(self, entry: Entry, timeout_s: float = 0.0) -> bool:
        """Queue an event.  Returns False, counted and declared in :attr:`failure`, if ``timeout_s`` brings no room."""
        with self._changed:
            if not self._stopping and self._backlog.put(entry):
                self._accepted()
                return True
            has_room = self._changed.wait_for(lambda: self._stopping or self._backlog.has_room(entry), timeout_s)
            if not has_room or self._stopping or not self._backlog.put(entry):
                self._lose(entry.roll_id, f"{len(self._backlog)} events wait already")
                return False
            self._accepted()
        return True

    def _accepted(self) -> None:
        self._put += 1 - self._backlog.take_joined()
        self._changed.notify_all()

    def call(self, run: Callable[[Session], T], timeout_s: float = 30.0) -> T:
        """Call ``run`` in a write transaction of its own and return its answer once that is on disk.

        Raises:
            RecordsError: ``run`` refused, the disk or the database failed, or the records are closed.
        """
        answer: Future[T] = Future()
        with self._changed:
            if self._stopping:
                how = "have failed; restart the station" if self._is_dead else "are closed"
                raise RecordsError(f"The records in {self._target} {how}.")
            self._calls.append(_Call(run, answer))
            self._changed.notify_all()
        try:
            return answer.result(timeout_s)
        except (FutureTimeoutError, CancelledError):
            if not answer.cancel() and answer.done() and not answer.cancelled():
                return answer.result()
            if self._is_dead:
                raise RecordsError(f"The records in {self._target} have failed; restart the station.") from None
            raise RecordsError(f"The records in {self._target} did not answer in {timeout_s:g} s; try again.") from None

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was told before is on disk, trying again after failures.  Returns False if time ran
        out."""
        with self._changed:
            goal = self._put
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= goal or self._is_dead, timeout_s)
            return self._done >= goal

    def stop(self, timeout_s: float) -> None:
        """Write what waits, then end the thread; what could not be written is spilled, also under a thread that hangs:
        taking it in does not mind what is on record already.  May be called twice.

        Raises:
            RecordsError: events could not be written; it says how many, and where they wait if they do.
        """
        self.flush(timeout_s)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            waited, lost = len(self._backlog), self._losses.total
            reason = str((self._losses.first if self._is_dead else self._fault) or "The disk is too slow.")
            for entry in self._backlog.spill_all():
                self._lose(entry.roll_id, "there was no room to keep them")
            for roll_id, (events, why) in self._losses.unnoted.items():
                self._backlog.note_loss(roll_id, events, why)
            files = self._backlog.close()
            lost = self._losses.total - lost if waited else lost
        self._thread.join(STOP_S)
        if waited or (self._is_dead and lost):
            raise RecordsError(_not_written(waited, lost, files, reason))

    def _lose(self, roll_id: int, why: str, count: int = 1) -> None:
        self._losses.add(roll_id, f"{why}; {self._fault}" if self._fault else why, count)

    def _put_notice(self, severity: Severity, text: str) -> None:
        """Tell people, and the audit once it can be written."""
        notice = Notice(severity, text)
        if not self._is_dead and self._backlog.put(Entry(NO_ROLL, notice, now())):
            self._put += 1
        self._tell(notice)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._die(error)
            raise  # to the last resort, which tells it as the bug it is

    def _die(self, error: BaseException) -> None:
        """Accept nothing more, so that nobody waits for a thread that has ended and the line does not run on
        unrecorded."""
        with self._changed:
            self._is_dead = True
            self._stopping = True
            why = f"the thread that writes has ended: {named(error)}"
            for entry in self._backlog.spill_all():
                self._lose(entry.roll_id, why)
            self._lose(NO_ROLL, why, 0)
            for left in self._calls:
                left.answer.cancel()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls or len(self._backlog) or self._stopping, LOOK_S)
                call = self._calls.popleft() if self._calls else None
                batch = [] if call else self._backlog.next_batch(BATCH, BATCH_PICTURED)
                if call is None and self._stopping and (self._fault or not batch):
                    break
            if call is not None:
                self._answer(call)
            elif batch or self._losses.unnoted or self._place is not None:
                self._try(batch)
        if self._fault is None:
            self._try([])  # a last look at the place: what was written to a file without a name would be gone
        with self._changed:
            for left in self._calls:
                left.answer.cancel()

    def _answer(self, call: _Call) -> None:
        if not call.answer.set_running_or_notify_cancel():
            return
        try:
            self._look_at_place()
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                answer = call.run(session)
        except Exception as error:
            if not is_environment(error):
                log_bug(error, "the records refused a call")
            call.answer.set_exception(records_error(error, self._target))
        else:
            call.answer.set_result(answer)

    def _try(self, batch: Sequence[Entry]) -> None:
        try:
            self._look_at_place()
            if batch or self._losses.unnoted or self._fault is not None:
                self._write(batch)
        except Exception as error:
            if is_environment(error) or isinstance(error, RecordsError):
                self._wait_out(records_error(error, self._target))
            elif len(batch) > 1:
                self._try(batch[: len(batch) // 2])  # the rest is tried next; halving finds the unfit event
            elif batch:
                self._drop(batch[0], error)
            else:
                raise
        else:
            self._finish(batch)

    def _look_at_place(self) -> None:
        """Put a database right that was deleted or replaced.  Raises whatever keeps it from being written."""
        done = "" if self._place is None else self._place.look()
        if done:
            log.error("%s", done)
            with self._changed:
                self._put_notice(Severity.WARNING, done)
            with Session(self._engine) as session, session.begin():
                audit.append(session, "database written anew", "", done, "station", "its file was gone")

    def _write(self, batch: Sequence[Entry]) -> None:
        pictures = {
            (roll_id, number): save_pictures(self._home, roll_id, defect)
            for (roll_id, number), (defect, _) in latest_defects(batch).items()
            if defect.crop is not None or defect.crop_scores is not None
        }
        for roll_id in {roll_id for roll_id, _ in pictures}:
            sync_pictures(self._home, roll_id)
        with self._changed:
            unnoted = self._losses.unnoted
        with Session(self._engine) as session, session.begin():
            keep(session, batch, pictures)
            for roll_id, (events, why) in unnoted.items():
                note_loss(session, roll_id, events, why)
            if self._fault is not None:
                lagged = self._lagging.most
                audit.append(session, "records resumed", str(self._fault), lagged, "station", "writing works again")
        with self._changed:
            self._losses.noted(unnoted)

    def _finish(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            try:
                self._on_kept(entry)
            except Exception:
                # It is on disk; a fault of its listener must not keep other events from being written.
                log.exception("event kept, but not followed up: %s", entry.event)
        with self._changed:
            for roll_id in self._backlog.take_off(batch):
                self._lose(roll_id, "the file they waited in is damaged")
                self._done += 1
            self._done += len(batch)
            self._fault = None
            self._lagging.look(self._fault)
            self._changed.notify_all()

    def _wait_out(self, fault: RecordsError) -> None:
        with self._changed:
            self._fault = fault
            self._lagging.look(self._fault)
            self._changed.notify_all()
            until = time.monotonic() + RETRY_S
            self._changed.wait_for(lambda: self._calls or self._stopping, until - time.monotonic())

    def _drop(self, entry: Entry, error: Exception) -> None:
        log.error("event not kept: %s", entry.event, exc_info=error)
        with self._changed:
            self._lose(entry.roll_id, f"{type(entry.event).__name__} of roll number {entry.roll_id} is unfit: {error}")
        self._finish([entry])


def _not_written(waited: int, lost: int, files: Sequence[Path], reason: str) -> str:
    """Say what became of events that were not written at the end."""
    if files and waited:
        kept = f"{waited - lost} of them wait in {', '.join(map(str, files))} and go on record at the next start"
        rest = f"; {lost} are lost" if lost else ""
        return f"{waited} events of the line could not be written: {reason} {kept[0].upper()}{kept[1:]}{rest}."
    return f"{lost or waited} events of the line could not be written and are lost: {reason}"
