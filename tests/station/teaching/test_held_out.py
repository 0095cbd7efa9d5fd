"""Held-out cloth: its scores are the line's own, flaws in it hardly move the threshold, where they lie is told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import LineBlock
from drivers.memory import MemoryCamera
from model.outliers import find_outliers
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.playback import play
from station.recipe import NO_DECISION, Recipe
from station.recipe.sensitivity import SensitivityProfile
from station.teaching import tail
from station.teaching.held_out import PARTS, HeldOut
from station.teaching.sampling import Section
from station.teaching.suspects import cut_out, suspect_at, without_suspects
from station.teaching.threshold import NO_SCALE_EXCEEDANCE, choose_threshold

DRAFT = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=NO_DECISION, web="full")
WIDTH = 1000


class Darkness(TileScorer):
    """Scores a cell by how dark it is."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        dark = 1 - tiles.astype(np.float32) / 255
        return np.stack([cv2.resize(tile, (64, 64), interpolation=cv2.INTER_AREA) for tile in dark])


@pytest.fixture(scope="module")
def cloth() -> NDArray[np.uint8]:
    """16 blocks of noise with a dark streak, every fourth held out; a stain in the second of these."""
    made = np.random.default_rng(0).normal(150, 40, (16 * 256, WIDTH))
    made[:, 300:312] -= 60
    made[7 * 256 + 100 : 7 * 256 + 120, 500:530] = 20
    return np.clip(made, 0, 255).astype(np.uint8)


def section(cloth: NDArray[np.uint8]) -> Section:
    return Section(MemoryCamera(cloth, lines=len(cloth)), held_out=True)


@pytest.fixture(scope="module")
def held(cloth: NDArray[np.uint8]) -> HeldOut:
    gathered = HeldOut()
    play(section(cloth), Darkness(), DRAFT, on_event=gathered.take)
    return gathered


def test_scores_are_the_lines_own_under_any_sensitivity(cloth: NDArray[np.uint8], held: HeldOut) -> None:
    lenient = SensitivityProfile(columns=((0, 1.9), (8, 1.5), (520, 1.2)), width_px=WIDTH)
    assert (held.patches, held.lines) == (4 * 5, 4 * 256)
    for sensitivity in (SensitivityProfile(), lenient):
        rows = play(section(cloth), Darkness(), DRAFT.model_copy(update={"sensitivity": sensitivity})).rows
        judged = [np.maximum(first.peaks, tail.peaks) for first, tail in zip(rows[::2], rows[1::2], strict=True)]
        gathered = [row.peaks(sensitivity) for row in held.rows]
        assert [peaks.shape for peaks in gathered] == [(5, PARTS)] * 4
        assert np.array_equal(np.stack(judged), np.stack([peaks.max(axis=1) for peaks in gathered]))


def test_a_smaller_budget_hears_more_cloth() -> None:
    assert HeldOut(0.2).enough_patches == 5 * HeldOut().enough_patches == 5 * HeldOut(3.0).enough_patches


def test_a_stain_is_suspect_where_it_lies_and_shown(cloth: NDArray[np.uint8], held: HeldOut) -> None:
    sensitivity = held.sensitivity()
    assert sensitivity.streaks()[0][0] in range(292, 304)
    kept, standing_out = without_suspects([row.peaks(sensitivity) for row in held.rows])
    assert sum(map(len, kept)) == held.patches - len(standing_out)
    assert len(standing_out) <= 2
    again = section(cloth)
    lines_of_pieces: dict[str | None, int] = {None: 0}
    suspects = [suspect_at(held.rows[row], patch, sensitivity, lines_of_pieces) for row, patch in standing_out]
    suspect, picture = cut_out(suspects, again, lambda: False)[0]
    place = suspect.place
    assert 1892 <= place.first_line + suspect.line < 1912
    assert 496 <= place.first_px + suspect.px < 530
    assert (place.first_line, place.end_line) == (7 * 256, 8 * 256)
    assert np.array_equal(picture, cloth[place.first_line : place.end_line, place.first_px : place.end_px])


def test_what_stands_out_in_every_row_is_the_cloths_own() -> None:
    random = np.random.default_rng(2)
    rows = [(0.7 + 0.05 * random.gumbel(size=(12, PARTS))).astype(np.float32) for _ in range(6)]
    for row in rows:
        row[0] += 2.0
    rows[3][5, 1] = 3.0
    kept, standing_out = without_suspects(rows)
    assert standing_out == [(3, 5)]
    assert [len(row) for row in kept] == [12, 12, 12, 11, 12, 12]


