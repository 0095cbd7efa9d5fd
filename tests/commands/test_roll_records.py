"""Between a window or a folder and the records: nothing ends unheard, nothing is lost unsaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from station.commands.roll import Recorder, run_demo
from station.commands.session import open_records
from station.control import Notice, RowJudged
from station.core import Station
from station.records.rows import RecordsError


class FullStore:
    """Records whose queue is full for good; notes how long it was waited for."""

    failure: RecordsError | None = RecordsError("The records in x failed: the disk is full.")

    def __init__(self) -> None:
        self.waits: list[float] = []

    def write(self, _event: object, timeout_s: float = 0.0) -> bool:
        self.waits.append(timeout_s)
        return False


def test_records_that_take_nothing_stop_the_line_and_are_waited_for_once() -> None:
    store: Any = FullStore()
    recorder = Recorder(store, 7.0)
    for _ in range(2):
        with pytest.raises(RecordsError, match="disk is full"):
            recorder(RowJudged(0, 256, np.zeros(1, np.float32)))
    assert store.waits == [7.0, 0.0]
    store.failure = None
    with pytest.raises(RecordsError, match="too slow"):
        recorder(Notice("error", "x"))


def test_a_roll_that_failed_behind_the_window_fails_the_command(demo_home: Path) -> None:
    def window(station: Station, *_rest: object) -> int:
        station.wait(60)
        return 0

    def disconnect(_self: object) -> None:
        raise RuntimeError("the loom is on fire")

    with open_records(demo_home) as records, pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivers.simulated.camera.SimulatedCamera.start", disconnect)
        with pytest.raises(RuntimeError, match="on fire"):
            run_demo(records, metres=1.0, speed_m_per_min=None, seed=0, faults=(), window=window)
