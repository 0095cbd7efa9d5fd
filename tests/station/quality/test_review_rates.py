"""How often a recipe was wrong, by what people said."""

from __future__ import annotations

import pytest

from station.quality.review_rates import review_rates
from station.records.defects.summaries import RecipeCount


def test_a_rate_carries_the_interval_of_wilson() -> None:
    """By hand, with z = 1.95996: centre (0.1 + z²/200) / (1 + z²/100), half width z·sqrt(0.0009 + z²/40000) over the
    same."""
    [rate] = review_rates([RecipeCount("linen", 2, 120, 90, 10, 3)])
    assert (rate.reviewed, rate.false_alarms, rate.missed) == (100, 10, 3)
    assert rate.rate == pytest.approx(0.1)
    assert (rate.low, rate.high) == (pytest.approx(0.05523, abs=1e-5), pytest.approx(0.17437, abs=1e-5))


def test_without_reviews_there_is_no_rate() -> None:
    [rate] = review_rates([RecipeCount("linen", 1, 5, 0, 0, 0)])
    assert (rate.reviewed, rate.rate, rate.low, rate.high) == (0, None, None, None)


def test_no_false_alarm_among_few_reviews_proves_little() -> None:
    [rate] = review_rates([RecipeCount("linen", 1, 5, 5, 0, 0)])
    assert rate.rate == 0
    assert rate.high is not None
    assert rate.high > 0.4