def rows_of(peaks: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Rows of 5 patches."""
    return np.split(peaks, len(peaks) // 5)


@pytest.fixture
def no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the score is looked at, its interval need not be drawn hundreds of times."""
    monkeypatch.setattr(tail, "RESAMPLES", 2)


def test_flaws_left_out_the_threshold_is_that_of_clean_cloth(no_interval: None) -> None:
    random = np.random.default_rng(4)
    ratios, spoiled, wrong = [], [], 0
    for _ in range(30):
        clean = (0.7 + 0.08 * random.gumbel(size=(60, PARTS))).astype(np.float32)
        dirty = clean.copy()
        flawed = random.random(len(clean)) < 0.06
        dirty[flawed, 0] = random.uniform(0.8, 4.5, flawed.sum())
        scores = [
            choose_threshold(without_suspects(rows_of(peaks))[0], 0.5, 1000, 32).score for peaks in (clean, dirty)
        ]
        ratios.append(scores[1] / scores[0])
        spoiled.append(choose_threshold(rows_of(dirty), 0.5, 1000, 32).score / scores[0])
        wrong += np.count_nonzero(find_outliers(clean.max(axis=1)))
    assert np.median(ratios) == pytest.approx(1, abs=0.03)
    assert np.quantile(ratios, 0.9) < 1.15
    assert np.median(spoiled) > 1.15
    assert wrong <= 0.01 * 30 * 60


@pytest.mark.parametrize("mm_per_px", [0.5, None])
def test_a_scale_turns_the_budget_into_metres_and_no_scale_predicts_none(mm_per_px: float | None) -> None:
    peaks = (0.5 + 0.1 * np.random.default_rng(0).gumbel(size=(400, PARTS))).astype(np.float32)
    threshold = choose_threshold(rows_of(peaks), mm_per_px, 2000, 32)
    assert threshold.patches == 400
    exceeding = -np.expm1(-np.exp(-(threshold.score - 0.5) / 0.1)) * PARTS  # of a patch, by the true law
    if mm_per_px is None:
        assert threshold.predicted_per_100_m is None
        assert threshold.interval_per_100_m is None
        assert threshold.extrapolation == pytest.approx(1 / (400 * NO_SCALE_EXCEEDANCE), rel=1e-3)
        assert exceeding == pytest.approx(NO_SCALE_EXCEEDANCE, rel=0.6)
    else:
        assert threshold.predicted_per_100_m == pytest.approx(1, rel=1e-3)
        per_100_m = 9 * 100_000 / 112
        assert threshold.extrapolation == pytest.approx(per_100_m / 400, rel=1e-3)
        low, high = threshold.interval_per_100_m or (1.0, 0.0)
        assert low < exceeding * per_100_m < high


def test_a_smaller_budget_sets_a_higher_threshold_and_predicts_what_was_asked(no_interval: None) -> None:
    peaks = (0.5 + 0.1 * np.random.default_rng(0).gumbel(size=(400, PARTS))).astype(np.float32)
    found = [choose_threshold(rows_of(peaks), 0.5, 2000, 32, budget_per_100_m=budget) for budget in (5.0, 1.0, 0.2)]
    assert [one.predicted_per_100_m for one in found] == pytest.approx([5.0, 1.0, 0.2], rel=1e-3)
    assert found[0].score < found[1].score < found[2].score
    assert found[2].extrapolation == pytest.approx(5 * found[1].extrapolation, rel=1e-3)


def test_on_clean_cloth_the_predicted_false_alarms_hold(no_interval: None) -> None:
    random = np.random.default_rng(6)
    per_100_m, true = 9 * 100_000 / 112, []
    for _ in range(40):
        peaks = (0.7 + 0.08 * random.gumbel(size=(100, PARTS))).astype(np.float32)
        score = choose_threshold(without_suspects(rows_of(peaks))[0], 0.5, 1000, 32).score
        true.append(-np.expm1(-np.exp(-(score - 0.7) / 0.08)) * PARTS * per_100_m)
    assert 0.4 < np.median(true) < 2.5


@pytest.mark.parametrize("blocks_each", [1, 2, 3, 4, 5])
def test_every_part_of_a_picture_is_both_taught_and_held_out(blocks_each: int) -> None:
    shown: dict[bool, list[int]] = {False: [], True: []}
    for held_out, places in shown.items():
        source = PieceCamera(pieces=40, blocks_each=blocks_each)
        section = Section(source, held_out=held_out)
        for _ in range(40 * blocks_each):
            block = section.read(0.0)
            if block is not None:
                places.append(block.first_line // 256 % blocks_each)
    assert set(shown[True]) == set(shown[False]) == set(range(blocks_each))
    assert len(shown[True]) * 4 == len(shown[True]) + len(shown[False])


class PieceCamera(MemoryCamera):
    """Pictures of so many blocks each."""

    def __init__(self, pieces: int, blocks_each: int) -> None:
        super().__init__(np.zeros((256, 512), np.uint8))
        self._blocks = iter((piece, number) for piece in range(pieces) for number in range(blocks_each))
        self._each = blocks_each

    def read(self, timeout_s: float) -> LineBlock | None:
        piece, number = next(self._blocks)
        line = 256 * (piece * self._each + number)
        pixels = np.zeros((256, 512), np.uint8)
        return LineBlock(pixels, line, 1.0, 0, self.camera_id, piece=str(piece))


def test_a_flaw_over_a_patchs_border_sets_no_threshold() -> None:
    random = np.random.default_rng(3)
    rows = [random.normal(0.7, 0.02, (6, PARTS)).astype(np.float32) for _ in range(8)]
    rows[2][3, -1], rows[2][4, 0] = 2.0, rows[2].max()  # its lesser part stands out from nothing by itself
    rows[5][0, 0] = rows[6][5, -1] = 2.0  # at the web's edges nothing lies beside it
    rows[7][2, 1] = 2.0  # in the midst of a patch
    kept, standing_out = without_suspects(rows)
    assert sorted(standing_out) == [(2, 3), (5, 0), (6, 5), (7, 2)]
    assert [len(row) for row in kept] == [6, 6, 4, 6, 6, 5, 5, 5]
    assert np.array_equal(kept[2], rows[2][[0, 1, 2, 5]])
