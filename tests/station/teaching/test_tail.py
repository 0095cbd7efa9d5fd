"""Thresholds from good cloth: the tail law, the budget, the interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genextreme

from station.teaching.tail import (
    MIN_PATCHES,
    TAIL_SHARE,
    exceedance_interval,
    fit_tail,
    patches_per_100_m,
    poisson_interval,
)


@pytest.mark.parametrize("shape", [0.0, 0.2])
def test_the_tail_of_a_known_law_is_found_far_beyond_the_sample(shape: float) -> None:
    random = np.random.default_rng(1)
    uniform = random.random(4000)
    excess = -np.log(uniform) if shape == 0 else (uniform**-shape - 1) / shape
    tail = fit_tail((5 + excess).astype(np.float32))
    wanted = 1e-4
    true_score = 5 + (-np.log(wanted) if shape == 0 else (wanted**-shape - 1) / shape)
    assert tail.score_at(wanted) == pytest.approx(true_score, rel=0.25)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.01, 50), min_size=MIN_PATCHES, max_size=200),
    st.floats(1e-6, TAIL_SHARE[0] * 0.99),
)
def test_score_and_exceedance_are_each_others_inverse(peaks: list[float], probability: float) -> None:
    tail = fit_tail(np.array(peaks, np.float32))
    score = tail.score_at(probability)
    assert score >= tail.start
    assert tail.exceedance(score) == pytest.approx(probability, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 50), min_size=MIN_PATCHES, max_size=200), st.floats(0.1, 10))
def test_the_fit_follows_the_unit_of_the_scores(peaks: list[float], factor: float) -> None:
    plain = fit_tail(np.array(peaks, np.float64))
    scaled = fit_tail(np.array(peaks, np.float64) * factor)
    assert scaled.score_at(1e-3) == pytest.approx(plain.score_at(1e-3) * factor, rel=1e-3)


@pytest.mark.parametrize("count", [48, 200, 800])
def test_little_cloth_gives_the_threshold_that_much_cloth_gives(count: int) -> None:
    random = np.random.default_rng(count)
    true_score = 0.6 + 0.08 * -np.log(-np.log1p(-1e-4))
    scores = [fit_tail(0.6 + 0.08 * random.gumbel(size=count)).score_at(1e-4) for _ in range(60)]
    assert np.mean(scores) == pytest.approx(true_score, rel=0.03)
    assert np.std(scores) < 1.2 * true_score / np.sqrt(count)


def test_a_few_patches_do_not_bend_the_tail() -> None:
    peaks = 0.6 + np.random.default_rng(3).exponential(0.08, 68)
    wild = np.append(peaks, [1.6])  # one odd patch
    for sample in (peaks, wild):
        assert fit_tail(sample.astype(np.float32)).shape == 0.0
    assert fit_tail(wild.astype(np.float32)).score_at(1e-3) < 1.3 * fit_tail(peaks.astype(np.float32)).score_at(1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [0.0, 0.1])
def test_the_interval_mostly_holds_the_truth_and_narrows_with_cloth(shape: float) -> None:
    random = np.random.default_rng(7)
    widths = []
    for count in (60, 900):
        held, ratios = 0, []
        for _ in range(20):
            peaks = genextreme.rvs(-shape, size=count, random_state=random)
            score = fit_tail(peaks).score_at(1e-4)
            low, high = exceedance_interval(np.split(peaks, count // 6), score)
            held += low <= genextreme.sf(score, -shape) <= high
            ratios.append(high / low)
        assert held >= 14
        widths.append(np.median(ratios))
    assert widths[1] < widths[0] / 2


def test_the_interval_is_the_same_each_time_and_knows_that_cloth_lies_in_stretches() -> None:
    random = np.random.default_rng(8)
    stretches = [0.8 + 0.1 * random.normal() + 0.03 * random.gumbel(size=8) for _ in range(12)]
    patches = list(np.concatenate(stretches)[:, None])
    together, apart = (exceedance_interval(cut, 1.4) for cut in (stretches, patches))
    assert together == exceedance_interval(stretches, 1.4)
    assert together[1] / together[0] > 1.5 * apart[1] / apart[0]


def test_too_few_patches_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match=f"{MIN_PATCHES - 1} patches"):
        fit_tail(np.ones(MIN_PATCHES - 1, np.float32))


def test_patches_of_the_demo_web() -> None:
    # 1,000 mm of web in patches of 128 mm every 112 mm: 9 columns; 100 m hold 892.86 rows.
    assert patches_per_100_m(1000, 128, 112) == pytest.approx(9 * 892.857, rel=1e-4)
    assert patches_per_100_m(50, 128, 112) == pytest.approx(892.857, rel=1e-4)


def test_poisson_interval_against_the_published_table() -> None:
    assert poisson_interval(0) == (0.0, pytest.approx(3.689, abs=1e-3))
    assert poisson_interval(5) == (pytest.approx(1.623, abs=1e-3), pytest.approx(11.668, abs=1e-3))
