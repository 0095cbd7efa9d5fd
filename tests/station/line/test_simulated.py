"""The simulated rig on a bad day: the line's ledger against the truth of the faults, line by line."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.faults import FAULT_NAMES, Effect
from station.contract import Event, Notice, RollEnded, StretchClosed, StripView, UninspectedReason
from station.line.inspection import Inspection
from tests.rigs.line import DeviationScorer, recipe

METRES = 4.0
LINES = 8000


def play(*faults: str, **settings: object) -> tuple[SimulatedCamera, Inspection, list[Event]]:
    options: dict[str, object] = {"width_px": 512, "metres": METRES, "seed": 3, "fault_every_lines": 1500}
    camera = SimulatedCamera(faults=faults, **{**options, **settings})  # type: ignore[arg-type]
    events: list[Event] = []
    inspection = Inspection(camera, DeviationScorer(), recipe(threshold=1e3), roll="r", on_event=events.append)
    inspection.start()
    assert inspection.wait(120)
    inspection.finish()
    return camera, inspection, events


@pytest.mark.parametrize("fault", FAULT_NAMES)
def test_every_fault_is_accounted_for_to_the_line(fault: str) -> None:
    camera, inspection, events = play(fault)
    truth = camera.fault_truth()
    assert truth.events, "the fault did not strike"
    totals = inspection.snapshot().ledger
    assert inspection.failure is None
    missing = truth.lines(Effect.LOST, Effect.GONE, Effect.LATE)
    slipped = camera.encoder().due_line - LINES
    assert totals.lines_acquired == LINES + slipped
    assert totals.lines_uninspected == len(missing)
    assert totals.lines_inspected == totals.lines_acquired - len(missing)
    assert totals.lines_repeated == truth.count(Effect.REPEATED)
    told: set[int] = set()
    for event in events:
        if isinstance(event, StretchClosed) and not event.stretch.inspected:
            gone = event.stretch.reason is UninspectedReason.CAMERA_GONE
            assert gone == (fault == "unplug")
            told |= set(range(event.stretch.first_line, event.stretch.end_line))
    assert told == missing
    assert events[-1] == RollEnded("r", totals)
    if fault == "clock-step":
        assert any(isinstance(e, Notice) and "clock" in e.text for e in events)
        assert inspection.snapshot().latency_p99_ms < 60_000


@pytest.mark.slow
def test_all_faults_at_once_beside_a_running_loom() -> None:
    """Cloth that does not wait: whatever happens, the law holds and all the cloth has its fate."""
    camera, inspection, events = play(*FAULT_NAMES, speed_m_per_min=60.0, metres=6.0)
    assert inspection.failure is None
    totals = inspection.snapshot().ledger
    assert totals.lines_in_flight == 0
    assert totals.lines_acquired == camera.encoder().due_line
    stretches = [e.stretch for e in events if isinstance(e, StretchClosed)]
    assert stretches[0].first_line == 0
    assert all(a.end_line == b.first_line for a, b in pairwise(stretches))
    assert stretches[-1].end_line == totals.lines_acquired
    assert sum(s.end_line - s.first_line for s in stretches if s.inspected) == totals.lines_inspected
    seen = {n for e in events if isinstance(e, StripView) for n in range(e.first_line, e.first_line + len(e.pixels))}
    short = [s for s in stretches if s.reason is UninspectedReason.TOO_SHORT]
    assert len(seen) == totals.lines_inspected + sum(s.end_line - s.first_line for s in short)
