"""Lines against encoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.aspect import MIN_LINES, TOLERANCE, aspect_warning, line_error
from calibration.errors import CalibrationError


@given(lines=st.integers(2 * MIN_LINES, 10**7), per_line=st.floats(0.5, 500), share=st.floats(-0.5, 0.5))
def test_it_warns_just_where_lines_and_encoder_disagree(lines: int, per_line: float, share: float) -> None:
    pulses = max(1, round(lines * per_line / (1 + share)))
    true = lines / (pulses / per_line) - 1
    warning = aspect_warning(lines, pulses, per_line)
    assert line_error(lines, pulses, per_line) == pytest.approx(true, abs=1e-9)
    if abs(abs(true) - TOLERANCE) > 1e-9:
        assert (warning is not None) == (abs(true) > TOLERANCE)
    if warning is not None:
        assert ("more" if true > 0 else "fewer") in warning


@given(pulses=st.integers(1, 10**8), per_line=st.floats(0.5, 500))
def test_the_counting_direction_does_not_matter(pulses: int, per_line: float) -> None:
    assert aspect_warning(5000, pulses, per_line) == aspect_warning(5000, -pulses, per_line)


def test_the_sentence_names_both_counts_and_what_to_check() -> None:
    warning = aspect_warning(10_500, 40_000, 4)
    assert warning is not None
    assert "10500 lines where the encoder tells of 10000 (5.0% more)" in warning
    assert "trigger divider" in warning


def test_a_short_stretch_says_nothing() -> None:
    assert aspect_warning(MIN_LINES // 2, MIN_LINES // 4, 1) is None
    assert aspect_warning(0, 0, 1) is None


def test_lines_without_any_pulse_point_at_the_encoder() -> None:
    warning = aspect_warning(MIN_LINES, 0, 1)
    assert warning is not None
    assert "the encoder did not move" in warning


def test_pulses_without_any_line_are_told() -> None:
    warning = aspect_warning(0, 4 * MIN_LINES, 2)
    assert warning is not None
    assert "made 0 lines" in warning


@pytest.mark.parametrize("per_line", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_divider_is_refused(per_line: float) -> None:
    with pytest.raises(CalibrationError, match="trigger divider"):
        aspect_warning(5000, 5000, per_line)


def test_no_pulses_give_no_error() -> None:
    with pytest.raises(CalibrationError, match="check the encoder"):
        line_error(10, 0, 1)
