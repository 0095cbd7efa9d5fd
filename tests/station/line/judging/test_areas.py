"""Many small pieces close together are one area that says how many it has; a few, and flaws that lie apart, stay as
they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.judging.areas import MANY, REACH_MM, AreaJoiner
from station.line.judging.regions import Region, RegionFinder

CELL_MM = 2.0
Scores = NDArray[np.float32]
Found = list[tuple[float, float, float, float, int, float, int]]


def areas(
    scores: Scores,
    cuts: Sequence[int] = (),
    *,
    scale: tuple[float, float] = (CELL_MM, CELL_MM),
    joins: bool = True,
) -> list[Region]:
    """All regions of a strip handed over in parts, of whose scores 1 is the threshold; pieces close together joined."""
    finder = RegionFinder(level=0.85, threshold=1.0, drop=0.3, gap=1, width=scores.shape[1], joins_lines=False)
    joiner = AreaJoiner(threshold=1.0, mm_per_row=scale[0], mm_per_column=scale[1], has_scale=True, joins=joins)
    found: list[Region] = []
    for part in np.split(scores, cuts):
        finder.feed(part)
        found += joiner.take(finder.take_closed(), finder.opened, finder.rows_decided)
        waiting = [id(region) for region in joiner.waiting]
        assert len(set(waiting)) == len(waiting)
    finder.flush()
    return found + joiner.flush(finder.take_closed())


def summary(found: list[Region]) -> Found:
    return sorted((r.box.top, r.box.bottom, r.box.left, r.box.right, r.area, r.peak, r.parts) for r in found)


def spotted(rows: int, width: int, places: list[tuple[int, int]], score: float = 2.0, side: int = 1) -> Scores:
    """Cloth with spots of ``side`` cells, the upper left cell at each place."""
    scores = np.zeros((rows, width), np.float32)
    for row, column in places:
        scores[row : row + side, column : column + side] = score
    return scores


def scattered(number: int, rows: int, width: int, seed: int, apart: int = 4) -> list[tuple[int, int]]:
    """Places scattered at random, at least ``apart`` cells from one another."""
    rng, places = np.random.default_rng(seed), list[tuple[int, int]]()
    for _ in range(100_000):
        if len(places) == number:
            break
        row, column = int(rng.integers(2, rows - 3)), int(rng.integers(2, width - 3))
        if all(max(abs(row - y), abs(column - x)) >= apart for y, x in places):
            places.append((row, column))
    return places


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.lists(st.integers(0, 150), max_size=12),
    st.sampled_from([(2.0, 2.0), (1.0, 2.0), (3.5, 0.8)]),
)
@example(seed=3, number=40, cuts=list(range(1, 150)), scale=(2.0, 2.0))
def test_areas_do_not_depend_on_the_cuts(seed: int, number: int, cuts: list[int], scale: tuple[float, float]) -> None:
    rng = np.random.default_rng(seed)
    scores = np.zeros((150, 90), np.float32)
    for _ in range(number):
        row, column = rng.integers(0, 150), rng.integers(0, 90)
        high, wide = rng.integers(1, 4, 2) if rng.random() < 0.9 else rng.integers(1, 60, 2)
        scores[row : row + high, column : column + wide] = rng.uniform(0.7, 3)
    assert summary(areas(scores, sorted(cuts), scale=scale)) == summary(areas(scores, scale=scale))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 80))
def test_no_piece_is_lost_or_counted_twice_and_an_area_has_many(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    scores = spotted(200, 120, [tuple(place) for place in rng.integers(0, 118, (number, 2)).tolist()])
    scores *= rng.choice([0.45, 1.0], scores.shape).astype(np.float32)
    joined, apart = areas(scores), areas(scores, joins=False)
    assert sum(region.parts for region in joined) == len(apart)
    assert sum(region.area for region in joined) == sum(region.area for region in apart)
    assert all(region.parts == 1 or region.parts >= MANY for region in joined)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_a_strip_seen_in_a_mirror_or_from_its_end_has_the_same_areas(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    scores = spotted(150, 90, [tuple(place) for place in rng.integers(0, 88, (number, 2)).tolist()], side=2)
    counted = sorted((region.parts, region.area) for region in areas(scores))
    for turned in (scores[:, ::-1], scores[::-1]):
        assert sorted((r.parts, r.area) for r in areas(np.ascontiguousarray(turned))) == counted


@pytest.mark.parametrize("side", [1, 3])
def test_a_smear_of_twenty_eight_spots_is_one_area_that_counts_them(side: int) -> None:
    places = scattered(28, 50, 40, 5, apart=side + 3)
    assert len(places) == 28
    (area,) = areas(spotted(150, 90, places, side=side), list(range(7, 150, 7)))
    assert area.parts == 28
    assert area.area == 28 * side**2


@pytest.mark.parametrize("number", range(1, MANY))
def test_a_few_flaws_close_together_are_that_many_flaws(number: int) -> None:
    found = areas(spotted(60, 60, [(10 + 5 * i, 20) for i in range(number)]))
    assert [region.parts for region in found] == [1] * number


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("side", [1, 5, 8, 20])
def test_flaws_forty_millimetres_apart_stay_apart_however_many(side: int, turned: bool) -> None:
    step = side + round(40 / CELL_MM)
    places = [(10 + step * row, 10 + step * column) for row in range(4) for column in range(4)]
    scores = spotted(300, 300, places, side=side)
    found = areas(np.ascontiguousarray(scores.T) if turned else scores)
    assert [region.parts for region in found] == [1] * 16


def test_two_areas_forty_millimetres_apart_are_two() -> None:
    smear = scattered(10, 30, 30, 1)
    lowest = max(row for row, _ in smear) + 1
    places = smear + [(row + lowest + round(40 / CELL_MM), column) for row, column in smear]
    found = areas(spotted(140, 60, places))
    assert sorted(region.parts for region in found) == [10, 10]


def test_a_long_line_beside_a_hail_of_spots_stands_by_itself() -> None:
    spots = [(20 + 5 * i, 30) for i in range(8)]
    scores = spotted(200, 60, spots)
    scores[10:190, 36] = 2.0
    line, hail = sorted(areas(scores, list(range(11, 200, 11))), key=lambda region: region.parts)
    assert (line.parts, line.area) == (1, 180)
    assert hail.parts == 8


def test_spots_around_a_stain_belong_to_it_and_those_beside_a_long_line_do_not() -> None:
    spots = [(10, 40), (45, 36), (30, 62)]
    scores = spotted(120, 90, spots)
    scores[16:40, 30:56] = 2.0
    (stain,) = areas(scores, list(range(9, 120, 9)))
    assert stain.parts == 4
    scores[16:40, 30:56] = 0
    scores[4:110, 50] = 2.0
    assert [region.parts for region in areas(scores)] == [1] * 4


def test_what_is_as_broad_as_a_piece_of_cloth_joins_nothing_and_is_not_waited_for() -> None:
    scores = spotted(2000, 160, [(1005 + 7 * i, 150) for i in range(4)])
    scores[10:1990, 5:140] = 2.0
    assert sorted(region.parts for region in areas(scores, list(range(50, 2000, 50)))) == [1] * 5


def test_what_does_not_reach_the_threshold_joins_nothing() -> None:
    places = [(10 + 12 * i, 20) for i in range(6)]
    faint = [(16 + 12 * i, 20) for i in range(5)]
    scores = np.maximum(spotted(100, 60, places), spotted(100, 60, faint, score=0.9))
    assert [region.parts for region in areas(scores)] == [1] * 11
    assert 12 * CELL_MM > REACH_MM


def test_a_hail_over_metres_is_one_area_and_little_waits_meanwhile() -> None:
    rows = 3000
    places = [(row, 20 + row * 7 % 9) for row in range(5, rows - 5, 3)]
    finder = RegionFinder(level=0.85, threshold=1.0, drop=0.3, gap=0, width=90, joins_lines=False)
    joiner = AreaJoiner(threshold=1.0, mm_per_row=CELL_MM, mm_per_column=CELL_MM, has_scale=True)
    for part in np.split(spotted(rows, 90, places), range(14, rows, 14)):
        finder.feed(part)
        assert joiner.take(finder.take_closed(), finder.opened, finder.rows_decided) == []
        assert len(joiner.waiting) <= MANY
    finder.flush()
    (area,) = joiner.flush(finder.take_closed())
    assert area.parts == len(places)


def test_who_wants_no_gap_bridged_gets_no_areas() -> None:
    scores = spotted(60, 60, scattered(20, 40, 40, 2))
    assert [region.parts for region in areas(scores, joins=False)] == [1] * 20


def test_flaws_scattered_at_random_over_bad_cloth_are_not_taken_for_areas() -> None:
    """Thirty flaws on each square metre, of which five chance to lie in a chain."""
    rng, found = np.random.default_rng(0), list[Region]()
    for _ in range(40):
        side = round(1000 / CELL_MM)
        places = [tuple(place) for place in rng.integers(0, side - 2, (30, 2)).tolist()]
        found += areas(spotted(side, side, places, side=2))
    assert sum(region.parts > 1 for region in found) <= 1
    assert len(found) > 1100
    assert math.isclose(sum(region.parts for region in found), 1200, rel_tol=0.03)
