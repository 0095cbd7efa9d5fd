"""Golden rolls of the four-point system, and laws that any grading must keep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.quality.grading import (
    INCH_MM,
    PER_100_YD2,
    RULES,
    YARD_MM,
    Flagged,
    Grade,
    GradingRule,
    defect_points,
    grade,
    rule_named,
)

METRE = RULES["four-point"]
YARD = RULES["four-point-yard"]
TEN = RULES["ten-point"]


def spot(at_mm: float, extent_mm: float = 5.0, **changes: float) -> Flagged:
    values = {"length_mm": extent_mm, "width_mm": 1.0, "across_mm": 500.0} | changes
    return Flagged(position_mm=at_mm, **values)


def test_golden_roll_in_yards() -> None:
    """120 yd × 46 in, 4×1 + 3×2 + 2×3 + 1×4 and one hole of 4: 24 points, 15.65 per 100 yd²."""
    inches = [2] * 4 + [5] * 3 + [8] * 2 + [12]
    defects = [spot(i * 5 * YARD_MM, extent * INCH_MM) for i, extent in enumerate(inches)]
    defects.append(Flagged(60 * YARD_MM, 5.0, 5.0, 500.0, is_hole=True))
    outcome = grade(defects, 120 * YARD_MM, 46 * INCH_MM, YARD)
    assert outcome.points == 24
    assert outcome.points_per_100_m2 is not None
    assert outcome.points_per_100_m2 / PER_100_YD2 == pytest.approx(15.65, abs=0.005)
    assert outcome.grade is Grade.PASS
    assert outcome.charged == (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4)


def test_golden_roll_in_metres() -> None:
    """100 m × 1.5 m with 29 points: 19.3 per 100 m²."""
    defects = [spot(i * 3000.0) for i in range(29)]
    outcome = grade(defects, 100_000.0, 1500.0, METRE)
    assert outcome.points == 29
    assert outcome.points_per_100_m2 == pytest.approx(19.3, abs=0.05)


@pytest.mark.parametrize(
    ("extent_mm", "points"),
    [(0.1, 1), (75, 1), (75.1, 2), (150, 2), (150.1, 3), (230, 3), (230.1, 4), (999, 4)],
)
def test_four_point_steps_along_and_across(extent_mm: float, points: int) -> None:
    assert defect_points(Flagged(0, extent_mm, 1, 700), METRE, 1400) == points
    assert defect_points(Flagged(0, 1, extent_mm, 700), METRE, 1400) == points


def test_holes_by_buyer() -> None:
    sizes = (5.0, 25.0, 26.0)
    holes = [Flagged(0, size, size, 500, is_hole=True) for size in sizes]
    assert [defect_points(hole, METRE, None) for hole in holes] == [2, 2, 4]
    assert [defect_points(hole, YARD, None) for hole in holes] == [4, 4, 4]


@pytest.mark.parametrize(
    ("along_in", "across_in", "points"),
    [(1, 0.1, 1), (5, 0.1, 3), (10, 0.1, 5), (36, 0.1, 10), (0.1, 1, 1), (0.1, 5, 3), (0.1, 22, 5), (0.1, 30, 10)],
)
def test_ten_point_steps(along_in: float, across_in: float, points: int) -> None:
    width_mm = 46 * INCH_MM
    defect = Flagged(0, along_in * INCH_MM, across_in * INCH_MM, width_mm / 2)
    assert defect_points(defect, TEN, width_mm) == points


def test_at_most_four_points_a_metre() -> None:
    crowd = [spot(100.0 * i, 100.0) for i in range(10)]
    outcome = grade(crowd, 10_000, 1000, METRE)
    assert outcome.points == 4
    assert sum(outcome.charged) == 20
    assert grade([spot(990), spot(1010)], 10_000, 1000, METRE).points == 2


def test_a_continuous_defect_costs_four_for_every_metre_it_runs() -> None:
    assert grade([spot(500, 5000)], 20_000, 1000, METRE).points == 20
    outcome = grade([spot(500, 5000), spot(2500, 50), spot(9000, 50)], 20_000, 1000, METRE)
    assert outcome.points == 21


def test_a_defect_running_over_ten_yards_rejects_the_roll() -> None:
    assert grade([spot(0, 9000)], 1e6, 1500, METRE).grade is Grade.PASS
    outcome = grade([spot(0, 9200)], 1e6, 1500, METRE)
    assert outcome.grade is Grade.REJECT
    assert "runs 9.2 m" in outcome.reasons[0]


@pytest.mark.parametrize(
    ("across_mm", "width_mm", "points"),
    [(12, 10, 0), (24, 10, 1), (988, 10, 0), (976, 10, 1), (12, 60, 1), (500, 1000, 4)],
)
def test_the_outer_25_mm_do_not_count(across_mm: float, width_mm: float, points: int) -> None:
    assert defect_points(Flagged(0, 5, width_mm, across_mm), METRE, 1000) == points


def test_a_running_defect_at_the_selvedge_does_not_count() -> None:
    outcome = grade([spot(0, 20_000, across_mm=5.0)], 1e5, 1500, METRE)
    assert (outcome.points, outcome.grade) == (0, Grade.PASS)


def test_the_limit_decides_on_inspected_area_only() -> None:
    defects = [spot(i * 1000.0) for i in range(47)]
    assert grade(defects, 100_000, 1000, METRE).grade is Grade.PASS  # 47.0 per 100 m², limit 47.8
    outcome = grade(defects, 98_000, 1000, METRE)
    assert outcome.grade is Grade.REJECT
    assert outcome.reasons == ("48.0 points per 100 m², more than 47.8",)


def test_ten_point_rolls_pass_up_to_as_many_points_as_yards() -> None:
    defects = [spot(i * YARD_MM, 5 * INCH_MM) for i in range(10)]
    assert grade(defects, 30 * YARD_MM, 1000, TEN).grade is Grade.PASS
    assert grade(defects, 29 * YARD_MM, 1000, TEN).grade is Grade.REJECT


def test_what_cannot_be_graded_says_why() -> None:
    assert grade([], 0, 1000, METRE).reasons == ("nothing was inspected",)
    unknown = grade([spot(0)], 1000, None, METRE)
    assert (unknown.points, unknown.points_per_100_m2, unknown.grade) == (1, None, Grade.NOT_GRADED)
    assert "width" in unknown.reasons[0]


def test_unknown_rules_name_the_known_ones() -> None:
    assert rule_named("four-point").label == "four-point v1"
    with pytest.raises(ValueError, match=r"known rules: four-point, four-point-yard"):
        rule_named("five-point")


LENGTH_MM, WIDTH_MM = 20_000.0, 1500.0
rules = st.sampled_from(list(RULES.values()))


@st.composite
def flagged(draw: st.DrawFn) -> Flagged:
    at = draw(st.floats(0, LENGTH_MM - 1))
    length = draw(st.floats(0.1, LENGTH_MM - at))
    width = draw(st.floats(0.1, WIDTH_MM))
    return Flagged(at, length, width, draw(st.floats(0, WIDTH_MM)), draw(st.booleans()))


@given(rule=rules, defects=st.lists(flagged(), max_size=15))
def test_points_are_bounded_by_the_cap_and_by_what_is_charged(rule: GradingRule, defects: list[Flagged]) -> None:
    outcome = grade(defects, LENGTH_MM, WIDTH_MM, rule)
    assert 0 <= outcome.points <= sum(outcome.charged)
    assert outcome.points <= rule.cap * (math.ceil(LENGTH_MM / rule.interval_mm) + 1)
    assert all(points <= rule.cap for points in (defect_points(d, rule, WIDTH_MM) for d in defects))
    assert outcome.points_per_100_m2 == pytest.approx(outcome.points * 100_000 / (LENGTH_MM / 1000 * WIDTH_MM))


@given(rule=rules, defects=st.lists(flagged(), max_size=10), another=flagged())
def test_another_defect_never_makes_a_roll_better(rule: GradingRule, defects: list[Flagged], another: Flagged) -> None:
    before = grade(defects, LENGTH_MM, WIDTH_MM, rule)
    after = grade([*defects, another], LENGTH_MM, WIDTH_MM, rule)
    assert after.points >= before.points
    assert (before.grade, after.grade) != (Grade.REJECT, Grade.PASS)


@given(
    rule=rules, defects=st.lists(flagged(), max_size=6), one=flagged(), more=st.floats(0, 5000), wider=st.floats(0, 500)
)
def test_a_defect_that_grows_never_costs_less(
    rule: GradingRule, defects: list[Flagged], one: Flagged, more: float, wider: float
) -> None:
    grown = Flagged(one.position_mm, one.length_mm + more, one.width_mm + wider, one.across_mm, one.is_hole)
    before = grade([*defects, one], LENGTH_MM, WIDTH_MM, rule)
    after = grade([*defects, grown], LENGTH_MM, WIDTH_MM, rule)
    assert after.points >= before.points


@given(rule=rules, defects=st.permutations([Flagged(i * 400.0, 90.0 * i + 1, 3, 300) for i in range(8)]))
def test_the_order_of_defects_does_not_matter(rule: GradingRule, defects: list[Flagged]) -> None:
    ordered = sorted(defects, key=lambda d: d.position_mm)
    assert grade(defects, LENGTH_MM, WIDTH_MM, rule).points == grade(ordered, LENGTH_MM, WIDTH_MM, rule).points
