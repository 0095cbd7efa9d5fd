"""Tests of faults use the doubles of the line's tests, and leave no thread hanging."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from drivers import left_behind

sys.path.append(str(Path(__file__).resolve().parents[1] / "line"))
cv2.setNumThreads(1)


@pytest.fixture(autouse=True)
def _none_hangs() -> Iterator[None]:
    yield
    assert left_behind.alive(30.0) == []
