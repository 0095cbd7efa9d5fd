"""Outliers: flawed pieces among good ones are found, good cloth hardly ever is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import genpareto

from model.outliers import FEWEST_PIECES, MOST_OUTLIERS, find_outliers

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def maxima(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Peaks as good cloth has them."""
    return 0.8 + 0.08 * random.gumbel(size=count)


def heavy(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Good cloth whose peaks fall off more slowly than any law that is assumed for few pieces."""
    return genpareto.rvs(0.15, loc=0.8, scale=0.08, size=count, random_state=random)


@pytest.mark.parametrize("count", [50, 200, 1000, 6000])
@pytest.mark.parametrize(("draw", "most"), [(maxima, 0.004), (heavy, 0.03)])
def test_good_cloth_is_hardly_ever_an_outlier(count: int, draw: Draw, most: float) -> None:
    random = np.random.default_rng(count)
    shares_found = [find_outliers(draw(random, count)) for _ in range(60)]
    assert np.mean(shares_found) < most


@pytest.mark.parametrize("count", [50, 200, 1000, 6000])
@pytest.mark.parametrize("share", [0.05, 0.12])
def test_flawed_pieces_are_told_from_good_ones(count: int, share: float) -> None:
    random = np.random.default_rng(count)
    plain = wrong = missed = flawed = 0
    for _ in range(40):
        peaks = maxima(random, count)
        bad = random.random(count) < share
        peaks[bad] = np.maximum(peaks[bad], random.uniform(0.8, 4.5, bad.sum()))
        outliers = find_outliers(peaks)
        clear = bad & (peaks > 2.0)
        missed += np.count_nonzero(clear & ~outliers)
        plain += np.count_nonzero(clear)
        wrong += np.count_nonzero(outliers & ~bad)
        flawed += np.count_nonzero(bad)
    assert missed <= 0.02 * plain
    assert wrong <= 0.25 * flawed


def test_outliers_do_not_depend_on_order_or_unit() -> None:
    random = np.random.default_rng(5)
    peaks = np.append(maxima(random, 100), [2.0, 3.0])
    order = random.permutation(peaks.size)
    assert find_outliers(peaks)[-2:].all()
    assert np.array_equal(find_outliers(peaks[order]), find_outliers(peaks)[order])
    assert np.array_equal(find_outliers((7 * peaks - 3).astype(np.float32)), find_outliers(peaks))


def test_where_too_many_stand_out_the_highest_are_outliers() -> None:
    peaks = np.append(maxima(np.random.default_rng(1), 78), np.linspace(5, 9, 22))
    outliers = find_outliers(peaks)
    assert np.count_nonzero(outliers) == MOST_OUTLIERS * peaks.size
    assert peaks[outliers].min() > peaks[~outliers].max()


def test_few_pieces_and_pieces_all_alike_make_no_outliers() -> None:
    assert not find_outliers(np.append(np.ones(FEWEST_PIECES - 2), 50.0)).any()
    assert not find_outliers(np.ones(40)).any()
    assert not find_outliers(np.empty(0, np.float32)).any()
    assert find_outliers(np.append(np.ones(40), 2.0)).sum() == 1
