"""This module runs what may take long (database, image files) in one thread; answers come back in the GUI thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer

from station import last_resort
from station.bugs import is_bug

T = TypeVar("T")
_log = logging.getLogger("station.ui")
_POLL_MS = 20
FLUSH_S = 2.0
"""A reader waits this long until what the line has just told is on disk, e.g. the end of a roll."""


class Worker(QObject):
    """The worker runs jobs one after another off the GUI thread.

    Answers travel through a plain queue that a timer empties: no Qt signal is ever emitted from a foreign thread.
    The last resort tells of a job's bug, too, whatever ``failed`` does with it.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="window-worker")
        self._answers: SimpleQueue[tuple[Callable[[], None], Exception | None]] = SimpleQueue()
        self._reads: set[Future[None]] = set()
        self._open = 0
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._deliver)

    @property
    def busy(self) -> bool:
        """Say whether jobs are open."""
        return self._open > 0

    def run(
        self,
        job: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
        *,
        writes: bool = False,
    ) -> None:
        """Run ``job`` in the thread, then ``done(result)`` or ``failed(error)`` in the GUI thread.

        ``writes``: a person's word that must reach the records; it is done even if the window closes first.
        """
        if self._closed:
            return
        self._open += 1
        future = self._pool.submit(self._work, job, done, failed or _log_failure, writes)
        if not writes:
            self._reads = {read for read in self._reads if not read.done()} | {future}
        self._timer.start()

    def close(self) -> None:
        """Forget reads that have not begun and wait for the rest.  A write that fails now is logged."""
        self._closed = True
        self._timer.stop()
        for read in self._reads:
            read.cancel()
        self._pool.shutdown(wait=True)
        while not self._answers.empty():
            _answer, lost = self._answers.get()
            if lost is not None:
                _log_failure(lost)

    def _work(
        self, job: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None], writes: bool
    ) -> None:
        try:
            result = job()
        except Exception as error:
            if is_bug(error):
                last_resort.tell(error, last_resort.WINDOW)
            self._answers.put((partial(failed, error), error if writes else None))
        else:
            self._answers.put((lambda: done(result), None))

    def _deliver(self) -> None:
        try:
            while True:
                answer, _lost = self._answers.get_nowait()
                self._open -= 1
                answer()
        except Empty:
            if not self.busy:
                self._timer.stop()


def _log_failure(error: Exception) -> None:
    _log.error("%s", error)
