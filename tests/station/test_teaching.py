"""Teach-in's parts: what teaches and what is held back, bounded memory, peaks of whole patches."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.camera import EndOfClothError
from drivers.memory import MemoryCamera
from station.control import RowJudged, StationError
from station.quality.tuning import fit_tail
from station.recipe import Recipe
from station.teaching import Section, TileCollector, choose_threshold, held_back_tail, patch_peaks
from station.teaching.lesson import NO_SCALE_EXCEEDANCE


def lines_of(section: Section) -> list[int]:
    section.start()
    firsts: list[int] = []
    while True:
        try:
            block = section.read(0.0)
        except EndOfClothError:
            return firsts
        if block is not None:
            firsts.append(block.first_line)


def test_every_fourth_block_is_held_back_and_none_is_in_both() -> None:
    cloth = np.zeros((256 * 8 + 100, 64), np.uint8)
    teaching = lines_of(Section(MemoryCamera(cloth, lines=len(cloth)), held_back=False))
    held = lines_of(Section(MemoryCamera(cloth, lines=len(cloth)), held_back=True))
    assert held == [3 * 256, 7 * 256]
    assert teaching == [n * 256 for n in (0, 1, 2, 4, 5, 6)]


def test_the_collector_keeps_an_even_sample_within_its_bound() -> None:
    collector = TileCollector(seed=1, limit=50)
    for number in range(100):
        maps = collector.infer(np.full((10, 256, 256), number, np.uint8))
        assert maps.shape == (10, 64, 64)
    assert len(collector.tiles) == 50
    kept = np.array([tile[0, 0] for tile in collector.tiles])
    assert kept.mean() == pytest.approx(49.5, abs=15)


def row(first: int, end: int, *peaks: float) -> RowJudged:
    return RowJudged(first, end, np.array(peaks, np.float32))


def test_the_short_end_of_a_run_counts_with_the_row_before_it() -> None:
    rows = [row(0, 224, 1, 5, 2), row(224, 256, 3, 1, 1), row(256, 480, 1, 1, 1), row(1024, 1056, 9, 9, 9)]
    assert patch_peaks(rows).tolist() == [3, 5, 2, 1, 1, 1, 9, 9, 9]
    assert patch_peaks([]).size == 0


def test_a_scale_turns_the_budget_into_metres_and_no_scale_predicts_none() -> None:
    peaks = np.random.default_rng(0).exponential(0.1, 400).astype(np.float32) + 0.5
    tail = fit_tail(peaks)
    _, predicted, probability = choose_threshold(tail, None, 1000, 32)
    assert predicted is None
    assert probability == pytest.approx(NO_SCALE_EXCEEDANCE, rel=1e-3)
    threshold, predicted, _ = choose_threshold(tail, 0.5, 2000, 32)
    assert predicted is not None
    assert predicted == pytest.approx(1.0, rel=1e-3)
    assert threshold > peaks.max() * 0.9


class FlatScorer:
    """Scores every cell alike."""

    tile_px = 256
    cell_px = 4

    def infer(self, tiles: np.ndarray) -> np.ndarray:
        return np.full((len(tiles), 64, 64), 0.5, np.float32)


@pytest.mark.parametrize(("late", "said"), [(True, "more minutes"), (False, "Too little cloth")])
def test_it_says_whether_cloth_or_time_was_short(late: bool, said: str) -> None:
    cloth = np.random.default_rng(0).integers(0, 255, (512, 300), np.uint8)
    recipe = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=1.0, find_web=False)
    with pytest.raises(StationError, match=said):
        held_back_tail(MemoryCamera(cloth, lines=512), FlatScorer(), recipe, lambda: late)
