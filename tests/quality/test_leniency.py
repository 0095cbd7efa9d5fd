"""Where good cloth scores high: found on strips, applied to scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.control import StripView
from station.leniency import Leniency
from station.quality.leniency import LeniencyFinder

WIDTH = 2000


def strip(scores: NDArray[np.float32], left_px: int = 0, right_px: int = WIDTH) -> StripView:
    heat = scores.copy()
    heat[:, : left_px // 4] = 0
    heat[:, right_px // 4 :] = 0
    return StripView(0, np.zeros((len(heat) * 4, WIDTH), np.uint8), heat, 4, left_px, right_px)


def cloth(seed: int, rows: int = 64) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(4, 0.05, (rows, WIDTH // 4)).astype(np.float32)


def test_even_cloth_is_judged_evenly() -> None:
    finder = LeniencyFinder()
    for seed in range(6):
        finder.take(strip(cloth(seed), 100, 1900))
    assert np.allclose(finder.found().divisors(100, 1900, WIDTH), 1.0, atol=0.25)
    assert finder.found().streaks() == []


def test_a_selvedge_is_found_wherever_the_web_lies() -> None:
    finder = LeniencyFinder()
    for seed in range(6):
        left = 100 + 40 * seed
        scores = cloth(seed)
        scores[:, left // 4 : left // 4 + 8] *= 3
        finder.take(strip(scores, left))
    found = finder.found()
    assert len(found.left) in range(7, 11)
    assert found.left[0] == pytest.approx(3, rel=0.2)
    assert len(found.right) < 3
    divisors = found.divisors(400, WIDTH, WIDTH)
    assert (divisors[100:107] > 2).all()
    assert (divisors[:100] == 1).all()
    assert (divisors[115:400] == 1).all()


def test_a_standing_streak_is_found_and_named_a_flaw_of_one_piece_is_not() -> None:
    finder = LeniencyFinder()
    for seed in range(6):
        scores = cloth(seed)
        scores[:, 300:304] *= 3
        if seed == 2:
            scores[:, 200:204] *= 9
        finder.take(strip(scores))
    found = finder.found()
    assert found.streaks() == [(1196, 1220)]
    divisors = found.divisors(0, WIDTH, WIDTH)
    assert (divisors[300:304] > 2).all()
    assert (divisors[190:210] == 1).all()


def test_another_camera_has_its_own_columns() -> None:
    leniency = Leniency(columns=((400, 2.0),), width_px=WIDTH)
    assert leniency.divisors(0, WIDTH, WIDTH)[100] == 2
    assert (leniency.divisors(0, 1000, 1000) == 1).all()


def test_broad_changes_are_the_cloths_own() -> None:
    finder = LeniencyFinder()
    for seed in range(6):
        scores = cloth(seed)
        scores[:, 100:180] *= 2
        finder.take(strip(scores))
    assert finder.found().streaks() == []


def test_nothing_seen_is_nowhere_lenient() -> None:
    assert LeniencyFinder().found() == Leniency()
    narrow = LeniencyFinder()
    narrow.take(strip(cloth(0), 100, 400))
    assert narrow.found() == Leniency()


@given(
    left=st.lists(st.floats(1, 8), max_size=40),
    right=st.lists(st.floats(1, 8), max_size=40),
    edges=st.tuples(st.integers(0, 250), st.integers(0, 250)),
)
def test_divisors_fit_any_web(left: list[float], right: list[float], edges: tuple[int, int]) -> None:
    first, end = sorted(edges)
    divisors = Leniency(left=tuple(left), right=tuple(right)).divisors(4 * first, 4 * end, 1000)
    assert divisors.shape == (250,)
    assert (divisors >= 1).all()
    assert (divisors[:first] == 1).all()
    assert (divisors[end:] == 1).all()
