"""Pieces in one line are one flaw where the gap between them looks disturbed too; good cloth keeps flaws apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.judging.gaps import UsualScore
from station.line.judging.regions import Region, RegionFinder

LEVEL, THRESHOLD, USUAL = 0.85, 1.0, 0.1
Found = list[tuple[float, float, float, float, int, float]]


def regions(scores: NDArray[np.float32], cuts: list[int] | None = None, *, joins_lines: bool = True) -> list[Region]:
    """All regions of the strip, handed over in parts."""
    finder = RegionFinder(
        level=LEVEL, threshold=THRESHOLD, drop=0.5, gap=1, width=scores.shape[1], joins_lines=joins_lines
    )
    found: list[Region] = []
    for part in np.split(scores, cuts or []):
        finder.feed(part)
        found += finder.take_closed()
    finder.flush()
    return found + finder.take_closed()


def summary(found: list[Region]) -> Found:
    return sorted((r.box.top, r.box.bottom, r.box.left, r.box.right, r.area, r.peak) for r in found)


def good_cloth(rows: int, width: int, seed: int = 0, spread: float = 0.06) -> NDArray[np.float32]:
    """Scores of good cloth: they vary from place to place as blurred features do."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (rows, width)), (0, 0), 1.2)
    return np.asarray(USUAL + spread * noise / noise.std(), np.float32)


def with_line(
    scores: NDArray[np.float32], places: list[tuple[int, int]], height: float | list[float]
) -> NDArray[np.float32]:
    """A blurred flaw along cells; ``height`` is the share of the way from the usual score to the threshold."""
    flaw = np.zeros_like(scores)
    for (row, column), high in zip(places, np.broadcast_to(height, len(places)), strict=True):
        flaw[row, column] = high
    soft = np.maximum.reduce([fall * np.roll(flaw, (dy, dx), (0, 1)) for dy, dx, fall in _AROUND])
    return np.maximum(scores, USUAL + (THRESHOLD - USUAL) * soft).astype(np.float32)


_AROUND = [(dy, dx, 0.5 ** ((dy * dy + dx * dx) / 2.25)) for dy in range(-4, 5) for dx in range(-4, 5)]


def line(along: bool, length: int, lean: float = 0.0, at: tuple[int, int] = (10, 20)) -> list[tuple[int, int]]:
    """Cells of a line from ``at`` on, down the cloth or across it."""
    steps = [(i, round(lean * i)) for i in range(length)]
    return [(at[0] + (i if along else s), at[1] + (s if along else i)) for i, s in steps]


def dashes(length: int, dash: int, gap: int, high: float, low: float) -> list[float]:
    return [high if i % (dash + gap) < dash else low for i in range(length)]


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.5, 0.8]),
    st.sampled_from([-0.1, 0.0, 0.1]),
    st.booleans(),
    st.lists(st.integers(0, 70), max_size=10),
)
@example(seed=1, low=0.5, lean=0.1, along=False, cuts=list(range(1, 70)))
@example(seed=2, low=0.5, lean=-0.1, along=True, cuts=list(range(1, 70)))
def test_what_is_joined_does_not_depend_on_the_cuts(
    seed: int, low: float, lean: float, along: bool, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    cloth = good_cloth(70, 100, seed, spread=0.15)
    places = line(along, 55, lean, (8 + 5 * (not along), 12))
    heights = dashes(55, int(rng.integers(1, 9)), int(rng.integers(2, 15)), float(rng.uniform(1, 4)), low)
    scores = with_line(cloth, places, heights)
    scores = with_line(scores, [tuple(p) for p in rng.integers(5, 65, (6, 2))], float(rng.uniform(0.8, 3)))
    assert summary(regions(scores, sorted(cuts))) == summary(regions(scores))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.5))
