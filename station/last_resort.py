"""This module is the last resort: it tells people of a bug that nobody caught, logs it and keeps it in the audit.

Python hands uncaught exceptions to hooks: those of a slot or an override that Qt calls, of a thread, of a destructor.
A hook may be called in the middle of anything, also while its own thread holds a lock of the records or of the screen's
queue.  So it counts, logs and leaves a note in a queue that cannot block; a thread of its own tells people.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from station.bugs import is_bug, is_logged, mark_logged, named, one_line
from station.contract import Fault

FIRST_INTERVAL_S, LONGEST_INTERVAL_S = 60.0, 3600.0
"""The number of repetitions is told after the first interval, then after twice as long each time, up to the longest."""

MOST_KINDS = 64
"""So many different faults are told one by one; all others are told as one."""

MOST_UNHEARD = 16
"""So many faults can wait for the records to be opened."""

PATIENCE_S = 2.0
"""Closing waits this long for what has still to be told."""

PROGRAM, WINDOW, BACKGROUND = "the program", "the window", "the background"
LOST_WINDOW = "the window, which ends the program"
_MEANING = {
    PROGRAM: "Tell the maintainer; the log has details.",
    WINDOW: "The line goes on; tell the maintainer, the log has details.",
    LOST_WINDOW: "Start the station again and tell the maintainer; the log has details.",
    BACKGROUND: "Work goes on; tell the maintainer, the log has details.",
}
_MEANING_OF_A_THREAD = "What it did is not done any more; tell the maintainer, the log has details."
_BEYOND = "beyond"
_ANY_NUMBER = re.compile(r"(?<=Thread-)\d+")  # threads without a name of their own all count as one

Report = Callable[[Fault], object]
"""This function is told of each fault, in the last resort's own thread; it may be slow and may fail."""

log = logging.getLogger("station.last_resort")


@dataclass(slots=True)
class _Known:
    """This is a fault that was told, with how often it came again since."""

    fault: Fault
    told_s: float
    interval_s: float
    again: int = 0


