"""Patterned cloth on the line: its scores are judged by their places in the repeat, wherever the web begins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.pattern.picture import drawn
from model.pattern.repeat import CELL_PX, RepeatFinder, cells_of, halved
from model.pattern.scores import Pattern
from station.contract import Notice
from station.line.flow import TileRow
from station.line.judging.blending import Blender
from station.line.judging.pattern_place import LOST_LINES, PatternScores, PatternWatch
from tests.rigs.patterned import Patterned

CLOTH = Patterned(240, 180)
WIDTH = 640


def tile_row(first: int, left_px: int = 0, begun: int = 0, run_line: int = 0) -> TileRow:
    pixels = CLOTH.window(begun + run_line + first, 256, 0, WIDTH)
    return TileRow(
        run_line=run_line,
        first=first,
        own_first=first,
        own_end=first + 256,
        pixels=pixels,
        left_px=left_px,
        right_px=WIDTH,
        seen=((left_px, WIDTH),),
        columns=np.array([left_px, WIDTH - 256]) // CELL_PX * CELL_PX,
        captured_ns=0,
        piece=None,
    )


@pytest.fixture(scope="module")
def pattern() -> Pattern:
    """Good cloth scores by how light its pattern is."""
    finder = RepeatFinder()
    finder.see(CLOTH.window(0, 1200, 0, WIDTH), 0, WIDTH)
    picture = drawn(finder.stretches, finder.repeat())
    assert picture is not None
    mean = 0.5 + 2 * (picture.cells - picture.cells.min())
    return Pattern(picture, mean.astype(np.float32), np.full_like(mean, 0.02))


def raw_of(pattern: Pattern, first: int) -> NDArray[np.float32]:
    """Return what good cloth scores on the lines of a row."""
    place = pattern.picture.place(_cells(first))
    assert place is not None
    return np.asarray(pattern.mean[place.at(0, 64, WIDTH // CELL_PX, pattern.mean.shape)], np.float32)


def _cells(first: int) -> NDArray[np.float32]:
    return cells_of(halved(CLOTH.window(first, 256, 0, WIDTH)))


def maps_of(raw: NDArray[np.float32], row: TileRow) -> NDArray[np.float32]:
    return np.stack([raw[:, column // CELL_PX :][:, :64] for column in row.columns])


def blender(pattern: Pattern) -> Blender:
    scores = PatternScores.of(pattern.to_arrays())
    return Blender(width_px=WIDTH, tile_px=256, cell_px=CELL_PX, overlap_px=0, pattern=scores)


@pytest.mark.parametrize("left_px", [0, 48])
@pytest.mark.parametrize("begun", [0, 100, 5003])
def test_good_cloth_scores_alike_all_over_its_pattern(pattern: Pattern, left_px: int, begun: int) -> None:
    row = tile_row(0, left_px, begun)
    raw = raw_of(pattern, begun)
    part = blender(pattern).add(row, maps_of(raw, row))
    covered = np.r_[left_px // CELL_PX : left_px // CELL_PX + 64, WIDTH // CELL_PX - 64 : WIDTH // CELL_PX]
    judged = part.scores[:, covered]
    assert raw[:, covered].std() > 5 * judged.std()
    assert part.divisors.shape == part.scores.shape


def test_a_flaw_stands_out_wherever_it_lies_and_the_next_row_goes_on_from_there(pattern: Pattern) -> None:
    made = blender(pattern)
    for first in (0, 256):
        row, raw = tile_row(first), raw_of(pattern, first)
        maps = maps_of(raw, row)
        maps[0, 10, 12] += 0.5
        part = made.add(row, maps)
        assert np.unravel_index(int(part.scores.argmax()), part.scores.shape) == (10, 12)
    tail = made.tail()
    assert tail is None


def test_without_a_pattern_nothing_is_changed() -> None:
    assert PatternScores.of({}) is None


def test_a_pattern_that_is_not_found_is_told_once_until_it_is_found_again() -> None:
    told: list[Notice] = []
    watch = PatternWatch(told.append)
    for is_known, expected in ((False, 1), (False, 1), (True, 1), (False, 2)):
        for _ in range(LOST_LINES // 256):
            watch.see(256, is_known)
        assert len(told) == expected
    assert "was not found on 1024 lines" in told[0].text
