"""Where flaws lie: endless, reproducible, and distributed as stated."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drivers.simulated.flaws import (
    CONTRASTS_SIGMA,
    EDGE_MARGIN_MM,
    GAP_MM,
    LINE_LENGTHS_MM,
    SPOT_LENGTHS_MM,
    SPOTS,
    Flaw,
    FlawKind,
    FlawPlan,
)

METRES = 600
LINES = METRES * 2000


@pytest.fixture(scope="module")
def many() -> list[Flaw]:
    return FlawPlan(11, 3.0, (24, 2024), 0.5).flaws(0, LINES)


def test_about_three_a_metre(many: list[Flaw]) -> None:
    expected = 3.0 * METRES
    assert abs(len(many) - expected) < 4 * np.sqrt(expected)


def test_all_kinds_are_equally_likely(many: list[Flaw]) -> None:
    counts = [sum(flaw.kind is kind for flaw in many) for kind in FlawKind]
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("spots", [True, False])
def test_lengths_are_log_uniform(many: list[Flaw], spots: bool) -> None:
    low, high = SPOT_LENGTHS_MM if spots else LINE_LENGTHS_MM
    lengths = [flaw.length_mm for flaw in many if (flaw.kind in SPOTS) is spots]
    assert low <= min(lengths)
    assert max(lengths) <= high
    assert stats.kstest(lengths, stats.loguniform(low, high).cdf).pvalue > 0.001


def test_contrasts_are_log_uniform(many: list[Flaw]) -> None:
    contrasts = [flaw.contrast_sigma for flaw in many]
    assert stats.kstest(contrasts, stats.loguniform(*CONTRASTS_SIGMA).cdf).pvalue > 0.001


def test_places_are_spread_over_the_cloth(many: list[Flaw]) -> None:
    spots = [flaw for flaw in many if flaw.kind in SPOTS]
    assert stats.kstest([flaw.first_line / LINES for flaw in spots], "uniform").pvalue > 0.001
    free = [(flaw.first_px - 54) / (2024 - 30 - 54 - (flaw.end_px - flaw.first_px)) for flaw in spots]
    assert stats.kstest(free, "uniform").pvalue > 0.001


def test_flaws_keep_clear_of_edges_and_of_each_other(many: list[Flaw]) -> None:
    margin = EDGE_MARGIN_MM / 0.5
    assert min(flaw.first_px for flaw in many) >= 24 + margin
    assert max(flaw.end_px for flaw in many) <= 2024 - margin
    gap = GAP_MM / 0.5
    for index, one in enumerate(many):
        for other in many[index + 1 :]:
            if other.first_line >= one.end_line + gap:
                break
            assert other.first_px >= one.end_px + gap or one.first_px >= other.end_px + gap


@settings(max_examples=60, deadline=None)
@given(st.integers(-30_000, 30_000), st.integers(1, 5000), st.integers(0, 5))
def test_any_range_tells_the_same_flaws(first: int, lines: int, seed: int) -> None:
    end = first + lines
    found = FlawPlan(seed, 5.0, (0, 2000), 0.5).flaws(first, end)
    wider = FlawPlan(seed, 5.0, (0, 2000), 0.5).flaws(first - 7000, end + 7000)
    assert found == [flaw for flaw in wider if flaw.first_line < end and flaw.end_line > first]
    assert all(one.first_line <= other.first_line for one, other in pairwise(found))


def test_no_flaws_where_none_are_asked_for() -> None:
    assert FlawPlan(1, 0.0, (0, 50), 0.5).flaws(0, 100_000) == []
    assert FlawPlan(1, 3.0, (0, 2000), 0.5).flaws(500, 500) == []


def test_a_narrow_web_gets_shorter_weft_wise_flaws_not_fewer() -> None:
    flaws = FlawPlan(2, 3.0, (0, 320), 0.5).flaws(0, 200 * 2000)
    assert len(flaws) > 0.85 * 600
    assert all(flaw.first_px >= 30 and flaw.end_px <= 290 for flaw in flaws)
