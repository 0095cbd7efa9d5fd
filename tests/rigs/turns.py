"""Tests take turns where one of them needs the machine for itself: any others run side by side."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PLACES = (Path(__file__), Path(__file__).with_name("__init__.py"))
"""Two files of the checkout that all processes of a test run know: the gate and the room behind it.  They are locked,
never written."""


@contextmanager
def turn(*, alone: bool, places: tuple[Path, Path] = PLACES) -> Iterator[None]:
    """Wait for a turn and hold it: with others, or alone.  Who waits to be alone keeps the gate, so that nobody
    overtakes."""
    with ExitStack() as stack:
        gate, room = (stack.enter_context(place.open("rb")).fileno() for place in places)
        fcntl.flock(gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)  # by name: a process that a test left may hold a copy of the open file
