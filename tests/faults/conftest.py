"""Tests of faults use the doubles of the line's tests, and leave no thread hanging."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest

from drivers import abandoned

cv2.setNumThreads(1)


UNHURRIED = (
    "drivers.grabber.GONE_S",
    "drivers.joined.reader.GONE_S",
    "drivers.joined.camera.STALL_S",
    "drivers.simulated.ring.LOCK_TIMEOUT_S",
    "station.line.acquiring.feed_watch.GONE_S",
    "station.line.acquiring.acquisition.LAST_LINES_S",
    "station.line.acquiring.acquisition.STOP_LIMIT_S",
)


@pytest.fixture(autouse=True)
def _none_hangs() -> Iterator[None]:
    abandoned.alive(30.0)  # another test's may still return
    yield
    assert abandoned.alive(60.0) == []


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for long loses no camera and no cloth: only what a fault does is seen."""
    for limit in UNHURRIED:
        monkeypatch.setattr(limit, 120.0)
    monkeypatch.setattr("station.line.acquiring.overload.BLOCKS_WAITING", 4096)
