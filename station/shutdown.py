"""How the process ends: outputs safe first, and never through the destructors of a library that holds a thread."""

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
"""Threads abandoned may still return so long."""

_hooks: list[Callable[[], object]] = []


def before_leaving(hook: Callable[[], object]) -> Callable[[], None]:
    """Have ``hook`` called when the process ends, however it ends short of a kill: outputs are made safe there.

    Hooks run in the order told, at most 3 s each, also with a hanging camera thread about.  Returns what takes the hook
    back.
    """
    _hooks.append(hook)

    def take_back() -> None:
        if hook in _hooks:
            _hooks.remove(hook)

    return take_back


def polite_kills_unwind() -> None:
    """Let a polite kill end the main thread like an exit: rolls and records are closed, outputs made safe."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, leave)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Meanwhile impatient people break into nothing."""
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
    """Call the hooks and end with ``code``.  Records must be closed by now.

    With a thread abandoned in a device's library the process ends at once: the interpreter's own end would unload
    what that thread is in, which crashes or hangs.
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
            continue  # nobody reads any more
    os._exit(code)
