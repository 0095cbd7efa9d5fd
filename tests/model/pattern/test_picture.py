"""Where in its repeat cloth lies is found wherever it begins, on cloth that leans, and past what shows nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.pattern.picture import Picture, Place, drawn
from model.pattern.repeat import CELL_PX, Repeat, RepeatFinder, cells_of, halved
from tests.rigs.patterned import Patterned

CLOTH = Patterned(240, 180, lean=0.01)


@pytest.fixture(scope="module")
def picture() -> Picture:
    finder = RepeatFinder()
    finder.see(CLOTH.window(0, 1200, 0, 800), 0, 800)
    made = drawn(finder.stretches, finder.repeat()) if finder.repeat().is_there else None
    assert made is not None
    return made


def strip(first: int, left: int, lines: int = 256) -> np.ndarray:
    return cells_of(halved(CLOTH.window(first, lines, left, 800)))


def apart(one: float, other: float, size: float) -> float:
    return abs((one - other + size / 2) % size - size / 2)


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 5000), left=st.integers(0, 900))
def test_two_strips_lie_as_far_apart_in_the_picture_as_on_the_cloth(picture: Picture, first: int, left: int) -> None:
    here, there = picture.place(strip(0, 0)), picture.place(strip(first, left))
    assert here is not None
    assert there is not None
    lines, columns = picture.repeat_cells
    risen = first + 0.01 * left
    assert apart(there.along - here.along, risen / CELL_PX, lines) < 1.0
    assert apart(there.across - here.across, left / CELL_PX, columns) < 1.0
    assert there.down == pytest.approx(0.01, abs=0.006)
    assert there.alike > 0.8


def test_a_strip_that_shows_nothing_lies_where_it_is_expected(picture: Picture) -> None:
    bare = np.random.default_rng(0).normal(0, 0.02, (64, 200)).astype(np.float32)
    assert picture.place(bare) is None
    expected = Place(7.0, 11.0, 0.0, 1.0, 1.0, 0.9)
    assert picture.place(bare, expected) is expected
    assert picture.place(bare[:2], expected) is expected


def test_a_strip_without_pattern_lies_where_the_picture_has_none_and_a_strange_one_nowhere() -> None:
    cells = np.zeros((60, 60), np.float32)
    cells[:25, :25] = np.random.default_rng(0).normal(0, 0.2, (25, 25))
    picture = Picture(cells, (60.0, 60.0))
    place = picture.place(np.random.default_rng(1).normal(0, 0.01, (16, 16)).astype(np.float32))
    assert place is not None
    assert not cells[place.at(0, 16, 16, cells.shape)].any()
    assert picture.place(np.random.default_rng(2).normal(0, 0.2, (64, 200)).astype(np.float32)) is None


def test_a_place_moves_on_with_the_cloth() -> None:
    place = Place(7.0, 11.0, 0.5, 1.0, 1.0, 0.9)
    rows, columns = place.at(8, 4, 10, (30, 20))
    moved, aside = place.moved(8, 3).at(0, 4, 7, (30, 20))
    np.testing.assert_array_equal(rows[:, 3:], moved)
    np.testing.assert_array_equal(columns[:, 3:], aside)


def test_no_picture_is_drawn_of_cloth_that_does_not_show_a_whole_repeat() -> None:
    cells = np.zeros((20, 20), np.float32)
    assert drawn([cells], Repeat(along_px=400.0)) is None
    assert drawn([cells], Repeat()) is None
    assert drawn([], Repeat(along_px=40.0)) is None
