"""``station bench``: what is compared is alike, and the line does its real work.  Its rates are nothing for a test."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from model.runtime import Runtime
from model.scorer import TileScorer
from station import demo
from station.commands.bench.paces import WatchedScorer
from station.contract import Defect, DefectChanged, Event
from station.line.inspection import Inspection
from station.recipe import Recipe
from tests.rigs.command_line import Station

LONG = 120.0


@pytest.mark.slow
def test_the_model_alone_judges_the_calls_of_the_line(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    line: set[bytes] = set()
    bare: list[bytes] = []
    begin = Runtime.submit

    def watched(runtime: Runtime, tiles: NDArray[np.uint8]) -> Callable[[], NDArray[np.float32]]:
        if threading.current_thread().name == "line-inference":
            line.add(tiles.tobytes())
        else:
            bare.append(tiles.tobytes())
        return begin(runtime, tiles)

    monkeypatch.setattr(Runtime, "submit", watched)
    outcome = station("bench", "--seconds", 4, "--pairs", 1, "--json")
    assert outcome.code == 0, outcome.err
    assert bare
    assert set(bare) <= line
    result = outcome.json
    assert {"device", "precision", "encoder", "defects"} <= set(result)
    assert result["tiles_per_second"] > 0
    assert result["model_tiles_per_second"] > 0
    assert result["overhead"] == pytest.approx(1 - result["tiles_per_second"] / result["model_tiles_per_second"])
    assert result["overhead_lowest"] == result["overhead"] == result["overhead_highest"]


@pytest.mark.slow
def test_watched_the_line_finds_and_measures_as_it_does_unwatched() -> None:
    network, recipe = demo.shipped_model()
    cloth = demo.rendered_cloth(0, 1.5, demo.FLAWS_PER_M)
    runtime = Runtime(network)
    try:
        watched = WatchedScorer(runtime)
        found = defects_of(cloth, watched, recipe)
        assert found == defects_of(cloth, runtime, recipe)
    finally:
        runtime.close()
    assert any(reject for *_, reject in found)
    assert watched.pace.rate > 0


def test_waiting_threads_sleep_and_opencv_keeps_to_one() -> None:
    set_by_us = ("OMP_WAIT_POLICY", "OPENCV_FOR_THREADS_NUM")
    environment = {name: value for name, value in os.environ.items() if name not in set_by_us}
    asks = "import station.cli.app, cv2, os; print(os.environ['OMP_WAIT_POLICY'], cv2.getNumThreads())"
    said = subprocess.run([sys.executable, "-c", asks], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["PASSIVE", "1"]


def defects_of(cloth: NDArray[np.uint8], scorer: TileScorer, recipe: Recipe) -> list[tuple[object, ...]]:
    """The closed defects of the cloth: number, box, sizes, whether it is a reject."""
    found: list[Defect] = []

    def note(event: Event) -> None:
        if isinstance(event, DefectChanged) and event.defect.closed:
            found.append(event.defect)

    inspection = Inspection(MemoryCamera(cloth, lines=len(cloth)), scorer, recipe, on_event=note)
    inspection.start()
    assert inspection.wait(LONG)
    assert inspection.failure is None
    return [
        (d.number, d.first_line, d.end_line, d.first_px, d.end_px, d.length_mm, d.width_mm, d.is_reject) for d in found
    ]
