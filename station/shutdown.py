"""This module ends the process: in order, within ten seconds of a signal, and at once after a second one.

Outputs are made safe first, and the destructors of a library that still holds a thread are never run.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from drivers import abandoned

LEAVE_S = 7.0
"""After a signal there is so much time to close roll and records; then the process ends all the same."""

ROLL_RESERVE_S = 3.5
"""So much of that time is kept for what comes after the roll."""

HOOK_LIMIT_S, LAST_HOOK_LIMIT_S = 3.0, 1.0
"""So long may each hook take: at the end of the program, and once its time is over."""

PATIENCE_S = 2.0
"""Abandoned threads have this long to return."""

LOOK_S = 0.05
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_IMPORTING = "<frozen importlib._bootstrap>"
_COMMANDS = "station.cli."  # they import what they need before they open anything
_TOO_SLOW = f"station: what was under way had not ended {LEAVE_S:g} s after the signal"
_AT_ONCE = "station: a second signal ended the program at once"
_OPEN = "; a roll left open is closed, with what was not inspected, when the station starts next.\n"

_hooks: list[Callable[[], object]] = []
_listeners: list[threading.Event] = []


def before_leaving(hook: Callable[[], object]) -> Callable[[], None]:
    """Register ``hook`` to be called when the process ends in any way short of a hard kill, to make outputs safe.

    Hooks run in the order registered, for at most 3 s each, even while a camera thread hangs.  Returns a function that
    removes the hook.
    """
    _hooks.append(hook)

    def take_back() -> None:
        if hook in _hooks:
            _hooks.remove(hook)

    return take_back


class _Watch:
    """The watch hears every signal at once, whatever the main thread is busy with, and ends a process that does not end
    by itself."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.until_s = math.inf
        self.closing = 0
        self.is_over = False
        self._is_raised = False
        self._waits_for_import = False
        self._repeated = 0
        if os.name == "posix":
            self._reader, writer = os.pipe()
            os.set_blocking(writer, False)
            signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            threading.Thread(target=self._run, name="signals", daemon=True).start()
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def _note(self, number: int) -> None:
        if self.number is None:
            self.until_s = time.monotonic() + LEAVE_S
            self.number = number

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Leave the main thread, unless it listens by itself, is closing what it opened, or imports: what is raised in
        the middle of an import may be swallowed, or leaves half a module."""
        self._note(number)
        if self.is_over:
            os._exit(128 + number)
        if self._is_raised or self.closing:
            return
        if _listeners:
            _listeners[-1].set()
        elif importer := _importer(frame):
            if importer.startswith(_COMMANDS):
                os._exit(128 + number)
            self._waits_for_import = True
        else:
            self._is_raised = True
            _raise(number)

    def _run(self) -> None:
        heard = 0
        while heard < 2 and time.monotonic() < self.until_s:
            wait_s = None if self.number is None else LOOK_S
            if select.select([self._reader], [], [], wait_s)[0]:
                for number in filter(SIGNALS.__contains__, os.read(self._reader, 64)):
                    if self._repeated:
                        self._repeated -= 1
                    else:
                        heard += 1
                        self._note(number)
            elif self._waits_for_import and self.number is not None:
                self._waits_for_import = False
                self._repeated += 1
                signal.pthread_kill(threading.main_thread().ident or 0, self.number)
        self._end_now((_AT_ONCE if heard > 1 else _TOO_SLOW) + _OPEN)

    def _end_now(self, why: str) -> NoReturn:
        with contextlib.suppress(OSError):
            os.write(2, why.encode())  # the stream's lock may be held
        for hook in list(_hooks):
            abandoned.returned_within(LAST_HOOK_LIMIT_S, hook, "leaving")
        _leave(128 + (self.number or 0))


_watch: _Watch | None = None


def take_signals() -> None:
    """Let Ctrl+C and SIGTERM end the main thread like an exit from now on, so that rolls and records are closed and
    outputs made safe; in time, and at once the second time."""
    global _watch
    if _watch is None and threading.current_thread() is threading.main_thread():
        _watch = _Watch()


def interrupted_by() -> int | None:
    """Return the signal that is ending the process, None if there is none."""
    return None if _watch is None else _watch.number


def time_left(limit_s: float, reserve_s: float = 0.0) -> float:
    """Return how long something may take that may usually take ``limit_s``, if after it the end of the process needs
    ``reserve_s`` of the time that a signal leaves."""
    until_s = math.inf if _watch is None else _watch.until_s
    return max(0.0, min(limit_s, until_s - reserve_s - time.monotonic()))


@contextmanager
def interrupt_noted() -> Iterator[threading.Event]:
    """Let Ctrl+C or SIGTERM only set the event meanwhile, so that it interrupts nothing."""
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, _frame: object) -> None:
        if noted.is_set():
            _raise(number)
        noted.set()

    before = {} if _watch is not None else {number: signal.signal(number, note) for number in SIGNALS}
    _listeners.append(noted)
    try:
        yield noted
    finally:
        _listeners.remove(noted)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def closing() -> Iterator[None]:
    """Let a signal interrupt nothing meanwhile, as what was opened is being closed; the time it leaves runs on."""
    watch = _watch
    if watch is None:
        yield
        return
    watch.closing += 1
    try:
        yield
    finally:
        watch.closing -= 1


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl+C and SIGTERM meanwhile, so that an impatient user interrupts nothing."""
    if _watch is not None or threading.current_thread() is not threading.main_thread():
        with closing():
            yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_process(code: int) -> NoReturn:
    """Call the hooks and end the process with ``code``, or with 128 and its number if a signal came.  Records must be
    closed before.

    If a thread was abandoned in a device's library, the process ends at once: a normal exit of the interpreter would
    unload the library that the thread is running in, which crashes or hangs.  After a signal it does not wait for the
    destructors either.
    """
    with _undisturbed():
        for hook in list(_hooks):
            abandoned.returned_within(time_left(HOOK_LIMIT_S), hook, "leaving")
        _hooks.clear()
        number = interrupted_by()
        hangs = bool(abandoned.alive(PATIENCE_S if number is None else 0.0))
        if number is not None and not hangs:
            atexit._run_exitfuncs()
        if number is not None or hangs:
            _leave(code if number is None else 128 + number)
    if _watch is not None:
        _watch.is_over = True
    sys.exit(code)


def _importer(frame: FrameType | None) -> str:
    """Return the name of the module that imports something just now, the outermost if its modules import others; '' if
    none does."""
    name = ""
    while frame is not None:
        inner, frame = frame, frame.f_back
        if inner.f_code.co_filename == _IMPORTING and frame is not None:
            name = str(frame.f_globals.get("__name__"))
    return name


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _leave(code: int) -> NoReturn:
    """End the process with what was printed, but without any destructor."""
    abandoned.returned_within(LAST_HOOK_LIMIT_S, _flush, "printing")
    os._exit(code)


def _flush() -> None:
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # nobody reads the stream any more, or it is held
            stream.flush()