class LastResort:
    """The last resort hears of every exception that nobody caught, from :meth:`install` until :meth:`close`.

    The same fault is told once, then at growing intervals how often it came again.  The hooks that were there before
    are called too, for what is told; KeyboardInterrupt and SystemExit are left to them alone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._here = threading.local()  # a destructor may run in the middle of this thread's own count
        self._known: dict[str, _Known] = {}
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._reports: list[Report] = []
        self._unheard: deque[Fault] = deque(maxlen=MOST_UNHEARD)
        self._main = PROGRAM
        self._is_open = True
        self._is_ended = False
        self._before: tuple[Any, Any, Any] = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        self._thread = threading.Thread(target=self._work, name="last-resort", daemon=True)
        self._thread.start()

    def install(self) -> None:
        """Take over Python's hooks for uncaught exceptions."""
        self._before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable

    def close(self) -> None:
        """Tell what waits and give the hooks back; may be called twice.  A hook that somebody set after ours stays, and
        what it passes on goes to the hooks from before."""
        if not self._is_open:
            return
        self.settle()
        self._is_open = False
        if sys.excepthook == self._on_exception:
            sys.excepthook = self._before[0]
        if threading.excepthook == self._on_thread:
            threading.excepthook = self._before[1]
        if sys.unraisablehook == self._on_unraisable:
            sys.unraisablehook = self._before[2]
        self._jobs.put(self._end)
        self._thread.join(PATIENCE_S)

    @contextmanager
    def reporting_to(self, report: Report, main: str = PROGRAM) -> Iterator[None]:
        """Tell faults to ``report`` meanwhile: first those that found nobody to tell, later also a bug that ends the
        block.  ``main`` says in words what the main thread is meanwhile."""
        before = self._main
        self._main = main
        self._reports.append(report)
        self._jobs.put(self._tell_unheard)
        try:
            yield
        except Exception as error:
            if is_bug(error) and not is_logged(error):
                self.tell(error, main)
            raise
        finally:
            self.settle()
            self._reports.remove(report)
            self._main = before

    def tell(self, error: BaseException, where: str) -> bool:
        """Tell of an exception; returns at once.  Returns False if it was told before and is only counted."""
        key = f"{_ANY_NUMBER.sub('', where)}|{type(error).__name__}|{_place(error.__traceback__)}"
        return self._tell(key, _fault(where, type(error).__name__, named(error)), error)

    def tell_text(self, kind: str, text: str, where: str) -> bool:
        """Tell of a fault that is no exception; the rest is as in :meth:`tell`."""
        key = f"{_ANY_NUMBER.sub('', where)}|{kind}|{re.sub('[0-9]+', '', text)}"
        return self._tell(key, _fault(where, kind, f"{kind}: {one_line(text)}"), None)

    def settle(self, limit_s: float = PATIENCE_S) -> bool:
        """Wait until all that came before is told, repetitions included.  Returns False if that takes too long."""
        if threading.current_thread() is self._thread:
            return False
        told = threading.Event()
        self._jobs.put(partial(self._tell_repeated, is_last=True))
        self._jobs.put(told.set)
        return told.wait(limit_s)

    # ------------------------------------------------------------------ the hooks, in any thread

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before = self._before[0]
        in_main = threading.current_thread() is threading.main_thread()
        where = self._main if in_main else f"thread {threading.current_thread().name}"
        self._meet(error, where, partial(before, kind, error, trace), is_pythons=before is sys.__excepthook__)
        _let_go(trace)

    def _on_thread(self, met: threading.ExceptHookArgs) -> None:
        before = self._before[1]
        where = "a thread" if met.thread is None else f"thread {met.thread.name}"
        self._meet(met.exc_value, where, partial(before, met), is_pythons=before is threading.__excepthook__)
        _let_go(met.exc_traceback)

    def _on_unraisable(self, met: Any) -> None:
        before = self._before[2]
        self._meet(met.exc_value, BACKGROUND, partial(before, met), is_pythons=before is sys.__unraisablehook__)

    def _meet(
        self, error: BaseException | None, where: str, pass_on: Callable[[], object], *, is_pythons: bool
    ) -> None:
        """Tell of an exception and pass it on, unless it is only counted, or Python itself would print it a second time
        below the log."""
        is_passed_on = True
        with contextlib.suppress(Exception):  # whatever fails here, the hook from before still gets it
            if self._is_open and error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
                is_passed_on = self.tell(error, where) and not (is_pythons and not log.hasHandlers())
        if is_passed_on:
            with contextlib.suppress(Exception):
                pass_on()

    def _tell(self, key: str, fault: Fault, error: BaseException | None) -> bool:
        if getattr(self._here, "is_counting", False):
            return True  # it came in the middle of telling: do not start again
        self._here.is_counting = True
        try:
            fault, is_new = self._count(key, fault)
            if is_new:
                self._jobs.put(partial(self._report, fault))
                is_known = error is None or is_logged(error)  # whoever caught it first may have logged it
                log.error("%s", fault.text, exc_info=None if is_known else error)
                if error is not None:
                    mark_logged(error)
            return is_new
        finally:
            self._here.is_counting = False

    def _count(self, key: str, fault: Fault) -> tuple[Fault, bool]:
        with self._lock:
            if key not in self._known and len(self._known) >= MOST_KINDS:
                key, text = _BEYOND, f"More than {MOST_KINDS} different faults. {_MEANING[PROGRAM]}"
                fault = Fault(fault.where, fault.kind, text)
            known = self._known.get(key)
            if known is None:
                self._known[key] = _Known(fault, self._clock(), FIRST_INTERVAL_S)
                return fault, True
            known.again += 1
            if known.again == 1:
                self._jobs.put(_wake)
            return fault, False

    # ------------------------------------------------------------------ the thread

    def _work(self) -> None:
        while not self._is_ended:
            with contextlib.suppress(Empty):
                self._jobs.get(timeout=self._wait_s())()
            self._tell_repeated()

    def _wait_s(self) -> float | None:
        with self._counted():
            due = [known.told_s + known.interval_s for known in self._known.values() if known.again]
        return max(0.0, min(due) - self._clock()) if due else None

    def _tell_repeated(self, *, is_last: bool = False) -> None:
        """Tell how often faults came again: those that are due, or all if ``is_last``."""
        repeated: list[Fault] = []
        with self._counted():
            now = self._clock()
            for known in self._known.values():
                if known.again and (is_last or now - known.told_s >= known.interval_s):
                    repeated.append(_again(known.fault, known.again))
                    known.told_s = now
                    known.again = 0
                    known.interval_s = min(2 * known.interval_s, LONGEST_INTERVAL_S)
        for fault in repeated:
            log.error("%s", fault.text)
            self._report(fault)

    def _tell_unheard(self) -> None:
        waiting = list(self._unheard)
        self._unheard.clear()
        for fault in waiting:
            self._report(fault)

    def _report(self, fault: Fault) -> None:
        report = self._reports[-1] if self._reports else self._unheard.append
        try:
            report(fault)
        except Exception as error:
            log.error("A fault could not be told: %s", named(error), exc_info=error)

    def _end(self) -> None:
        self._is_ended = True

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Hold the count meanwhile; a destructor that runs then must not wait for what its own thread holds."""
        self._here.is_counting = True
        try:
            with self._lock:
                yield
        finally:
            self._here.is_counting = False


def _wake() -> None:
    """Do nothing but let the thread work out again when it has to tell."""


def _fault(where: str, kind: str, what: str) -> Fault:
    return Fault(where, kind, f"A fault in {where} ({what}). {_MEANING.get(where, _MEANING_OF_A_THREAD)}")


def _again(fault: Fault, times: int) -> Fault:
    return replace(fault, text=f"{times} more of this: {fault.text}")


def _let_go(trace: TracebackType | None) -> None:
    """Free what the failed calls held, which Python keeps until the next failure: a painter left open in a window that
    is closed meanwhile crashes Qt."""
    with contextlib.suppress(Exception):
        traceback.clear_frames(trace)


def _place(trace: TracebackType | None) -> str:
    """Return where in the code an exception was raised."""
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


# ---------------------------------------------------------------------- the one of this process

_installed: list[LastResort] = []


@contextmanager
def installed() -> Iterator[LastResort]:
    """Give this process a last resort meanwhile."""
    resort = LastResort()
    resort.install()
    _installed.append(resort)
    try:
        yield resort
    finally:
        _installed.remove(resort)
        resort.close()


def reporting_to(report: Report, main: str = PROGRAM) -> AbstractContextManager[None]:
    """Tell faults to ``report`` meanwhile, if this process has a last resort; see :meth:`LastResort.reporting_to`."""
    return _installed[-1].reporting_to(report, main) if _installed else nullcontext()


def tell(error: BaseException, where: str) -> None:
    """Tell of a bug that was caught but that nobody else tells: in log, screen and audit, or at least in the log."""
    if _installed:
        _installed[-1].tell(error, where)
    else:
        log.error("%s", _fault(where, type(error).__name__, named(error)).text, exc_info=error)


def tell_text(kind: str, text: str, where: str) -> None:
    """Tell of a fault that is no exception; the rest is as in :func:`tell`."""
    if _installed:
        _installed[-1].tell_text(kind, text, where)
    else:
        log.error("%s", _fault(where, kind, f"{kind}: {one_line(text)}").text)


def settle() -> None:
    """Wait a little until all that came before is told."""
    if _installed:
        _installed[-1].settle()
