"""Doubts: flawed pieces among good ones are found, good cloth is hardly ever doubted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import genpareto

from model.outliers import FEWEST_PIECES, MOST_DOUBTED, doubtful

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def maxima(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Peaks as good cloth has them."""
    return 0.8 + 0.08 * random.gumbel(size=count)


def heavy(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Good cloth whose peaks fall off more slowly than any law that is assumed for few pieces."""
    return genpareto.rvs(0.15, loc=0.8, scale=0.08, size=count, random_state=random)


@pytest.mark.parametrize("count", [50, 200, 1000, 6000])
@pytest.mark.parametrize(("draw", "most"), [(maxima, 0.004), (heavy, 0.03)])
def test_good_cloth_is_hardly_ever_doubted(count: int, draw: Draw, most: float) -> None:
    random = np.random.default_rng(count)
    lessons = [doubtful(draw(random, count)) for _ in range(60)]
    assert np.mean(lessons) < most


@pytest.mark.parametrize("count", [50, 200, 1000, 6000])
@pytest.mark.parametrize("share", [0.05, 0.12])
def test_flawed_pieces_are_told_from_good_ones(count: int, share: float) -> None:
    random = np.random.default_rng(count)
    plain = wrong = missed = flawed = 0
    for _ in range(40):
        peaks = maxima(random, count)
        bad = random.random(count) < share
        peaks[bad] = np.maximum(peaks[bad], random.uniform(0.8, 4.5, bad.sum()))
        doubted = doubtful(peaks)
        clear = bad & (peaks > 2.0)
        missed += np.count_nonzero(clear & ~doubted)
        plain += np.count_nonzero(clear)
        wrong += np.count_nonzero(doubted & ~bad)
        flawed += np.count_nonzero(bad)
    assert missed <= 0.02 * plain
    assert wrong <= 0.25 * flawed


def test_doubts_do_not_depend_on_order_or_unit() -> None:
    random = np.random.default_rng(5)
    peaks = np.append(maxima(random, 100), [2.0, 3.0])
    order = random.permutation(peaks.size)
    assert doubtful(peaks)[-2:].all()
    assert np.array_equal(doubtful(peaks[order]), doubtful(peaks)[order])
    assert np.array_equal(doubtful((7 * peaks - 3).astype(np.float32)), doubtful(peaks))


def test_where_too_many_stand_out_the_highest_are_doubted() -> None:
    peaks = np.append(maxima(np.random.default_rng(1), 78), np.linspace(5, 9, 22))
    doubted = doubtful(peaks)
    assert np.count_nonzero(doubted) == MOST_DOUBTED * peaks.size
    assert peaks[doubted].min() > peaks[~doubted].max()


def test_few_pieces_and_pieces_all_alike_raise_no_doubts() -> None:
    assert not doubtful(np.append(np.ones(FEWEST_PIECES - 2), 50.0)).any()
    assert not doubtful(np.ones(40)).any()
    assert not doubtful(np.empty(0, np.float32)).any()
    assert doubtful(np.append(np.ones(40), 2.0)).sum() == 1
