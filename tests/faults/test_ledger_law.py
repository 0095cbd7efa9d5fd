"""Whatever the rig does to its blocks, the line's ledger agrees with what was done to the line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.camera import Camera
from drivers.memory import MemoryCamera
from drivers.replay import ReplayCamera
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.faults import FAULT_NAMES, Effect, FaultTruth, FaultyCamera
from station.contract import Event, RollEnded, StretchClosed, UninspectedReason
from station.demo import open_demo_camera
from station.line.inspection import Inspection
from tests.rigs.hanging import EvenScorer
from tests.rigs.line import long_enough, recipe

pytestmark = pytest.mark.usefixtures("unhurried")

WIDTH, LINES = 256, 8000
IN_STREAM = [name for name in FAULT_NAMES if name not in {"reverse", "jitter"}]
MISSING = (Effect.LOST, Effect.GONE, Effect.LATE)


def play(camera: Camera) -> list[Event]:
    events: list[Event] = []
    inspection = Inspection(camera, EvenScorer(), recipe(threshold=2.0), roll="r", on_event=events.append, view=False)
    inspection.start()
    assert inspection.wait(240)
    inspection.finish()
    assert inspection.failure is None
    return events


def uninspected(events: list[Event]) -> dict[int, UninspectedReason]:
    """Why each line that was not inspected was not."""
    told = [event.stretch for event in events if isinstance(event, StretchClosed)]
    return {n: s.reason for s in told if s.reason is not None for n in range(s.first_line, s.end_line)}


def assert_law(events: list[Event], due_line: int, truth: FaultTruth) -> None:
    ended = events[-1]
    assert isinstance(ended, RollEnded)
    ledger = ended.ledger
    assert ledger.lines_in_flight == 0
    assert ledger.lines_acquired == due_line
    assert ledger.lines_uninspected == len(uninspected(events))
    assert ledger.lines_repeated == truth.count(Effect.REPEATED)


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strip")
    assert cv2.imwrite(str(folder / "strip.png"), np.full((LINES, WIDTH), 120, np.uint8))
    return folder


@settings(max_examples=12, deadline=None)
@given(
    names=st.lists(st.sampled_from(IN_STREAM), unique=True, max_size=4),
    seed=st.integers(0, 10_000),
    block_lines=st.sampled_from([50, 128, 333]),
)
def test_any_faults_together_are_accounted_for_to_the_line(
    strip: Path, names: list[str], seed: int, block_lines: int
) -> None:
    replay = ReplayCamera(strip, block_lines=block_lines)
    camera = FaultyCamera(replay, names, seed, every_lines=1200, gone_s=0.0)
    events = play(camera)
    truth = camera.truth()
    assert_law(events, camera.encoder().due_line, truth)
    missing = uninspected(events)
    assert set(missing) == truth.lines(*MISSING)
    assert truth.lines(Effect.GONE) <= {n for n, why in missing.items() if why is UninspectedReason.CAMERA_GONE}


class Loom(MemoryCamera):
    """Cloth of the loom (no pictures), which goes on where the camera is opened again."""

    def start(self) -> None:
        pass


@settings(max_examples=12, deadline=None)
@given(
    names=st.lists(st.sampled_from(IN_STREAM), unique=True, max_size=4),
    seed=st.integers(0, 10_000),
    block_lines=st.sampled_from([50, 128, 333]),
)
def test_of_the_loom_what_comes_too_short_to_judge_is_accounted_for_as_well(
    names: list[str], seed: int, block_lines: int
) -> None:
    loom = Loom(np.full((LINES, WIDTH), 120, np.uint8), block_lines=block_lines, lines=LINES)
    camera = FaultyCamera(loom, names, seed, every_lines=600, gone_s=0.0)
    events = play(camera)
    truth, due_line = camera.truth(), camera.encoder().due_line
    assert_law(events, due_line, truth)
    told, missing = uninspected(events), truth.lines(*MISSING)
    came = np.array([line not in missing for line in range(due_line)])
    short = came & ~long_enough(came)
    assert set(told) == set(np.flatnonzero(~came | short))
    assert {n for n, why in told.items() if why is UninspectedReason.TOO_SHORT} == set(np.flatnonzero(short))


def test_no_fault_no_uninspected_line(strip: Path) -> None:
    camera = FaultyCamera(ReplayCamera(strip), [], 1)
    assert uninspected(play(camera)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["unplug", "reverse"])
def test_beside_a_running_loom(fault: str) -> None:
    """What the loom itself takes part in: it runs on while the camera is away, and it goes back."""
    camera = SimulatedCamera(
        seed=3, width_px=WIDTH, metres=5.0, speed_m_per_min=60.0, faults=[fault], fault_every_lines=1500
    )
    events = play(camera)
    truth = camera.fault_truth()
    assert {event.fault for event in truth.events} >= {fault}
    assert_law(events, camera.encoder().due_line, truth)
    missing, true = uninspected(events), truth.lines(*MISSING)
    # A block under way when the camera returns was given up by the encoder's word: it stays so.
    late = set(missing) - true
    assert true <= set(missing)
    assert len(late) <= len(truth.of(Effect.GONE)) * 256
    assert all(n - 256 in missing for n in late)


@pytest.mark.parametrize("fault", FAULT_NAMES)
def test_every_fault_is_a_switch_of_the_demo(fault: str) -> None:
    assert open_demo_camera(0, 1.0, None, (fault,)).width_px == 2048


def test_the_switches_are_those_agreed_upon() -> None:
    agreed = "lost-lines short-block duplicate-block late-block jitter unplug reverse encoder-slip clock-step"
    assert agreed.split() == list(FAULT_NAMES)
