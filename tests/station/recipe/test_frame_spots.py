"""Fixed spots of the frame: kept in the recipe as found, applied where a line was seen in its frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from station.recipe import Recipe
from station.recipe.frame_spots import MOST_IN_SPOT, FrameAt, FrameSpots, SpotDivisors, frame_rows

CELL = 4


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 14), st.floats(1, 6)), max_size=12))
def test_a_recipe_keeps_the_ratios_it_was_given(places: list[tuple[int, int, float]]) -> None:
    ratios = np.ones((10, 15), np.float32)
    for row, column, ratio in places:
        ratios[row, column] = ratio
    made = FrameSpots.of(ratios, width_px=58, lines=39, usual=0.5)
    read = FrameSpots.model_validate_json(made.model_dump_json())
    assert read == made
    kept = read.ratios() if read.cells else np.ones_like(ratios)
    assert np.allclose(kept, np.clip(ratios, 1, MOST_IN_SPOT), atol=0.006)
    assert all(spot.end_px <= 58 and spot.end_line <= 39 for spot in read.spots())


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 80), st.sampled_from([40, 80])), min_size=1, max_size=6),
    st.integers(-10, 100),
    st.integers(1, 40),
)
def test_every_row_of_cells_knows_its_place_in_its_frame(
    steps: list[tuple[int, int, int]], first_line: int, count: int
) -> None:
    frames, line = [], 0
    for lines, frame_line, frame_lines in steps:
        frames.append(FrameAt(line, frame_line, frame_lines))
        line += lines
    found = frame_rows(tuple(frames), 40, first_line, count)
    for number, row in enumerate(found.tolist()):
        at = first_line + CELL * number
        mine = [frame for frame in frames if frame.line <= at]
        place = mine[-1].frame_line + at - mine[-1].line if mine else -1
        fits = bool(mine) and mine[-1].frame_lines == 40 and 0 <= place < 40
        assert row == (place // CELL if fits else -1)


def test_spots_apply_in_frames_of_their_own_size_alone() -> None:
    spots = FrameSpots(cells=((8, 4, 12, 2.0),), width_px=40, lines=40, usual=1.0)
    divisors = SpotDivisors(spots)
    here = divisors.of((FrameAt(100, 0, 40), FrameAt(140, 0, 40)), 100, 20, 40)
    assert here is not None
    assert sorted(zip(*np.nonzero(here > 1), strict=True)) == [(2, 1), (2, 2), (12, 1), (12, 2)]
    assert divisors.of((FrameAt(100, 0, 44),), 100, 10, 40) is None
    assert divisors.of((FrameAt(100, 0, 40),), 100, 10, 44) is None
    assert divisors.of((FrameAt(100, 0, 40),), 100, 2, 40) is None
    assert divisors.of((), 100, 10, 40) is None


def test_spots_are_told_in_words_and_a_recipe_without_them_says_nothing() -> None:
    spots = FrameSpots(cells=((8, 4, 12, 2.0), (12, 4, 8, 3.0), (20, 20, 24, 1.5)), width_px=40, lines=40, usual=1.0)
    assert [(spot.first_px, spot.end_px, spot.first_line, spot.end_line) for spot in spots.spots()] == [
        (4, 12, 8, 16),
        (20, 24, 20, 24),
    ]
    assert (
        "2 fixed places of every picture of 40 × 40 px, at column 4, line 8 (8 × 8 px, up to 3 times)" in spots.told()
    )
    assert Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=1.0).spots.told() == ""


def test_a_spot_outside_the_frame_is_refused() -> None:
    for cells in (((40, 0, 4, 1.5),), ((0, 40, 44, 1.5),), ((0, 8, 8, 1.5),)):
        with pytest.raises(ValidationError, match="beyond the frame"):
            FrameSpots(cells=cells, width_px=40, lines=40)
