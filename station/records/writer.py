"""This module has the one thread that writes: events wait in a bounded queue; calls go first and wait for an answer."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from station.bugs import log_bug, named
from station.contract import DefectChanged
from station.records import audit
from station.records.errors import is_environment, records_error
from station.records.images import save_pictures, sync_pictures
from station.records.rolls import Entry, keep, latest_defects
from station.records.rows import RecordsError

T = TypeVar("T")
BATCH = 256
BATCH_PICTURED = 8  # each costs some milliseconds of the disk, and people's calls wait for one batch at most
RETRY_S = 0.5

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
        limit: events that may wait at most.
        limit_bytes: bytes of pictures that may wait at most.
    """

    def __init__(
        self,
        engine: Engine,
        home: Path,
        target: str,
        *,
        on_kept: Callable[[Entry], None],
        limit: int = 8192,
        limit_bytes: int = 256 << 20,
    ) -> None:
        self._engine = engine
        self._home = home
        self._target = target
        self._on_kept = on_kept
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._calls: deque[_Call] = deque()
        self._events: deque[Entry] = deque()
        self._bytes = 0
        self._put = 0
        self._done = 0
        self._attempts = 0
        self._fault: RecordsError | None = None
        self._loss: RecordsError | None = None
        self._lost = 0
        self._stopping = False
        self._is_dead = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> RecordsError | None:
        """Give what keeps events from the disk now, or why the first was lost for good; None if all is well."""
        with self._changed:
            return self._loss or self._fault

    @property
    def waiting(self) -> int:
        """Give the number of events told but not on disk yet."""
        with self._changed:
            return len(self._events)

    @property
    def lost(self) -> int:
        """Give the number of events that will never be on disk (queue full, or unfit)."""
        with self._changed:
            return self._lost

    def put(self, entry: Entry, timeout_s: float = 0.0) -> bool:
        """Queue an event.  Returns False, counted and declared in :attr:`failure`, if ``timeout_s`` brings no room."""
        size = _size(entry)
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(size) or self._stopping, timeout_s) or self._stopping:
                self._lose(f"{len(self._events)} events wait already")
                return False
            self._events.append(entry)
            self._bytes += size
            self._put += 1
            self._changed.notify_all()
        return True

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
        """Wait until all that was told before is on disk.  Returns False if a try failed meanwhile or time ran out."""
        with self._changed:
            goal, attempts = self._put, self._attempts
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= goal or self._attempts > attempts or self._is_dead, timeout_s)
            return self._done >= goal

    def stop(self, timeout_s: float) -> None:
        """Write what waits, then end the thread.  May be called twice.

        Raises:
            RecordsError: events could not be written; it says how many.
        """
        written = self.flush(timeout_s)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if not written:
            reason = str((self._loss if self._is_dead else self._fault) or "the disk is too slow")
            count = self.lost if self._is_dead else self.waiting
            raise RecordsError(f"{count} events of the line could not be written: {reason}")

    def _has_room(self, size: int) -> bool:
        fits = not self._events or self._bytes + size <= self._limit_bytes
        return len(self._events) < self._limit and fits

    def _lose(self, why: str, count: int = 1) -> None:
        self._lost += count
        if self._loss is None:
            reason = f"{why}; {self._fault}" if self._fault else why
            self._loss = RecordsError(f"Events of the line could not be recorded in {self._target} ({reason}).")
            log.error("%s", self._loss)

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
            self._lose(f"the thread that writes has ended: {named(error)}", len(self._events))
            self._events.clear()
            self._bytes = 0
            for left in self._calls:
                left.answer.cancel()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls or self._events or self._stopping)
                call = self._calls.popleft() if self._calls else None
                batch = [] if call else self._next_batch()
                if call is None and (self._stopping or not batch):
                    break
            if call is not None:
                self._answer(call)
            else:
                self._try(batch)
        with self._changed:
            for left in self._calls:
                left.answer.cancel()

    def _next_batch(self) -> list[Entry]:
        batch: list[Entry] = []
        pictured = 0
        for entry in itertools.islice(self._events, BATCH):
            pictured += _size(entry) > 0
            if pictured > BATCH_PICTURED:
                break
            batch.append(entry)
        return batch

    def _answer(self, call: _Call) -> None:
        if not call.answer.set_running_or_notify_cancel():
            return
        try:
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
            self._write(batch)
        except Exception as error:
            if is_environment(error):
                self._wait_out(records_error(error, self._target))
            elif len(batch) > 1:
                self._try(batch[: len(batch) // 2])  # the rest is tried next; halving finds the unfit event
            else:
                self._drop(batch[0], error)
        else:
            self._finish(batch)

    def _write(self, batch: Sequence[Entry]) -> None:
        pictures = {
            (roll_id, number): save_pictures(self._home, roll_id, defect)
            for (roll_id, number), (defect, _) in latest_defects(batch).items()
            if defect.crop is not None or defect.crop_scores is not None
        }
        for roll_id in {roll_id for roll_id, _ in pictures}:
            sync_pictures(self._home, roll_id)
        with Session(self._engine) as session, session.begin():
            keep(session, batch, pictures)
            if self._fault is not None:
                audit.append(session, "records resumed", str(self._fault), "", "station", "writing works again")

    def _finish(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            try:
                self._on_kept(entry)
            except Exception:
                # It is on disk; a fault of its listener must not keep other events from being written.
                log.exception("event kept, but not followed up: %s", entry.event)
        with self._changed:
            for entry in batch:
                self._events.popleft()
                self._bytes -= _size(entry)
            self._done += len(batch)
            self._fault = None
            self._changed.notify_all()

    def _wait_out(self, fault: RecordsError) -> None:
        with self._changed:
            if self._fault is None:
                log.error("%s", fault)
            self._fault = fault
            self._attempts += 1
            self._changed.notify_all()
            until = time.monotonic() + RETRY_S
            self._changed.wait_for(lambda: self._calls or self._stopping, until - time.monotonic())

    def _drop(self, entry: Entry, error: Exception) -> None:
        log.error("event not kept: %s", entry.event, exc_info=error)
        with self._changed:
            self._lose(f"{type(entry.event).__name__} of roll number {entry.roll_id} is unfit: {error}")
        self._finish([entry])


def _size(entry: Entry) -> int:
    if not isinstance(entry.event, DefectChanged):
        return 0
    defect = entry.event.defect
    return sum(picture.nbytes for picture in (defect.crop, defect.crop_scores) if picture is not None)
