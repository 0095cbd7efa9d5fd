"""Every test of the line must leave no thread behind, and may stand still for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2
import pytest

cv2.setNumThreads(1)

LIMITS = (
    "drivers.grabber.GONE_S",
    "drivers.grabber.STALL_S",
    "drivers.simulated.ring.LOCK_TIMEOUT_S",
    "station.line.acquiring.acquisition.LAST_LINES_S",
    "station.line.acquiring.acquisition.STOP_LIMIT_S",
    "station.line.acquiring.acquisition.LAST_STOP_LIMIT_S",
    "station.line.inspection.STOP_S",
)
"""What the line allows a camera or a thread of its own, which a machine that stands still must not use up."""


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())  # another test's fault is not this one's
    yield
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("line-")]
        if not left:
            return
        time.sleep(0.02)
    pytest.fail(f"threads left behind: {left}")


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    """No limit in real seconds is reached but by the test that sets one."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in LIMITS:
            patch.setattr(limit, 120.0)
        patch.setattr("station.line.notices.INTERVAL_S", 1e9)
        yield
