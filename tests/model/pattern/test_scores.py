"""Scores of patterned cloth are judged by what good cloth scores at their own place."""

from __future__ import annotations

import numpy as np
import pytest

from model.pattern.picture import Indices, Picture
from model.pattern.scores import Pattern, PatternLearner

SHAPE = (20, 30)


def learner(spread: float = 0.02, patterned: bool = True, rows: int = 400) -> PatternLearner:
    made = PatternLearner(Picture(np.random.default_rng(0).normal(size=SHAPE).astype(np.float32), (20.0, 30.0)))
    random = np.random.default_rng(1)
    at: Indices = np.indices((rows, 60))
    at = at % np.array(SHAPE)[:, None, None]
    means = np.where(at[0] < 5, 0.9, 0.2) if patterned else np.full((rows, 60), 0.2)
    made.see((means + random.normal(0, spread, means.shape)).astype(np.float32), (at[0], at[1]))
    return made


def test_a_flaw_where_good_cloth_scores_low_counts_as_much_as_one_where_it_scores_high() -> None:
    pattern = learner().learned()
    assert pattern is not None
    at = np.array([[2, 12]]), np.array([[3, 3]])
    raw = np.array([[0.9, 0.2]], np.float32)
    good, _ = pattern.judged(raw, at)
    assert good[0, 0] == pytest.approx(good[0, 1], abs=0.02)
    flawed, divisors = pattern.judged(raw + np.float32(0.3), at)
    assert np.ptp(flawed / divisors) < 0.1
    assert (flawed / divisors).min() > (good / divisors).max() + 0.1


def test_where_the_place_is_not_known_no_pattern_is_taken_for_a_flaw_and_what_is_not_cloth_stays_0() -> None:
    pattern = learner().learned()
    assert pattern is not None
    raw = np.array([[0.9, 0.2, 0.0]], np.float32)
    scores, divisors = pattern.judged(raw, None)
    assert (scores / divisors).max() <= pattern.usual + 0.05
    assert scores[0, 2] == 0


def test_a_pattern_that_hardly_changes_scores_or_was_hardly_seen_is_not_modelled() -> None:
    alike = learner(patterned=False)
    assert alike.learned() is None
    assert "alike" in alike.why_not
    little = learner(rows=20)
    assert little.learned() is None
    assert "too little" in little.why_not


def test_it_comes_back_from_its_arrays_and_no_stranger_does() -> None:
    pattern = learner().learned()
    assert pattern is not None
    arrays = pattern.to_arrays()
    back = Pattern.from_arrays(arrays)
    np.testing.assert_array_equal(back.mean, pattern.mean)
    assert back.picture.repeat_cells == pattern.picture.repeat_cells
    for name, wrong in (
        ("spread", arrays["spread"] * 0),
        ("mean", arrays["mean"][:3]),
        ("repeat_cells", np.zeros(2, np.float32)),
        ("picture", arrays["picture"] * np.nan),
    ):
        with pytest.raises(ValueError, match="pattern"):
            Pattern.from_arrays({**arrays, name: wrong})
    with pytest.raises(ValueError, match="other parts"):
        Pattern.from_arrays({"mean": arrays["mean"]})
