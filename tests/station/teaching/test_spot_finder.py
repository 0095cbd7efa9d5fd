"""Fixed places where good cloth scores high are found from frame to frame, and set no threshold."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import LineBlock
from drivers.replay import ReplayCamera
from station.contract import StripView
from station.playback import Playback, play
from station.recipe import NO_DECISION
from station.recipe.frame_spots import FrameAt, FrameSpots
from station.teaching import held_out
from station.teaching.held_out import HeldOut
from station.teaching.sampling import TEACHING_BLOCK_LINES, Section
from station.teaching.spot_finder import FEWEST_FRAMES, SpotFinder
from station.teaching.threshold import choose_threshold
from tests.rigs.line import DeviationScorer, Run, ScriptedCamera, recipe

WIDTH, LINES = 240, 160
SPOT = np.s_[10:13, 20:23]


def scores_of(frames: int, seed: int = 0) -> NDArray[np.float32]:
    """Scores of frames of good cloth, neighbours alike."""
    noise = np.random.default_rng(seed).gumbel(size=(frames, LINES // 4, WIDTH // 4)).astype(np.float32)
    return np.stack([np.abs(1 + 0.3 * cv2.GaussianBlur(one, (3, 3), 0)) for one in noise])


def found(scores: NDArray[np.float32], lines: int = LINES, left_px: int = 0) -> FrameSpots:
    finder = SpotFinder()
    for number, one in enumerate(scores):
        first = number * LINES
        pixels = np.full((LINES, WIDTH), 120, np.uint8)
        for top in range(0, LINES, 80):
            rows = slice(top, top + 80)
            frames = (FrameAt(first, 0, lines),)
            cells = one[top // 4 : top // 4 + 20]
            finder.take(StripView(first + top, pixels[rows], cells, 1.0, 4, left_px, WIDTH, "p", frames=frames))
    return finder.found()


def test_what_is_high_in_most_frames_is_a_spot_and_only_that() -> None:
    scores = scores_of(10)
    scores[1:9, *SPOT] += 2.0
    scores[:3, 30:34, 40:44] += 4.0  # a flaw at one place of three pictures
    (spot,) = found(scores).spots()
    assert 20 * 4 - 8 <= spot.first_px <= 80 < 92 <= spot.end_px <= 23 * 4 + 8
    assert 10 * 4 - 8 <= spot.first_line <= 40 < 52 <= spot.end_line <= 13 * 4 + 8
    assert 1.5 < spot.ratio < 4


@pytest.mark.parametrize("frames", [FEWEST_FRAMES, 10, 40])
def test_cloth_alone_makes_no_spot(frames: int) -> None:
    assert not any(found(scores_of(frames, seed)).cells for seed in range(10))


def test_a_standing_streak_is_no_spot_and_a_spot_in_it_is() -> None:
    scores = scores_of(12)
    scores[:, :, 40:43] *= 1.8
    assert not found(scores).cells
    scores[:, 10:13, 40:43] *= 2
    (spot,) = found(scores).spots()
    assert (spot.first_line, spot.end_line) == (32, 60)


def test_light_that_falls_off_and_few_frames_are_no_spots() -> None:
    scores = scores_of(12)
    scores[:, :30, :30] *= 2
    assert not found(scores).cells
    few = scores_of(FEWEST_FRAMES - 1)
    few[:, *SPOT] += 3
    assert not found(few).cells


def test_pictures_of_two_sizes_have_no_common_places() -> None:
    finder = SpotFinder()
    for number, lines in enumerate([160, 160, 200] * 6):
        view = StripView(0, np.zeros((160, WIDTH), np.uint8), scores_of(1, number)[0], 1.0, 4, 0, WIDTH, "p")
        finder.take(StripView(0, view.pixels, view.scores, 1.0, 4, 0, WIDTH, "p", frames=(FrameAt(0, 0, lines),)))
    assert not finder.found().cells


def pictures(folder: Path, count: int, *, flaw: int | None = None) -> Path:
    """Pictures of noisy cloth with dust at one place of each; ``flaw``: that one has a flaw elsewhere."""
    folder.mkdir()
    random = np.random.default_rng(count)
    for number in range(count):
        cloth = random.normal(120, 6, (512, 320))
        cloth[396:402, 100:106] += 60
        if number == flaw:
            cloth[150:158, 200:208] += 60
        cv2.imwrite(str(folder / f"{number:02}.png"), np.clip(cloth, 0, 255).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> HeldOut:
    camera = ReplayCamera(pictures(tmp_path_factory.mktemp("taught") / "p", 40), block_lines=TEACHING_BLOCK_LINES)
    gathered = HeldOut()
    play(Section(camera, held_out=True), DeviationScorer(), recipe(threshold=NO_DECISION), on_event=gathered.take)
    return gathered


def inspected(folder: Path, threshold: float, spots: FrameSpots) -> Playback:
    return play(ReplayCamera(folder), DeviationScorer(), recipe(threshold=threshold, spots=spots))


def test_dust_at_one_place_sets_no_threshold_and_rejects_no_good_picture(held: HeldOut, tmp_path: Path) -> None:
    before = max(float(row.tops.max()) for row in held.rows)
    spots = held.spots()
    (spot,) = spots.spots()
    assert spot.first_px in range(80, 104)
    assert spot.first_line in range(376, 400)
    peaks = [row.peaks(held.sensitivity()) for row in held.rows]
    threshold = choose_threshold(peaks, 0.5, held.web_px, 32).score
    assert threshold < before / 2
    good = inspected(pictures(tmp_path / "good", 12), threshold, spots)
    assert sum(piece.rejects for piece in good.pieces.values()) == 0
    without = inspected(tmp_path / "good", threshold, FrameSpots())
    assert all(piece.rejects for piece in without.pieces.values())
    flawed = inspected(pictures(tmp_path / "flawed", 3, flaw=1), threshold, spots)
    assert [bool(piece.rejects) for piece in flawed.pieces.values()] == [False, True, False]


def test_an_area_cameras_frames_are_judged_by_their_places_too(held: HeldOut) -> None:
    random = np.random.default_rng(5)
    lines, shared = 512, 64
    steps = []
    for first in range(0, 8 * (lines - shared), lines - shared):
        frame = random.normal(120, 6, (lines, 320))
        frame[396:402, 100:106] += 60
        pixels = np.clip(frame, 0, 255).astype(np.uint8)
        steps.append(LineBlock(pixels, first, 1.0, first, "script", frame_lines=lines))
    rejects = []
    for spots in (held.spots(), FrameSpots()):
        run = Run(ScriptedCamera(steps, width_px=320), threshold=held.spots().usual * 3, spots=spots).to_end()
        assert run.inspection.failure is None
        rejects.append(run.inspection.snapshot().rejects)
    assert rejects == [0, 8]


def test_the_picture_of_spots_shows_the_dust_and_a_frame_around_it(held: HeldOut) -> None:
    drawn = held.spots_picture()
    assert drawn is not None
    assert drawn.shape == (512, 320, 3)
    assert drawn[397:401, 101:105].min() > 200
    assert np.ptp(drawn.astype(int), axis=2).any()


def test_with_little_memory_the_spots_are_settled_on_the_way(
    tmp_path: Path, held: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_out, "MOST_RAW_CELLS", 14 * 64 * 80)
    camera = ReplayCamera(pictures(tmp_path / "p", 40), block_lines=TEACHING_BLOCK_LINES)
    early = HeldOut()
    play(Section(camera, held_out=True), DeviationScorer(), recipe(threshold=NO_DECISION), on_event=early.take)
    assert all(row.raw is None for row in early.rows)
    held.spots()
    assert [row.tops.max() for row in early.rows] == pytest.approx([row.tops.max() for row in held.rows], rel=0.3)
