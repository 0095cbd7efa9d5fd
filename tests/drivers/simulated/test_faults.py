"""Every fault tells the truth about itself: an independent count of what was delivered must agree to the line."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera import Camera, CameraError, CameraGoneError, EndOfClothError, LineBlock
from drivers.replay import ReplayCamera
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.faults import FAULT_NAMES, Effect, FaultTruth, FaultyCamera

TALL = 12_000
IN_STREAM = [name for name in FAULT_NAMES if name not in {"reverse", "jitter"}]


@dataclass
class Played:
    """What came out of a camera, counted without knowing why."""

    blocks: list[LineBlock] = field(default_factory=list)
    times_gone: int = 0
    due_line: int = 0

    def never_delivered(self) -> set[int]:
        return set(range(self.due_line)) - set(self.deliveries())

    def deliveries(self) -> Counter[int]:
        return Counter(line for block in self.blocks for line in range(block.first_line, block.end_line))

    def delivered_again(self) -> int:
        counts = self.deliveries()
        return counts.total() - len(counts)

    def overtaken(self) -> set[int]:
        """Lines first delivered when a later one already had been."""
        late: set[int] = set()
        seen: set[int] = set()
        highest = 0
        for block in self.blocks:
            lines = range(block.first_line, block.end_line)
            late.update(line for line in lines if line < highest and line not in seen)
            seen.update(lines)
            highest = max(highest, block.end_line)
        return late


def play(camera: Camera) -> Played:
    played = Played()
    camera.start()
    while True:
        try:
            block = camera.read(60.0)
        except EndOfClothError:
            played.due_line = camera.encoder().due_line
            camera.stop()
            return played
        except CameraGoneError:
            played.times_gone += 1
            restart(camera)
            continue
        assert block is not None
        assert block.lines > 0
        played.blocks.append(block)


def restart(camera: Camera) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            camera.start()
        except CameraGoneError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("the camera never came back")


def assert_truth(played: Played, truth: FaultTruth) -> None:
    assert played.never_delivered() == truth.lines(Effect.LOST, Effect.GONE)
    assert played.overtaken() == truth.lines(Effect.LATE)
    assert played.delivered_again() == truth.count(Effect.REPEATED)


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.uint8]]:
    """A tall image in a folder: cheap cloth whose every line differs from its neighbours."""
    folder = tmp_path_factory.mktemp("strip")
    pixels = np.random.default_rng(3).integers(0, 256, (TALL, 16), np.uint8)
    assert cv2.imwrite(str(folder / "strip.png"), pixels)
    return folder, pixels


def faulty(folder: Path, names: list[str], seed: int, every_lines: int = 900) -> FaultyCamera:
    return FaultyCamera(ReplayCamera(folder, block_lines=128), names, seed, every_lines=every_lines, gone_s=0.0)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.sampled_from(IN_STREAM), unique=True), seed=st.integers(0, 10_000))
def test_any_faults_together_tell_the_truth(strip: tuple[Path, NDArray[np.uint8]], names: list[str], seed: int) -> None:
    folder, pixels = strip
    camera = faulty(folder, names, seed)
    played = play(camera)
    assert_truth(played, camera.truth())
    for block in played.blocks:
        lines = [camera.cloth_line(line) for line in range(block.first_line, block.end_line)]
        np.testing.assert_array_equal(block.pixels, pixels[lines])
        assert [camera.encoder_line(line) for line in lines] == list(range(block.first_line, block.end_line))


@pytest.mark.parametrize("name", IN_STREAM)
def test_a_fault_strikes_where_its_seed_says_and_is_seen(strip: tuple[Path, NDArray[np.uint8]], name: str) -> None:
    camera, twin, other = (faulty(strip[0], [name], seed) for seed in (1, 1, 2))
    played, again = play(camera), play(twin)
    play(other)
    assert camera.truth() == twin.truth()
    assert camera.truth().events
    assert camera.truth() != other.truth()
    assert {event.fault for event in camera.truth().events} == {name}
    assert [block.first_line for block in played.blocks] == [block.first_line for block in again.blocks]


def effects(camera: FaultyCamera | SimulatedCamera) -> set[Effect]:
    truth = camera.truth() if isinstance(camera, FaultyCamera) else camera.fault_truth()
    return {event.effect for event in truth.events}


def test_no_fault_changes_nothing(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], [], 1)
    played = play(camera)
    assert camera.truth().events == ()
    np.testing.assert_array_equal(np.concatenate([block.pixels for block in played.blocks]), strip[1])


def test_lost_lines_leave_a_gap_between_short_blocks(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], ["lost-lines"], 4)
    played = play(camera)
    assert effects(camera) == {Effect.LOST}
    for event in camera.truth().events:
        assert any(block.end_line == event.first_line for block in played.blocks) or event.first_line == 0
        assert any(block.first_line == event.end_line for block in played.blocks) or event.end_line == TALL
        assert 10 <= event.end_line - event.first_line < 300 or event.end_line == TALL


def test_a_short_block_lacks_its_end(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], ["short-block"], 4)
    played = play(camera)
    short = [block for block in played.blocks if block.end_line % 128 and block.end_line != TALL]
    assert [block.end_line for block in short] == [event.first_line for event in camera.truth().events]
    assert all(block.first_line % 128 == 0 for block in short)


def test_a_duplicate_block_comes_twice_in_a_row(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], ["duplicate-block"], 4)
    played = play(camera)
    twice = [one.first_line for one, other in pairwise(played.blocks) if one.first_line == other.first_line]
    assert twice == [event.first_line for event in camera.truth().events]
    assert effects(camera) == {Effect.REPEATED}


def test_a_late_block_is_overtaken_by_its_successor(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], ["late-block"], 4)
    played = play(camera)
    back = [other for one, other in pairwise(played.blocks) if other.first_line < one.first_line]
    assert [block.first_line for block in back] == [event.first_line for event in camera.truth().events]
    assert played.never_delivered() == set()


def test_a_clock_step_moves_capture_times_only(
    strip: tuple[Path, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    milliseconds = itertools.count(10**6)
    clock = SimpleNamespace(monotonic_ns=lambda: next(milliseconds) * 10**6)
    monkeypatch.setattr("drivers.replay.time", clock)  # in which no block takes longer than the step
    camera = faulty(strip[0], ["clock-step"], 4)
    played = play(camera)
    stepped = camera.truth().lines(Effect.STEPPED)
    right = [block for block in played.blocks if block.first_line not in stepped]
    wrong = [block for block in played.blocks if block.first_line in stepped]
    assert wrong
    assert [block.captured_ns for block in right] == sorted(block.captured_ns for block in right)
    for block in wrong:
        before = max((other.captured_ns for other in right if other.end_line <= block.first_line), default=0)
        behind = min((other.captured_ns for other in right if other.first_line >= block.end_line), default=None)
        assert block.captured_ns < before or behind is None or block.captured_ns > behind
    assert played.never_delivered() == set()


def test_an_encoder_slip_moves_all_later_numbers(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], ["encoder-slip"], 4)
    played = play(camera)
    slipped = camera.truth().count(Effect.LOST)
    assert slipped > 0
    assert played.due_line == TALL + slipped
    assert camera.encoder_line(TALL - 1) == TALL + slipped - 1
    assert sum(block.lines for block in played.blocks) == TALL


def test_unplugged_while_cloth_waits_some_cloth_passes(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = FaultyCamera(ReplayCamera(strip[0], block_lines=128), ["unplug"], 4, every_lines=900, gone_s=0.05)
    played = play(camera)
    gone = camera.truth().of(Effect.GONE)
    assert played.times_gone == len(gone) > 1
    assert all(event.end_line - event.first_line >= 300 for event in gone[:-1])


def test_while_unplugged_every_read_and_start_says_so(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = FaultyCamera(ReplayCamera(strip[0], block_lines=128), ["unplug"], 4, every_lines=900, gone_s=3600)
    camera.start()
    blocks: list[LineBlock | None] = []
    with pytest.raises(CameraGoneError, match="replay"):
        blocks.extend(iter(lambda: camera.read(1.0), None))
    assert blocks
    with pytest.raises(CameraGoneError):
        camera.read(0.0)
    with pytest.raises(CameraGoneError):
        camera.start()
    (gone,) = camera.truth().of(Effect.GONE)
    assert blocks[-1] is not None
    assert (gone.first_line, gone.end_line) == (blocks[-1].end_line, camera.encoder().due_line)
    camera.stop()


def test_jitter_delays_but_keeps_order_and_every_line(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    camera = faulty(strip[0], ["jitter"], 4, every_lines=6000)
    camera.start()
    first_lines, nothing = [], 0
    while True:
        try:
            block = camera.read(0.001)
        except EndOfClothError:
            break
        if block is None:
            nothing += 1
        else:
            first_lines.append(block.first_line)
    assert nothing > 0  # a delayed block is not waited for beyond the timeout
    assert first_lines == list(range(0, TALL, 128))
    assert effects(camera) == {Effect.DELAYED}


def test_unknown_faults_are_refused(strip: tuple[Path, NDArray[np.uint8]]) -> None:
    with pytest.raises(CameraError, match=r"gremlins.*lost-lines"):
        faulty(strip[0], ["gremlins"], 1)


@pytest.mark.parametrize(
    "names", [["reverse"], ["reverse", "duplicate-block"], ["unplug", "encoder-slip", "late-block"]]
)
def test_the_waiting_rig_with_faults_tells_the_truth(names: list[str]) -> None:
    camera = SimulatedCamera(seed=2, width_px=256, metres=5, faults=names, fault_every_lines=1500)
    played = play(camera)
    truth = camera.fault_truth()
    assert {event.fault for event in truth.events} >= set(names) & {"reverse", "unplug"}
    assert_truth(played, truth)


def test_a_reverse_goes_back_a_fifth_of_a_metre() -> None:
    camera = SimulatedCamera(seed=2, width_px=256, metres=5, faults=["reverse"], fault_every_lines=1500)
    played = play(camera)
    events = camera.fault_truth().of(Effect.REPEATED)
    assert events
    assert all(event.end_line - event.first_line == 400 for event in events)
    assert played.due_line == 10_000


@pytest.mark.slow
def test_the_running_rig_is_unplugged_and_its_loom_runs_on() -> None:
    camera = SimulatedCamera(
        seed=2, width_px=256, metres=8, speed_m_per_min=120, faults=["unplug"], fault_every_lines=1500
    )
    played = play(camera)
    truth = camera.fault_truth()
    assert played.times_gone >= 1
    assert played.due_line == 16_000
    assert truth.count(Effect.GONE) > 4000  # three seconds at 4000 lines a second, less what was left of the cloth
    assert_truth(played, truth)


def test_the_running_rig_reverses() -> None:
    camera = SimulatedCamera(
        seed=2, width_px=256, metres=2, speed_m_per_min=120, faults=["reverse"], fault_every_lines=1500
    )
    played = play(camera)
    assert {event.fault for event in camera.fault_truth().of(Effect.REPEATED)} == {"reverse"}
    assert_truth(played, camera.fault_truth())


@pytest.mark.slow
def test_flaws_are_told_in_the_numbers_the_encoder_gives() -> None:
    slipped = SimulatedCamera(
        seed=2, width_px=256, metres=4, flaws_per_m=6, faults=["encoder-slip"], fault_every_lines=1500
    )
    straight = SimulatedCamera(seed=2, width_px=256, metres=4, flaws_per_m=6)
    play(slipped)
    play(straight)
    slips = slipped.fault_truth().of(Effect.LOST)
    assert slips
    assert len(slipped.truth()) == len(straight.truth()) > 3
    for moved, flaw in zip(slipped.truth(), straight.truth(), strict=True):
        assert moved.kind == flaw.kind
        before = [event for event in slips if event.end_line <= moved.first_line]
        assert moved.first_line - flaw.first_line == sum(event.end_line - event.first_line for event in before)
