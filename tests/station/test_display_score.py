"""The score scale for people: 0.5 is the threshold, for a number and for a map alike."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from station.display_score import AT_THRESHOLD, display_score, display_scores
from station.recipe import NO_DECISION

thresholds = st.floats(1e-4, 1e4)


@given(thresholds)
def test_the_threshold_itself_is_exactly_at_the_threshold(threshold: float) -> None:
    assert display_score(threshold, threshold) == AT_THRESHOLD


@given(st.lists(st.floats(0, 1e4, width=32), min_size=1, max_size=20), thresholds)
def test_a_map_says_what_its_numbers_say_and_keeps_their_order(values: list[float], threshold: float) -> None:
    raw = np.sort(np.array(values, np.float32))
    shown = display_scores(raw, threshold)
    assert shown.dtype == np.float32
    assert (np.diff(shown) >= 0).all()
    np.testing.assert_allclose(shown, [display_score(float(one), threshold) for one in raw], rtol=1e-6, atol=1e-30)


def test_where_nothing_is_decided_nothing_stands_out() -> None:
    assert display_score(1e6, NO_DECISION) == 0
    assert not display_scores(np.full((2, 3), 1e6, np.float32), NO_DECISION).any()
