"""The least size of a reject: from the scale where it is known, else from what a point looks like to the model."""

from __future__ import annotations

import pytest

from station.teaching.least_size import least_size, least_size_told
from tests.rigs.line import recipe


@pytest.mark.parametrize(("mm_per_px", "least"), [(0.1, 1.0), (0.5, 1.0), (1.0, 2.0), (None, 3.0)])
def test_the_least_size_comes_with_the_scale(mm_per_px: float | None, least: float) -> None:
    assert least_size(mm_per_px, 12.0) == least


def test_a_scorer_that_does_not_know_how_wide_a_point_looks_lets_nothing_pass() -> None:
    assert least_size(None, 0.0) == 0.0


def test_it_is_said_in_plain_words_with_the_way_to_change_it() -> None:
    told = least_size_told(recipe(fabric="linen", min_length_mm=1.0))
    assert told.startswith("What is smaller than 1 mm in its longest extent, like a single thread end, passes")
    assert "station recipe linen --min-length" in told
    assert "3 px" in least_size_told(recipe(mm_per_px=None, min_length_mm=3.0))
    assert least_size_told(recipe()) == ""
