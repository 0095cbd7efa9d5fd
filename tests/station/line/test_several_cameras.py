"""Several cameras across one web: one roll, one coordinate system, and what happens when one of them shows nothing."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.shading import shading_from_references
from drivers.camera import CameraGoneError, LineBlock
from drivers.joined.alignment import Joint
from drivers.joined.camera import JoinedCamera
from drivers.memory import MemoryCamera
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.commands.calibrate_source import played
from station.contract import DefectChanged, Notice, RollEnded, RowJudged, Stretch, StretchClosed, StripView
from station.contract import UninspectedReason as R
from station.line.inspection import Inspection
from tests.rigs.line import LONG, Run, cloth, long_enough, recipe, until

WIDTH, LINES = 1200, 1600
LEFT, RIGHT = slice(0, 680), slice(520, 1200)
JOINT = Joint(160)
CUT = 600


class Window(MemoryCamera):
    """Sees some columns of a cloth in memory; some lines it loses, and once it may be gone."""

    def __init__(
        self,
        name: str,
        whole: NDArray[np.uint8],
        columns: slice,
        *,
        block_lines: int = 128,
        lost: tuple[tuple[int, int], ...] = (),
        gone: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(whole[:, columns], block_lines=block_lines, lines=len(whole))
        self.camera_id, self._lost, self._gone = name, lost, gone
        self._is_started = False
        self.is_there = threading.Event()  # again, once it was gone

    def start(self) -> None:
        if self._is_started and not self.is_there.is_set():
            raise CameraGoneError(f"Camera {self.camera_id} is not there; plug it in.")
        if not self._is_started:
            super().start()
        self._is_started = True

    def read(self, timeout_s: float) -> LineBlock:
        block = super().read(timeout_s)
        if self._gone is not None and block.end_line > self._gone[0]:
            while self._next < self._gone[1]:  # cloth that passes meanwhile
                super().read(timeout_s)
            self._gone = None
            raise CameraGoneError(f"Camera {self.camera_id} was unplugged; check its cable.")
        for first, end in self._lost:
            if first < block.end_line and end > block.first_line:
                return self.read(timeout_s)
        return block


class Even(TileScorer):
    """Finds nothing, at no cost."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((len(tiles), 64, 64), np.float32)


def joined(whole: NDArray[np.uint8], left: dict | None = None, right: dict | None = None) -> JoinedCamera:
    cameras = [Window("left", whole, LEFT, **(left or {})), Window("right", whole, RIGHT, **(right or {}))]
    return JoinedCamera(cameras, [JOINT])


def flawed(*places: tuple[int, int]) -> NDArray[np.uint8]:
    """Cloth with a dark spot of 24 px at each place (line, column)."""
    made = cloth(LINES, WIDTH)
    for line, column in places:
        made[line : line + 24, column : column + 24] = 20
    return made


def fates(run: Run) -> list[Stretch]:
    return [event.stretch for event in run.of(StretchClosed)]


def defects(run: Run) -> list[tuple[object, ...]]:
    """What the roll reports in the end."""
    last = {event.defect.number: event.defect for event in run.of(DefectChanged)}
    return [
        (d.first_line, d.end_line, d.first_px, d.end_px, d.score, d.position_mm, d.across_mm, d.is_reject, d.closed)
        for d in last.values()
        if d.merged_into is None
    ]


def places(run: Run) -> list[tuple[int, int]]:
    """Lines and columns of the rejects' middles, to the nearest fifty."""
    return sorted((round((d[0] + d[1]) / 100) * 50, round((d[2] + d[3]) / 100) * 50) for d in defects(run) if d[7])


def test_two_overlapping_cameras_report_what_one_wide_camera_reports() -> None:
    whole = flawed((300, 90), (700, CUT - 12), (705, 560), (1100, 1000))
    whole[400:1500, CUT - 2 : CUT + 2] = 30  # a broken end right at the joint
    wide = Run(MemoryCamera(whole, block_lines=128, lines=LINES)).to_end()
    both = Run(joined(whole, {"block_lines": 96}, {"block_lines": 200})).to_end()
    assert len(defects(wide)) >= 3
    assert defects(both) == defects(wide)
    assert fates(both) == [Stretch(0, LINES)]
    shown = np.concatenate([view.pixels for view in both.of(StripView)])
    assert np.array_equal(shown, whole)


