"""The simulated area camera: frames are the cloth, overlap as asked, and the line counts what it sees twice."""

from __future__ import annotations

import time
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera import Camera, CameraError, CameraGoneError, EndOfClothError, LineBlock
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.faults import FAULT_NAMES, FRAME_FAULT_NAMES, Effect
from drivers.simulated.loom import SpanPlan, SpeedProfile, Stage, Turn
from drivers.simulated.process import ClothSettings
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.contract import Event, RollEnded, StretchClosed
from station.line.inspection import Inspection
from station.recipe import Recipe


def play(camera: Camera) -> list[LineBlock]:
    camera.start()
    blocks: list[LineBlock] = []
    try:
        while True:
            block = camera.read(60.0)
            assert block is not None, "no frame within a minute"
            blocks.append(block)
    except EndOfClothError:
        return blocks
    finally:
        camera.stop()


def restart(camera: Camera) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return camera.start()
        except CameraGoneError:
            time.sleep(0.02)
    pytest.fail("the camera never came back")


def cloth(width_px: int, seed: int = 0, flaws_per_m: float = 3.0) -> Cloth:
    """What a camera of this width looks at unless told otherwise."""
    margin = round(24 / 2048 * width_px)
    return ClothSettings("demo", width_px, 0.5, seed, (margin, width_px - margin), flaws_per_m, True).weave()


def assert_is_cloth(blocks: list[LineBlock], truth: Cloth) -> None:
    for block in blocks:
        np.testing.assert_array_equal(block.pixels, truth.render(block.first_line, block.lines))
        assert not block.frame_lines or block.frame_line + block.lines == block.frame_lines
        assert block.pixels.flags.c_contiguous


