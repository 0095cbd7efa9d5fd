"""Found and false, by the contract's words: boxes that meet the grown true box and are at most four times its area."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from drivers.simulated.flaws import Flaw, FlawKind
from station.demo import Box, compare, figures, flaws_within


def thing(first_line: float, end_line: float, first_px: float, end_px: float, contrast_sigma: float = 2.0) -> Any:
    box = {"first_line": first_line, "end_line": end_line, "first_px": first_px, "end_px": end_px}
    return SimpleNamespace(**box, contrast_sigma=contrast_sigma)


def test_a_reject_on_the_flaw_finds_it() -> None:
    findings = compare([thing(100, 110, 50, 60)], [thing(102, 112, 52, 62)], 0.5)
    assert (findings.flaws_found, findings.false_alarms) == (1, 0)


def test_two_millimetres_beside_still_meets_but_not_more() -> None:
    flaw = thing(100, 110, 50, 60)
    assert compare([flaw], [thing(113, 120, 50, 60)], 0.5).flaws_found == 1
    beyond = compare([flaw], [thing(114, 121, 50, 60)], 0.5)
    assert (beyond.flaws_found, beyond.false_alarms) == (0, 1)


def test_a_box_too_large_finds_nothing_yet_is_no_false_alarm() -> None:
    # grown flaw: 18 × 18 = 324 px; four times that is 1,296
    flaw = thing(100, 110, 50, 60)
    assert compare([flaw], [thing(90, 126, 40, 76)], 0.5).flaws_found == 1
    large = compare([flaw], [thing(90, 126, 40, 77)], 0.5)
    assert (large.flaws_found, large.false_alarms) == (0, 0)


def test_the_truth_of_a_later_roll_counts_from_its_first_line() -> None:
    flaws = [
        Flaw(FlawKind.KNOT, first, first + 10, 50, 60, 5.0, 2.0, False, 0)
        for first in (100, 985, 991, 1200, 1490, 1500)
    ]
    truth = flaws_within(flaws, 1000, 500)
    assert [(flaw.first_line, flaw.end_line) for flaw in truth] == [(-9, 1), (200, 210), (490, 500)]
    assert compare(truth, [thing(202, 212, 52, 62)], 0.5).flaws_found == 1


@given(*(st.tuples(st.floats(0, 99), st.floats(100, 200), st.floats(0, 99), st.floats(100, 200)) for _ in range(2)))
def test_meeting_is_mutual(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    assert Box(*one).meets(Box(*other)) == Box(*other).meets(Box(*one))


def test_figures_state_the_interval() -> None:
    findings = compare([thing(0, 9, 0, 9)], [thing(500, 509, 0, 9)], 0.5)
    shown = figures(findings, 50.0)
    assert shown["detection_rate"] == 0
    assert shown["false_alarms_per_100_m"] == 2
    low, high = cast(list[float], shown["false_alarms_per_100_m_interval"])
    assert low < 2 < high


def test_strong_flaws_are_counted_on_their_own() -> None:
    flaws = [thing(100 * i, 100 * i + 9, 0, 9, contrast_sigma=sigma) for i, sigma in enumerate((1.0, 1.99, 2.0, 4.0))]
    shown = figures(compare(flaws, [thing(0, 9, 0, 9), thing(300, 309, 0, 9)], 0.5), 50.0)
    assert (shown["flaws_true"], shown["flaws_found"]) == (4, 2)
    assert (shown["strong_flaws_true"], shown["strong_flaws_found"], shown["strong_detection_rate"]) == (2, 1, 0.5)
