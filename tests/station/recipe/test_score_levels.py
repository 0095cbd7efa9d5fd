"""The levels of good cloth's scores across the web: what is like it is near, a flaw does not move them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.recipe.score_levels import LEAST_ROWS, PARTS, ScoreLevels, levels_across, levels_of

WIDTH = 1024


def stretch(seed: int, factor: float = 1.0) -> NDArray[np.float32]:
    """Scores of a stretch of cloth that scores higher to the right."""
    random = np.random.default_rng(seed)
    across = np.linspace(0.2, 0.5, WIDTH // 4)
    return (factor * across * random.gamma(4, 0.25, (56, WIDTH // 4))).astype(np.float32)


def across(scores: NDArray[np.float32], left: int = 0, right: int = WIDTH) -> NDArray[np.float32]:
    levels = levels_across(scores, left, right)
    assert levels is not None
    return levels


def taught() -> ScoreLevels:
    made = levels_of([across(stretch(seed)) for seed in range(8)])
    assert made is not None
    return made


@given(st.integers(100, 10_000), st.floats(0.5, 3))
def test_cloth_that_scores_so_many_times_higher_is_so_far_apart(seed: int, factor: float) -> None:
    apart = taught().apart(across(stretch(seed, factor)))
    assert np.allclose(apart, np.log(factor), atol=0.3)
    assert np.median(apart) == pytest.approx(np.log(factor), abs=0.08)


def test_a_flaw_moves_no_level_and_good_cloth_stays_within_the_spread() -> None:
    good, flawed = stretch(50), stretch(50)
    flawed[20:28] += 5.0  # across the whole web
    flawed[:, 100:106] += 5.0  # along it
    made = taught()
    apart = made.apart(across(flawed)) - made.apart(across(good))
    assert np.sort(np.abs(apart))[-2] < 0.2, "but in the part of the flaw along it"
    assert np.abs(np.median(apart)) < 0.15
    inside = [np.abs(made.apart(across(stretch(seed)))) <= 2 * made.spread for seed in range(100, 140)]
    assert np.mean(inside) > 0.99


def test_where_too_little_is_seen_there_is_no_level() -> None:
    assert levels_across(stretch(1)[: LEAST_ROWS - 1], 0, WIDTH) is None
    assert levels_across(stretch(1), 0, 4 * PARTS * 3) is None
    assert levels_of([across(stretch(seed)) for seed in range(2)]) is None
    assert levels_of([np.zeros(PARTS, np.float32)] * 5) is None


@pytest.mark.parametrize("edges", [(0, WIDTH), (400, 1000), (4, 1021)])
def test_levels_are_those_of_the_web_alone(edges: tuple[int, int]) -> None:
    scores = stretch(3)
    levels = across(scores, *edges)
    scores[:, : edges[0] // 4] = 99
    scores[:, -(-edges[1] // 4) :] = 99
    assert np.array_equal(across(scores, *edges), levels)
