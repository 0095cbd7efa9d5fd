"""This module removes what is worth least once evidence takes its share of the disk, and what is too old.

A thread of its own looks every minute; another sees that this one lives and answers.  Neither ever waits for the line,
and the line never for them but for one small batch at a time.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from station.bugs import log_bug, named
from station.contract import Notice, Severity
from station.records.errors import records_error
from station.records.keeping.round import ALWAYS, Round
from station.records.keeping.settings import RetentionSettings
from station.records.locks import EVIDENCE, FileLock
from station.records.rows import RecordsError
from station.records.schema import now
from station.records.store import Store

FIRST_S, LOOK_S = 5.0, 60.0
WATCH_S = 5.0
SILENT_S = 40.0
"""With a look every five seconds, silence is told within 45 s; death at the next look."""
LONGEST_S = 900.0
"""A worker that dies again and again is started anew at least so often."""
AGAIN_S = 86_400.0
"""What still holds is told again after a day."""

log = logging.getLogger("station.records")


class Retention(AbstractContextManager["Retention"]):
    """Retention runs meanwhile, if it is on.

    Args:
        store: the open records, which are told too.
        settings: how much may lie on disk.
        shelf: the folder of recordings.
        disk: returns the bytes of the disk that holds a folder; to be replaced in tests.
        at: returns the time (UTC).
    """

    def __init__(
        self,
        store: Store,
        settings: RetentionSettings,
        shelf: Path,
        *,
        disk: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).total,
        at: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._settings = settings
        self._end = threading.Event()
        self._beat_s = time.monotonic()
        self._told_s: dict[str, float] = {}
        self._round = Round(store, settings, shelf, disk=disk, at=at, go_on=self._go_on)
        self._failure: BaseException | None = None
        self._is_silent = False
        self.worker = self._new_worker()
        self._watch = threading.Thread(target=self._look_after, name="retention watch", daemon=True)

    def __enter__(self) -> Retention:
        if self._settings.on:
            self._beat_s = time.monotonic()
            self.worker.start()
            self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop after the batch that is being removed; what is left goes next time."""
        self._end.set()
        for thread in (self._watch, self.worker):
            if thread.ident is not None:
                thread.join(timeout_s)

    def look(self) -> None:
        """Look once, and remove what has to go.

        Raises:
            OSError, SQLAlchemyError, RecordsError: the disk or the database refuses; it is tried again.
        """
        lock = FileLock(self._store.home / EVIDENCE)
        if not lock.take():
            return  # another program does it, or copies all
        try:
            for kind, notice in self._round.run():
                self._tell(kind, notice)
        finally:
            lock.free()

    def _new_worker(self) -> threading.Thread:
        return threading.Thread(target=self._work, name="retention", daemon=True)

    def _go_on(self) -> bool:
        self._beat_s = time.monotonic()
        return not self._end.is_set()

    def _work(self) -> None:
        try:
            wait_until = time.monotonic() + FIRST_S
            while self._go_on():
                if time.monotonic() < wait_until:
                    self._end.wait(1.0)
                    continue
                try:
                    self.look()
                except (OSError, SQLAlchemyError, RecordsError) as error:
                    why = records_error(error, str(self._store.home))
                    text = f"Old pictures and recordings could not be looked through: {why}"
                    self._tell("failed", Notice(Severity.WARNING, text))
                wait_until = time.monotonic() + LOOK_S
        except BaseException as error:
            self._failure = error
            if isinstance(error, Exception):
                log_bug(error, "retention has stopped")

    def _look_after(self) -> None:
        """Tell when the worker has died or does not answer, and put another in the place of a dead one: after a while
        that doubles, so that one that dies again and again is no flood of alarms."""
        deaths, is_told, again_s = 0, False, 0.0
        while not self._end.wait(WATCH_S):
            if self.worker.is_alive():
                self._look_for_silence()
            elif not is_told:
                deaths += 1
                wait_s = min(WATCH_S * 2.0 ** (deaths - 1), LONGEST_S)
                is_told, again_s = True, time.monotonic() + wait_s
                why = "" if self._failure is None else f" ({named(self._failure)})"
                text = f"Retention has stopped{why}: the disk may fill up. Inspection goes on; it is tried again."
                self._tell("died", Notice(Severity.ERROR, text), again_s=0.0)
            elif time.monotonic() >= again_s:
                is_told = False
                self._failure = None
                self._beat_s = time.monotonic()
                self.worker = self._new_worker()
                self.worker.start()

    def _look_for_silence(self) -> None:
        is_silent = time.monotonic() - self._beat_s > SILENT_S
        if is_silent and not self._is_silent:
            text = "Retention does not answer: the disk may fill up. Inspection goes on; look at the disk."
            self._tell("silent", Notice(Severity.ERROR, text), again_s=0.0)
        self._is_silent = is_silent

    def _tell(self, kind: str, notice: Notice, again_s: float = AGAIN_S) -> None:
        """Tell people, unless the same kind of thing was told less than ``again_s`` ago."""
        told_s = self._told_s.get(kind)
        if kind != ALWAYS and told_s is not None and time.monotonic() - told_s < again_s:
            return
        self._told_s[kind] = time.monotonic()
        log.log(logging.INFO if notice.severity is Severity.INFO else logging.WARNING, "%s", notice.text)
        self._store.tell(notice)