def test_joining_loses_no_cell_and_adds_none(seed: int, spread: float) -> None:
    scores = good_cloth(50, 80, seed, spread)
    joined, apart = regions(scores), regions(scores, joins_lines=False)
    assert len(joined) <= len(apart)
    assert sum(r.area for r in joined) == sum(r.area for r in apart) == np.count_nonzero(scores >= LEVEL)
    for region in apart:
        assert any(
            r.extent.top <= region.extent.top
            and region.extent.bottom <= r.extent.bottom
            and r.extent.left <= region.extent.left
            and region.extent.right <= r.extent.right
            and r.area >= region.area
            and r.peak >= region.peak
            for r in joined
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 30), st.booleans(), st.floats(0, 0.95), st.floats(0, 0.95), st.floats(1.1, 4))
def test_a_gap_that_is_seen_better_is_bridged_at_least_as_well(
    gap: int, along: bool, one: float, other: float, high: float
) -> None:
    places = line(along, 20 + gap)
    counts = [
        len(regions(with_line(good_cloth(80, 90), places, [high] * 10 + [low] * gap + [high] * 10)))
        for low in sorted((one, other))
    ]
    assert counts[0] >= counts[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_strip_seen_in_a_mirror_has_the_same_defects(seed: int) -> None:
    scores = good_cloth(50, 80, seed, 0.2)
    scores = with_line(scores, line(False, 55, 0.1), dashes(55, 4, 7, 1.8, 0.6))
    turned = regions(np.ascontiguousarray(scores[:, ::-1]))
    back = [(r.box.top, r.box.bottom, 80 - r.box.right, 80 - r.box.left, r.area, r.peak) for r in turned]
    np.testing.assert_allclose(sorted(back), summary(regions(scores)), atol=1e-4)


@pytest.mark.parametrize("along", [True, False])
@pytest.mark.parametrize("lean", [-0.08, 0.0, 0.08])
def test_a_faint_line_is_one_defect_however_often_it_falls_below_the_threshold(along: bool, lean: float) -> None:
    length = 600
    shape = (length + 70, 120) if along else (120, length + 70)
    at = (20, 60) if along else (60, 20)
    scores = with_line(good_cloth(*shape), line(along, length, lean, at), dashes(length, 6, 14, 1.3, 0.62))
    assert len(regions(scores, joins_lines=False)) >= 20
    (one,) = regions(scores, list(range(56, shape[0], 56)))
    size = (one.box.bottom - one.box.top) if along else (one.box.right - one.box.left)
    assert size == pytest.approx(length - 14, abs=5)


@pytest.mark.parametrize("along", [True, False])
@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("high", [1.2, 2.0, 4.0])
@pytest.mark.parametrize("length", [1, 4, 40])
def test_good_cloth_of_forty_millimetres_keeps_two_flaws_apart(
    along: bool, beside: bool, high: float, length: int
) -> None:
    """In line and side by side; cells are 2 mm."""
    first = line(along, length, at=(10, 20))
    away = (20, 0) if along != beside else (0, 20)
    onwards = 0 if beside else length
    second = [
        (row + away[0] + (onwards if along else 0), column + away[1] + (0 if along else onwards))
        for row, column in first
    ]
    for seed in range(5):
        scores = with_line(good_cloth(130, 140, seed), first + second, high)
        assert len(regions(scores)) == 2


def test_who_wants_no_gap_bridged_gets_none() -> None:
    scores = with_line(good_cloth(60, 200), line(False, 150, at=(30, 20)), dashes(150, 6, 14, 1.3, 0.62))
    assert len(regions(scores)) == 1
    assert len(regions(scores, joins_lines=False)) == 8


def test_the_usual_score_is_that_of_good_cloth_whatever_lies_beside_it_and_on_it() -> None:
    scores = good_cloth(200, 300)
    scores[:, :180] = 0  # off the web
    scores[100:104] = 3.0  # a weft bar over the whole width
    usual = UsualScore()
    told = np.concatenate([usual.after(part) for part in np.split(scores, [7, 56, 120])])
    assert told[[10, 50, 99], 0] == pytest.approx(USUAL, abs=0.03)
    assert told.max() < 0.35
    np.testing.assert_array_equal(told, UsualScore().after(scores))
