"""Stretches laid over others: no line counts twice, the last word on a line holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from station.contract import Stretch, UninspectedReason
from station.records.safety.laying import laid_over, without_gaps

STRETCHES = st.lists(
    st.builds(
        lambda first, lines, reason: Stretch(first, first + lines, reason),
        st.integers(0, 40),
        st.integers(0, 15),
        st.sampled_from([None, UninspectedReason.ABORTED]),
    ),
    max_size=8,
)


@given(there=STRETCHES, told=STRETCHES)
def test_each_line_has_what_was_told_of_it_last(there: list[Stretch], told: list[Stretch]) -> None:
    lines = {line: one.reason for one in (*there, *told) for line in range(one.first_line, one.end_line)}
    laid = laid_over(there, told)
    assert {line: one.reason for one in laid for line in range(one.first_line, one.end_line)} == lines
    assert sum(one.end_line - one.first_line for one in laid) == len(lines)
    assert laid_over(laid, told) == laid


@given(told=STRETCHES)
def test_what_lies_between_was_not_recorded(told: list[Stretch]) -> None:
    laid = laid_over([], told)
    whole = list(without_gaps(laid))
    assert [one.first_line for one in whole] == [0, *(one.end_line for one in whole[:-1])][: len(whole)]
    assert [one for one in whole if one.reason is not UninspectedReason.NOT_RECORDED] == laid
    assert max((one.end_line for one in whole), default=0) == max((one.end_line for one in laid), default=0)
