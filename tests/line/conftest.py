"""Every test of the line must leave no thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2
import pytest

cv2.setNumThreads(1)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())  # another test's fault is not this one's
    yield
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("line-")]
        if not left:
            return
        time.sleep(0.02)
    pytest.fail(f"threads left behind: {left}")
