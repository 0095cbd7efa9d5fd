"""This module ends the process: it makes outputs safe first, and never runs the destructors of a library that still
holds a thread."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from drivers import abandoned

HOOK_LIMIT_S = 3.0
PATIENCE_S = 2.0
"""Abandoned threads have this long to return."""

_hooks: list[Callable[[], object]] = []


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


def polite_kills_unwind() -> None:
    """Let SIGTERM end the main thread like an exit, so that rolls and records are closed and outputs made safe."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, leave)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl+C and SIGTERM meanwhile, so that an impatient user interrupts nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_process(code: int) -> NoReturn:
    """Call the hooks and end the process with ``code``.  Records must be closed before.

    If a thread was abandoned in a device's library, the process ends at once: a normal exit of the interpreter would
    unload the library that the thread is running in, which crashes or hangs.
    """
    with _undisturbed():
        for hook in list(_hooks):
            abandoned.returned_within(HOOK_LIMIT_S, hook, "leaving")
        _hooks.clear()
    if not abandoned.alive(PATIENCE_S):
        sys.exit(code)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody reads the stream any more
    os._exit(code)
