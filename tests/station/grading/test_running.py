"""The grade of the open roll follows the line event by event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.contract import (
    Defect,
    DefectChanged,
    Ledger,
    Notice,
    RollEnded,
    RowJudged,
    Severity,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.grading.points import grade
from station.grading.running import RunningGrader
from station.grading.shelf import Shelf
from station.grading.sizes import Flagged, RollSize
from station.state.defect_kind import DefectKind
from station.state.grade import Grade
from tests.rigs.records import make_defect

RULES = {rule.name: rule for rule in Shelf().rules}
FOUR = RULES["four-point"]
PEAKS = np.zeros(1, np.float32)


def flaw(number: int, at_mm: float, length_mm: float = 5.0, **changes: object) -> Defect:
    values = {"position_mm": at_mm, "length_mm": length_mm, "width_mm": 2.0, "across_mm": 500.0, "web_mm": 1000.0}
    return make_defect(number, **(values | changes))


def grader(rule_name: str = "four-point", **settings: object) -> RunningGrader:
    return RunningGrader(RULES[rule_name], 0.5, 0.5, **settings)


def cloth(made: RunningGrader, metres: float, first_m: float = 0.0) -> None:
    """Good cloth, 1 m wide, inspected."""
    first, end = round(first_m * 2000), round((first_m + metres) * 2000)
    made.hear(RowJudged(first, end, PEAKS, width_px=2000))
    made.hear(StretchClosed(Stretch(first, end)))


def test_points_are_counted_as_they_come() -> None:
    made = grader()
    assert made.grade().reasons == ("nothing was inspected",)
    cloth(made, 10)
    made.hear(DefectChanged(flaw(1, 500, 20)))
    made.hear(DefectChanged(flaw(2, 3000, 100)))
    now = made.grade()
    assert (now.rule, now.points, now.grade) == ("four-point v1", 3, Grade.PASS)
    assert now.points_per_100_m2 == pytest.approx(30.0)
    assert now.limit_per_100_m2 == pytest.approx(47.84, abs=0.01)
    assert (now.projected_points, now.points_left) == (None, None)
    made.hear(DefectChanged(flaw(2, 3000, 240)))
    made.hear(Notice(Severity.INFO, "nothing of the grade"))
    assert (made.grade().points, made.grade().grade) == (5, Grade.REJECT)


def test_what_passes_is_withdrawn_or_marked_as_a_false_alarm_counts_no_more() -> None:
    made = grader()
    cloth(made, 10)
    for number in (1, 2, 3, 4):
        made.hear(DefectChanged(flaw(number, 2000 * number)))
    made.hear(DefectChanged(replace(flaw(1, 2000), is_reject=False, merged_into=2)))
    made.hear(DefectChanged(replace(flaw(2, 4000), is_reject=False)))
    made.false_alarms([3])
    assert made.grade().points == 1
    made.hear(DefectChanged(flaw(3, 6000, 300)))
    assert made.grade().points == 1, "it grew, but stays a false alarm"
    made.false_alarms([])
    assert made.grade().points == 5, "the verdict was taken back"


def test_the_grade_is_projected_to_the_length_the_roll_is_to_have() -> None:
    """4 points on 10 m of 50 m: 20 at the end.  50 m² may have 23.9 points, so 19.9 are left."""
    made = grader(target_mm=50_000.0)
    cloth(made, 10)
    made.hear(DefectChanged(flaw(1, 500, 300)))
    now = made.grade()
    assert (now.target_m, now.projected_points) == (50.0, pytest.approx(20.0))
    assert now.points_left == pytest.approx(47.8396 * 0.5 - 4, abs=1e-3)
    by_yards = grader("ten-point", target_mm=91_440.0)
    cloth(by_yards, 10)
    by_yards.hear(DefectChanged(flaw(1, 500, 30)))
    assert by_yards.grade().points_left == pytest.approx(100 - 3)


def test_a_knit_is_projected_by_its_own_weight() -> None:
    made = grader("knit", target_mm=50_000.0, given=RollSize(0.0, None, weight_kg=20.0, grams_per_m2=200.0))
    cloth(made, 10)
    made.hear(DefectChanged(flaw(1, 500, 300)))
    assert made.grade().points_per_100_m2 == pytest.approx(4.0)
    assert made.grade().points_left == pytest.approx(47.8396 - 4, abs=1e-3)


def test_without_a_rule_or_a_scale_it_says_why() -> None:
    ruleless = RunningGrader(None, 0.5, 0.5, lacking="Rule file x, line 3: it is bad.")
    ruleless.hear(DefectChanged(flaw(1, 500)))
    assert (ruleless.grade().grade, ruleless.grade().reasons) == (
        Grade.NOT_GRADED,
        ("Rule file x, line 3: it is bad.",),
    )
    scaleless = RunningGrader(FOUR, None, None)
    scaleless.hear(DefectChanged(flaw(1, 500)))
    assert (scaleless.grade().points, scaleless.grade().reasons) == (None, ("the recipe has no scale",))


def test_a_roll_of_which_events_are_lost_is_not_graded() -> None:
    made = grader()
    cloth(made, 10)
    now = made.grade("3 events are lost")
    assert (now.grade, now.reasons, now.points) == (Grade.NOT_GRADED, ("3 events are lost",), 0)


@st.composite
def told(draw: st.DrawFn) -> DefectChanged:
    number = draw(st.integers(1, 6))
    return DefectChanged(
        flaw(
            number,
            draw(st.floats(0, 20_000)),
            draw(st.floats(0.1, 12_000)),
            width_mm=draw(st.floats(0.1, 900)),
            across_mm=draw(st.floats(0, 1000)),
            kind=draw(st.sampled_from([DefectKind.SPOT, DefectKind.HOLE])),
            is_reject=draw(st.booleans()),
        )
    )


@given(
    rule=st.sampled_from(list(RULES.values())),
    events=st.lists(told(), max_size=25),
    false_alarms=st.sets(st.integers(1, 6)),
    inspected=st.integers(0, 40_000),
    width_px=st.integers(0, 3000),
)
def test_at_the_roll_s_end_it_is_the_grade_of_the_roll(
    rule: object, events: list[DefectChanged], false_alarms: set[int], inspected: int, width_px: int
) -> None:
    made = RunningGrader(RULES[rule.name], 0.5, 0.5)  # type: ignore[attr-defined]
    for number, event in enumerate(events):
        made.hear(event)
        if number == 3:
            made.false_alarms(false_alarms)
    made.false_alarms(false_alarms)
    made.hear(RowJudged(0, 100, PEAKS, width_px=width_px))
    made.hear(StretchClosed(Stretch(0, inspected)))
    made.hear(StretchClosed(Stretch(inspected, inspected + 500, UninspectedReason.OVERLOAD)))
    made.hear(RollEnded("r", Ledger(inspected + 500, inspected, 500)))
    last = {event.defect.number: event.defect for event in events}
    counted = [Flagged.of(one) for one in last.values() if one.is_reject and one.number not in false_alarms]
    width_mm = width_px * 0.5 if width_px else None
    size = RollSize(inspected * 0.5, width_mm, uninspected_mm=250.0)
    outcome = grade(counted, size, RULES[rule.name])  # type: ignore[attr-defined]
    now = made.grade()
    assert (now.points, now.grade, now.reasons) == (outcome.points, outcome.grade, outcome.reasons)
    assert now.points_per_100_m2 == outcome.points_per_100_m2
