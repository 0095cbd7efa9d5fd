"""Two cameras above a loom that does not wait: real threads, real time, every line accounted for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.joined.alignment import Joint
from drivers.joined.camera import JoinedCamera
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.fault_kinds import Effect
from drivers.simulated.views import SimulatedView, View
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.contract import Ledger, Notice, RollEnded, Stretch, StretchClosed
from station.contract import UninspectedReason as R
from tests.rigs.line import Run, until


@pytest.fixture(autouse=True)
def _none_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is unplugged is gone, all else is waited for: threads of these cameras may be held up for long."""
    for limit in (
        "drivers.joined.reader.GONE_S",
        "drivers.joined.camera.STALL_S",
        "station.line.acquiring.feed_watch.GONE_S",
    ):
        monkeypatch.setattr(limit, 120.0)


class Even(TileScorer):
    """Finds nothing, at no cost."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((len(tiles), 64, 64), np.float32)


def two_views(*right_faults: str, fault_every_lines: int = 200) -> list[SimulatedView]:
    loom = SimulatedCamera(
        width_px=512, web_px=(0, 512), speed_m_per_min=12.0, seed=3, fault_every_lines=fault_every_lines
    )
    return loom.views([View("left", 0, 300), View("right", 212, 512, right_faults)])


def is_told(run: Run, words: str) -> bool:
    return not words or any(words in notice.text for notice in run.of(Notice))


def lines(stretch: Stretch) -> range:
    return range(stretch.first_line, stretch.end_line)


def lines_of(run: Run, camera: SimulatedView, *effects: Effect) -> set[int]:
    """Lines of the ended roll that a fault of this camera hit."""
    snapshot = run.inspection.snapshot()
    hit = {line - (snapshot.origin_line or 0) for line in camera.truth().lines(*effects)}
    return hit & set(range(snapshot.ledger.lines_acquired))


def ended(run: Run, lines: int, words: str = "") -> Ledger:
    """The roll's ledger, once so many lines were inspected, this was told and the roll has ended."""
    run.inspection.start()
    try:
        until(lambda: run.inspection.snapshot().ledger.lines_inspected >= lines and is_told(run, words))
        assert run.inspection.finish()
    finally:
        run.inspection.abort()
    assert run.inspection.failure is None
    ledger: Ledger = run.of(RollEnded)[0].ledger
    told = [event.stretch for event in run.of(StretchClosed)]
    assert ledger.lines_in_flight == 0
    assert sum(s.end_line - s.first_line for s in told) == ledger.lines_acquired
    assert sum(s.end_line - s.first_line for s in told if s.inspected) == ledger.lines_inspected
    return ledger


@pytest.mark.slow
def test_a_neighbour_that_was_unplugged_joins_again() -> None:
    left, right = two_views("unplug", fault_every_lines=700)
    run = Run(JoinedCamera([left, right], [Joint(88)]), Even())
    ledger = ended(run, 300, "Camera right is back.")
    missed = lines_of(run, right, Effect.GONE)
    declared = {n for e in run.of(StretchClosed) if not e.stretch.inspected for n in lines(e.stretch)}
    assert missed
    assert missed <= declared
    assert ledger.lines_uninspected == len(declared)
    assert is_told(run, "Camera right is gone (unplugged)")
    assert not is_told(run, "Camera left")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["lost-lines", "short-block", "duplicate-block", "late-block", "jitter", "clock-step"]
)
def test_a_neighbour_on_a_bad_day_costs_no_more_than_its_own_lines(fault: str) -> None:
    left, right = two_views(fault, fault_every_lines=500)
    run = Run(JoinedCamera([left, right], [Joint(88)]), Even())
    ledger = ended(run, 600)
    assert right.truth().events
    missing = len(lines_of(run, left, Effect.LOST)) + len(lines_of(run, right, Effect.LOST, Effect.LATE))
    assert ledger.lines_uninspected > 0 or not missing
    told = [event.stretch for event in run.of(StretchClosed)]
    last = 0 if told[-1].inspected else told[-1].end_line - told[-1].first_line  # was still on its way at the end
    short = sum(s.end_line - s.first_line for s in told[:-1] if s.reason is R.TOO_SHORT)
    # On a very busy machine a camera may be late, or the line, besides.
    if not is_told(run, "late") and not is_told(run, "left out") and not is_told(run, "slower than the cloth"):
        assert ledger.lines_uninspected <= missing + short + last


def test_cloth_that_two_cameras_see_again_is_counted_once() -> None:
    def ledger_of(joined: bool) -> Ledger:
        loom = SimulatedCamera(
            width_px=512, web_px=(0, 512), metres=0.6, seed=3, faults=("reverse",), fault_every_lines=300
        )
        views = [View("left", 0, 300), View("right", 212, 512)]
        camera = JoinedCamera(loom.views(views), [Joint(88)]) if joined else loom
        ledger: Ledger = Run(camera, Even()).to_end().of(RollEnded)[0].ledger
        return ledger

    wide = ledger_of(joined=False)
    assert wide.lines_repeated > 0
    assert ledger_of(joined=True) == wide