def test_a_defect_in_the_overlap_is_one() -> None:
    for column in (540, CUT - 12, 650):
        run = Run(joined(flawed((800, column)))).to_end()
        assert len(defects(run)) == 1
        assert places(run) == [(800, round((column + 12) / 50) * 50)]


def test_other_cameras_go_on_while_one_is_gone() -> None:
    # Before the loss on the right, during it on the left, near the joint and on the right, where nobody sees it.
    whole = flawed((150, 900), (700, 200), (700, CUT - 60), (700, 1000))
    left, right = Window("left", whole, LEFT), Window("right", whole, RIGHT, gone=(512, 1024))
    run = Run(JoinedCamera([left, right], [JOINT]))
    run.inspection.start()
    until(lambda: run.inspection.snapshot().ledger.lines_uninspected > 0)
    right.is_there.set()
    assert run.inspection.wait(LONG)
    run.inspection.finish()
    assert places(run) == [(150, 900), (700, 200), (700, 550)]
    stretches = fates(run)
    assert stretches[0] == Stretch(0, 512)
    assert stretches[1].reason is R.CAMERA_GONE
    assert (stretches[1].first_line, stretches[1].end_line >= 1024) == (512, True)
    ledger = run.of(RollEnded)[0].ledger
    assert (ledger.lines_acquired, ledger.lines_in_flight, ledger.lines_repeated) == (LINES, 0, 0)
    assert ledger.lines_uninspected == sum(s.end_line - s.first_line for s in stretches if not s.inspected)
    texts = [notice.text for notice in run.of(Notice)]
    assert any("right was unplugged" in text and "Its part of the web is not inspected" in text for text in texts)
    dark = [view for view in run.of(StripView) if 512 <= view.first_line < 1000]
    assert dark
    assert all(not view.scores[:, CUT // 4 :].any() for view in dark)
    assert all(not view.pixels[:, CUT:].any() for view in dark)
    assert {view.blind_px for view in dark} == {((CUT, WIDTH),)}


def test_lines_that_one_camera_lost_are_judged_as_far_as_they_were_seen() -> None:
    whole = flawed((700, 200), (700, 900))
    run = Run(joined(whole, right={"lost": ((640, 896),)})).to_end()
    assert fates(run) == [Stretch(0, 640), Stretch(640, 896, R.LOST_BY_CAMERA), Stretch(896, LINES)]
    assert places(run) == [(700, 200)]
    peaks = {len(event.peaks) for event in run.of(RowJudged) if event.first_line == 640}
    assert peaks == {3}  # tiles over 600 px, none over the rest


def test_few_lines_that_one_camera_lost_are_no_defect_of_the_other() -> None:
    scored: list[int] = []

    class Mirrored(Even):
        """Sees the same lines twice in a tile as a flaw, as a model does."""

        def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
            scored.append(len(tiles))
            scores = super().infer(tiles)
            scores[[len(np.unique(tile, axis=0)) < len(tile) for tile in tiles]] = 9.0
            return scores

    noise = np.random.default_rng(4).integers(90, 170, (LINES, WIDTH), np.uint8)
    run = Run(joined(noise, {"block_lines": 32}, {"block_lines": 32, "lost": ((640, 672), (1100, 1190))}), Mirrored())
    run.to_end()
    assert fates(run)[1] == Stretch(640, 672, R.LOST_BY_CAMERA)
    assert sum(not stretch.inspected for stretch in fates(run)) == 2
    assert scored
    assert defects(run) == []


def test_nothing_is_calibrated_from_blocks_that_were_not_seen_whole() -> None:
    camera = joined(cloth(LINES, WIDTH), right={"lost": ((640, 768),)})
    lines = [(block.first_line, block.end_line) for block in played(camera)]
    assert lines[0][0] == 0
    assert lines[-1][1] == LINES
    assert [(end, first) for (_, end), (first, _) in itertools.pairwise(lines) if end != first] == [(640, 768)]


def test_the_screen_says_which_camera_is_missing() -> None:
    read_on = threading.Event()

    class Held(Window):
        def read(self, timeout_s: float) -> LineBlock:
            if self._next >= 800:
                assert read_on.wait(LONG)
            return super().read(timeout_s)

    class Lost(Window):
        def start(self) -> None:
            raise CameraGoneError(f"Camera {self.camera_id} is not there; plug it in.")

    whole = flawed()
    run = Run(JoinedCamera([Held("left", whole, LEFT), Lost("right", whole, RIGHT)], [JOINT]))
    run.inspection.start()
    until(lambda: "No picture from camera right" in run.inspection.snapshot().message)
    read_on.set()
    assert run.inspection.wait(LONG)
    run.inspection.finish()
    assert run.inspection.failure is None
    assert fates(run) == [Stretch(0, LINES, R.CAMERA_GONE)]


SHORT = cloth(600, WIDTH)
GAPS = st.lists(st.integers(0, 599), max_size=4).map(
    lambda cuts: tuple(pair for pair in itertools.pairwise(sorted(cuts)) if pair[0] < pair[1])[::2]
)


@given(st.integers(20, 256), st.integers(20, 256), GAPS, GAPS)
@settings(max_examples=25, deadline=None)
def test_the_ledger_counts_as_inspected_what_all_cameras_saw(
    left_lines: int, right_lines: int, left_lost: tuple[tuple[int, int], ...], right_lost: tuple[tuple[int, int], ...]
) -> None:
    run = Run(
        joined(
            SHORT,
            {"block_lines": left_lines, "lost": left_lost},
            {"block_lines": right_lines, "lost": right_lost},
        ),
        Even(),
    ).to_end()
    seen = np.ones((2, 600), bool)
    for row, size, lost in ((0, left_lines, left_lost), (1, right_lines, right_lost)):
        for start in range(0, 600, size):
            if any(first < start + size and end > start for first, end in lost):
                seen[row, start : start + size] = False
    ledger = run.of(RollEnded)[0].ledger
    assert ledger.lines_acquired == 600
    judged = long_enough(seen.all(axis=0))
    assert ledger.lines_inspected == judged.sum()
    assert ledger.lines_in_flight == ledger.lines_repeated == 0
    told = np.zeros(600, bool)
    for stretch in fates(run):
        told[stretch.first_line : stretch.end_line] = stretch.inspected
        assert (stretch.reason in (None, R.TOO_SHORT)) == seen[:, stretch.first_line : stretch.end_line].all()
    assert np.array_equal(told, judged)


def test_a_step_of_light_at_the_joint_is_evened_by_the_flat_field_of_the_whole() -> None:
    light = np.where(np.arange(WIDTH) < CUT, 1.0, 0.8)
    whole = cloth(LINES, WIDTH)
    seen = np.clip(whole * light + 0.5, 0, 255).astype(np.uint8)
    rng = np.random.default_rng(1)
    white = np.clip(rng.normal(200 * light, 2, (64, WIDTH)), 0, 255).astype(np.uint8)
    shading = shading_from_references(np.zeros_like(white), white)
    assert defects(Run(joined(seen), threshold=9.0).to_end())
    evened = Run(joined(seen), threshold=9.0)
    evened.inspection = Inspection(
        evened.camera, evened.scorer, recipe(threshold=9.0), shading=shading, on_event=evened.events.append
    )
    assert defects(evened.to_end()) == []


@pytest.mark.parametrize("gap", [8, 300])
def test_the_offset_between_cameras_is_made_good(gap: int) -> None:
    whole = flawed((700, CUT - 12))
    shifted = np.concatenate([whole[gap:], whole[:gap]])
    left = Window("left", whole[:1200], LEFT)
    right = Window("right", shifted[:1200], RIGHT, block_lines=100)
    run = Run(JoinedCamera([left, right], [Joint(160, gap)])).to_end()
    assert places(run) == [(700, 600)]
    assert len(defects(run)) == 1
    uninspected = [stretch for stretch in fates(run) if not stretch.inspected]
    assert [(s.first_line, s.end_line) for s in uninspected] == [(0, gap), (1200, 1200 + gap)]