@given(st.integers(16, 400), st.integers(0, 200), st.integers(1, 5000))
def test_frames_are_whole_and_overlap_as_asked(frame: int, overlap: int, total: int) -> None:
    overlap = min(overlap, frame // 2)
    spans = list(SpanPlan(None, (), frame - overlap, total, frame).spans())
    assert spans[0].first_line == 0
    assert spans[-1].end_line == total
    assert {span.end_line - span.first_line for span in spans} == {min(frame, total)}
    shared = [one.end_line - other.first_line for one, other in pairwise(spans)]
    assert set(shared[:-1]) <= {overlap}
    assert all(overlap <= lines < frame for lines in shared[-1:])


@given(st.integers(16, 400), st.integers(0, 200), st.lists(st.floats(5, 9000), min_size=1, max_size=4))
def test_on_a_running_loom_no_frame_waits_for_long(frame: int, overlap: int, speeds: list[float]) -> None:
    overlap = min(overlap, frame // 2)
    profile = SpeedProfile([Stage(1.0, one, other) for one, other in pairwise([*speeds, speeds[0]])])
    spans = list(islice(SpanPlan(profile, (), frame - overlap, None, frame).spans(), 80))
    for one, other in pairwise(spans):
        new = other.end_line - one.end_line
        assert 1 <= new <= frame - overlap
        assert new == 1 or other.ready_s - one.ready_s <= 0.1 + 1e-3
        assert other.end_line - other.first_line == min(frame, other.end_line)
        assert one.end_line - other.first_line >= min(overlap, one.end_line)


def test_behind_a_turn_frames_show_the_cloth_again() -> None:
    spans = list(SpanPlan(None, (Turn(450, 130),), 80, 700, 100).spans())
    assert [span.end_line for span in spans] == [100, 180, 260, 340, 420, 450, 400, 480, 560, 640, 700]
    assert {span.end_line - span.first_line for span in spans} == {100}


def test_frames_are_the_cloth_and_their_overlap_is_seen_twice_alike() -> None:
    camera = SimulatedCamera(width_px=512, metres=1.0, seed=4, frame_lines=300, overlap_lines=60)
    assert (camera.waits, camera.width_px, camera.channels) == (True, 512, 1)
    frames = play(camera)
    assert [frame.first_line for frame in frames] == [0, 240, 480, 720, 960, 1200, 1440, 1680, 1700]
    assert {frame.lines for frame in frames} == {300}
    assert_is_cloth(frames, cloth(512, 4))
    for one, other in pairwise(frames[:-1]):
        np.testing.assert_array_equal(one.pixels[-60:], other.pixels[:60])
    assert camera.encoder().due_line == 2000
    assert {event.fault for event in camera.fault_truth().events} == {"overlap"}
    assert camera.fault_truth().count(Effect.REPEATED) == sum(frame.lines for frame in frames) - 2000
    assert camera.truth() == cloth(512, 4).flaws(0, 2000)


def test_a_frame_is_darker_at_its_first_and_last_lines() -> None:
    camera = SimulatedCamera(width_px=256, metres=0.5, frame_lines=200, overlap_lines=40, frame_falloff=0.2)
    frames = play(camera)
    middles = (np.arange(200) + 0.5) / 100 - 1
    gain: NDArray[np.float64] = 1 - 0.2 * middles[:, None] ** 2
    truth = cloth(256)
    for frame in frames:
        lit = truth.render(frame.first_line, frame.lines) * gain
        assert np.abs(frame.pixels - lit).max() <= 0.51
    assert frames[0].pixels[-40:].mean() < frames[0].pixels[80:120].mean()


def test_a_running_loom_shows_whole_frames_once_they_are_in_view() -> None:
    camera = SimulatedCamera(width_px=256, metres=1.0, speed_m_per_min=60.0, frame_lines=240, overlap_lines=48)
    frames = play(camera)
    assert_is_cloth(frames, cloth(256))
    assert all(frame.lines == min(240, frame.end_line) for frame in frames)
    assert all(one.end_line - other.first_line >= 48 for one, other in pairwise(frames) if other.first_line)
    assert all(one.captured_ns < other.captured_ns for one, other in pairwise(frames))
    assert frames[-1].end_line == camera.encoder().due_line == 2000


@pytest.mark.parametrize("width_px", [2048, pytest.param(8192, marks=pytest.mark.slow)])
@pytest.mark.parametrize("frame_lines", [None, 384])
def test_wide_cameras_deliver_the_cloth(width_px: int, frame_lines: int | None) -> None:
    overlap_lines = 64 if frame_lines else 0
    camera = SimulatedCamera(
        width_px=width_px, metres=0.4, seed=6, flaws_per_m=12.0, frame_lines=frame_lines, overlap_lines=overlap_lines
    )
    blocks = play(camera)
    assert {block.pixels.shape[1] for block in blocks} == {width_px}
    assert_is_cloth(blocks, cloth(width_px, 6, 12.0))
    assert {line for block in blocks for line in range(block.first_line, block.end_line)} == set(range(800))
    flaws = camera.truth()
    assert flaws
    assert all(camera.web_px[0] <= flaw.first_px < flaw.end_px <= camera.web_px[1] for flaw in flaws)


@pytest.mark.slow
def test_a_camera_of_8192_px_on_a_running_loom() -> None:
    camera = SimulatedCamera(
        width_px=8192, metres=0.4, speed_m_per_min=10.0, flaws_per_m=1.0, frame_lines=256, overlap_lines=32
    )
    frames = play(camera)
    assert_is_cloth(frames, cloth(8192, 0, 1.0))
    assert camera.fault_truth().count(Effect.LOST) == 2000 * 0.4 - len(
        {line for frame in frames for line in range(frame.first_line, frame.end_line)}
    )


class Flat(TileScorer):
    """A scorer that finds every tile as good as any other."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((len(tiles), 64, 64), np.float32)


class Noted(SimulatedCamera):
    """Keeps which lines each frame held that it handed over."""

    spans: tuple[tuple[int, int], ...] = ()

    def read(self, timeout_s: float) -> LineBlock | None:
        block = super().read(timeout_s)
        if block is not None:
            self.spans += ((block.first_line, block.end_line),)
        return block


def inspect(camera: Camera) -> tuple[Inspection, list[Event]]:
    recipe = Recipe.model_validate(
        {
            "fabric": "test",
            "model_sha256": "0" * 64,
            "encoder": "light",
            "threshold": 20.0,
            "mm_per_px": 0.5,
            "web": "full",
        }
    )
    events: list[Event] = []
    inspection = Inspection(camera, Flat(), recipe, roll="r", on_event=events.append)
    inspection.start()
    assert inspection.wait(120)
    inspection.finish()
    assert inspection.failure is None
    return inspection, events


@pytest.mark.slow
@pytest.mark.parametrize("faults", [(), *((name,) for name in FRAME_FAULT_NAMES if name != "unplug")])
@pytest.mark.parametrize("overlap_lines", [0, 50])
def test_the_line_counts_overlap_as_repeated_and_every_line_once(faults: tuple[str, ...], overlap_lines: int) -> None:
    camera = Noted(
        width_px=512,
        metres=4.0,
        seed=3,
        frame_lines=400,
        overlap_lines=overlap_lines,
        faults=faults,
        fault_every_lines=1500,
    )
    inspection, events = inspect(camera)
    totals = inspection.snapshot().ledger
    assert (totals.lines_acquired, totals.lines_inspected, totals.lines_uninspected) == (8000, 8000, 0)
    assert totals.lines_in_flight == 0
    assert totals.lines_repeated == sum(end - first for first, end in camera.spans) - 8000
    assert totals.lines_repeated == camera.fault_truth().count(Effect.REPEATED)
    assert {event.fault for event in camera.fault_truth().events} >= set(faults)
    assert [e.stretch.inspected for e in events if isinstance(e, StretchClosed)] == [True]
    assert events[-1] == RollEnded("r", totals)


@pytest.mark.slow
@pytest.mark.parametrize("speed_m_per_min", [None, 60.0])
def test_an_area_camera_that_is_unplugged_leaves_an_exact_ledger(
    speed_m_per_min: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given up, a read may yet bring a frame that nobody sees.
    for module in ("drivers.grabber", "station.line.acquiring.feed_watch"):
        monkeypatch.setattr(f"{module}.GONE_S", 60.0)
    camera = Noted(
        width_px=512,
        metres=6.0,
        speed_m_per_min=speed_m_per_min,
        seed=3,
        frame_lines=400,
        overlap_lines=50,
        faults=("unplug", "jitter", "reverse"),
        fault_every_lines=1500,
    )
    inspection, events = inspect(camera)
    totals = inspection.snapshot().ledger
    gone = camera.fault_truth().lines(Effect.GONE, Effect.LOST)
    assert gone
    assert totals.lines_acquired == camera.encoder().due_line == 12_000
    assert totals.lines_in_flight == 0
    # lines of a frame that were given up before it came stay uninspected
    assert totals.lines_uninspected >= len(gone)
    seen = [line for first, end in camera.spans for line in range(first, end)]
    assert totals.lines_repeated == len(seen) - len(set(seen))
    uninspected = {
        line
        for event in events
        if isinstance(event, StretchClosed) and not event.stretch.inspected
        for line in range(event.stretch.first_line, event.stretch.end_line)
    }
    assert gone <= uninspected
    assert len(uninspected) == totals.lines_uninspected


def test_unplugged_frames_say_what_never_came() -> None:
    camera = SimulatedCamera(
        width_px=256, metres=4.0, seed=3, frame_lines=200, overlap_lines=40, faults=["unplug"], fault_every_lines=1500
    )
    camera.start()
    lines: set[int] = set()
    times_gone = 0
    while True:
        try:
            block = camera.read(60.0)
        except EndOfClothError:
            break
        except CameraGoneError:
            times_gone += 1
            restart(camera)
            continue
        assert block is not None
        lines |= set(range(block.first_line, block.end_line))
    camera.stop()
    assert times_gone > 0
    assert set(range(8000)) - lines == camera.fault_truth().lines(Effect.GONE)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"overlap_lines": 8}, "area camera.*frame_lines"),
        ({"frame_falloff": 0.1}, "area camera.*frame_lines"),
        ({"frame_lines": 3}, "3 lines at once.*16 to 4096"),
        ({"frame_lines": 100_000}, "100000 lines at once"),
        ({"frame_lines": 200, "overlap_lines": 101}, "200 lines cannot overlap by 101.*0 to 100"),
        ({"frame_lines": 200, "overlap_lines": -1}, "overlap by -1"),
        ({"frame_lines": 200, "frame_falloff": 0.9}, "0.9 of its light"),
        ({"frame_lines": 200, "faults": ["gremlins"]}, "gremlins"),
        *(({"frame_lines": 200, "faults": [name]}, name) for name in FAULT_NAMES if name not in FRAME_FAULT_NAMES),
    ],
)
def test_impossible_frames_are_refused_in_one_sentence(settings: dict[str, object], words: str) -> None:
    with pytest.raises(CameraError, match=words) as caught:
        SimulatedCamera(**settings)  # type: ignore[arg-type]
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
