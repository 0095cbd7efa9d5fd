"""This module abandons and counts threads that hang inside a device's library, as nobody can end them.  When the
process ends they are taken care of (:mod:`station.shutdown`)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("drivers")

_lock = threading.Lock()
_threads: list[threading.Thread] = []


def abandon(thread: threading.Thread) -> None:
    """Stop waiting for ``thread``.  It should be a daemon and touch nothing of ours once it returns."""
    with _lock:
        if thread in _threads:
            return
        _threads.append(thread)
    log.error("Thread %s hangs and was abandoned; restart the program when you can.", thread.name)


def alive(patience_s: float = 0.0) -> list[threading.Thread]:
    """Return abandoned threads that still hang, after up to ``patience_s`` seconds in which they may return."""
    until = time.monotonic() + patience_s
    with _lock:
        left = list(_threads)
    for thread in left:
        thread.join(max(0.0, until - time.monotonic()))
    with _lock:
        _threads[:] = [thread for thread in _threads if thread.is_alive()]
        return list(_threads)


def returned_within(limit_s: float, call: Callable[[], object], name: str) -> bool:
    """Make the call in a thread of its own; return False if that was abandoned.  Logs what the call raises."""

    def run() -> None:
        try:
            call()
        except Exception:
            log.exception("%s failed", name)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        abandon(thread)
        return False
    return True
