"""Between a window or a folder and the records: nothing ends unheard, nothing is lost unsaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from station import demo
from station.commands.run import Recorder, run_demo
from station.commands.session import open_records
from station.contract import Notice, RowJudged, Severity
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
        recorder(Notice(Severity.ERROR, "x"))


@pytest.mark.slow
def test_the_figures_of_a_second_roll_are_its_own(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "WINDOW_SPEED_M_PER_MIN", None)  # a camera that waits: a busy machine loses no cloth
    monkeypatch.setattr(demo, "FLAWS_PER_M", 8.0)  # flaws wherever the first roll happens to end
    origins: list[int] = []

    def window(station: Station, *_rest: object) -> int:
        for roll, metres in enumerate((0.3, 1.2)):
            if roll:
                station.start_roll("demo")
            while (station.snapshot().metres_inspected or 0.0) < metres and not station.wait(0.1):
                pass
            station.end_roll()
            assert station.wait(120)
            origins.append(station.snapshot().origin_line or 0)
        return 0

    with open_records(demo_home) as records:
        result: dict[str, Any] = run_demo(records, metres=None, speed_m_per_min=None, seed=5, faults=(), window=window)
    assert origins[1] > 600
    assert result["flaws_true"] >= 2
    assert result["flaws_found"] >= 0.5 * result["flaws_true"]
    assert result["false_alarms"] <= 2


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
