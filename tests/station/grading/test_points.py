"""Golden rolls of the four-point system, rolls reckoned by hand, and laws that any grading must keep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.grading.points import Grading, Tally, defect_points
from station.grading.points import grade as grade_roll
from station.grading.rule import GradingRule
from station.grading.shelf import Shelf
from station.grading.sizes import Flagged, RollSize
from station.grading.units import INCH_MM, PER_100_YD2, YARD_MM
from station.state.grade import Grade

RULES = {rule.name: rule for rule in Shelf().rules}
METRE = RULES["four-point"]
YARD = RULES["four-point-yard"]
TEN = RULES["ten-point"]
KNIT = RULES["knit"]


def spot(at_mm: float, extent_mm: float = 5.0, **changes: float) -> Flagged:
    values = {"length_mm": extent_mm, "width_mm": 1.0, "across_mm": 500.0} | changes
    return Flagged(position_mm=at_mm, **values)


def grade(
    defects: list[Flagged], inspected_mm: float, width_mm: float | None, rule: GradingRule, **known: float
) -> Grading:
    return grade_roll(defects, RollSize(inspected_mm, width_mm, **known), rule)


def charged(outcome: Grading) -> tuple[int, ...]:
    return tuple(one.charged for one in outcome.explained)


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
    assert charged(outcome) == (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4)


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
    assert defect_points(Flagged(0, extent_mm, 1, 700, web_mm=1400), METRE) == points
    assert defect_points(Flagged(0, 1, extent_mm, 700, web_mm=1400), METRE) == points


def test_holes_by_buyer() -> None:
    sizes = (5.0, 25.0, 26.0)
    holes = [Flagged(0, size, size, 500, is_hole=True) for size in sizes]
    assert [defect_points(hole, METRE) for hole in holes] == [2, 2, 4]
    assert [defect_points(hole, YARD) for hole in holes] == [4, 4, 4]


@pytest.mark.parametrize(
    ("along_in", "across_in", "points"),
    [(1, 0.1, 1), (5, 0.1, 3), (10, 0.1, 5), (36, 0.1, 10), (0.1, 1, 1), (0.1, 5, 3), (0.1, 22, 5), (0.1, 30, 10)],
)
def test_ten_point_steps(along_in: float, across_in: float, points: int) -> None:
    width_mm = 46 * INCH_MM
    defect = Flagged(0, along_in * INCH_MM, across_in * INCH_MM, width_mm / 2, web_mm=width_mm)
    assert defect_points(defect, TEN) == points


def test_at_most_four_points_a_metre() -> None:
    crowd = [spot(100.0 * i, 100.0) for i in range(10)]
    outcome = grade(crowd, 10_000, 1000, METRE)
    assert outcome.points == 4
    assert sum(charged(outcome)) == 20
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
    assert defect_points(Flagged(0, 5, width_mm, across_mm, web_mm=1000), METRE) == points


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
    assert 0 <= outcome.points <= sum(charged(outcome))
    assert outcome.points <= rule.cap.per_interval * (math.ceil(LENGTH_MM / rule.interval) + 1)
    assert all(defect_points(d, rule) <= rule.cap.per_defect for d in defects)


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


@given(rule=rules, defects=st.lists(flagged(), max_size=15))
def test_no_interval_has_more_than_its_cap_and_the_intervals_sum_to_the_total(
    rule: GradingRule, defects: list[Flagged]
) -> None:
    outcome = grade(defects, LENGTH_MM, WIDTH_MM, rule)
    assert all(0 < points <= rule.cap.per_interval for points in outcome.intervals.values())
    assert sum(outcome.intervals.values()) == outcome.points


@given(rule=rules, defects=st.lists(flagged(), max_size=15))
def test_what_is_explained_sums_to_the_points_in_all_and_in_each_interval(
    rule: GradingRule, defects: list[Flagged]
) -> None:
    outcome = grade(defects, LENGTH_MM, WIDTH_MM, rule)
    assert sum(one.counted for one in outcome.explained) == outcome.points
    by_interval: dict[int, int] = {}
    for one in outcome.explained:
        assert 0 <= one.counted <= one.charged
        assert one.cap_took == one.charged - one.counted
        assert sum(span.counted * (span.end - span.first) for span in one.spans) == one.counted
        for span in one.spans:
            for interval in range(span.first, span.end):
                by_interval[interval] = by_interval.get(interval, 0) + span.counted
    assert {place: points for place, points in by_interval.items() if points} == outcome.intervals


@given(rule=rules, steps=st.lists(st.tuples(st.integers(0, 4), st.none() | flagged()), max_size=30))
def test_defects_that_change_and_go_leave_the_points_of_those_that_stay(
    rule: GradingRule, steps: list[tuple[int, Flagged | None]]
) -> None:
    tally = Tally(rule)
    for number, defect in steps:
        tally.put(number, defect)
    left = dict(steps)
    staying = [defect for defect in left.values() if defect is not None]
    anew = Tally(rule)
    for number, defect in enumerate(staying):
        anew.put(number, defect)
    assert tally.points == anew.points
    assert tally.intervals() == anew.intervals()
    assert tally.longest_mm == anew.longest_mm


# ---------------------------------------------------------------- rolls reckoned by hand


def test_a_cotton_shirting_by_hand() -> None:
    """50 m × 1.6 m, four-point, cotton (limit 28 per 100 yd² = 33.488 per 100 m²).

    at 1.2 m   20 mm along                       1
    at 1.7 m   160 mm along                      3, same metre: 1 + 3 = 4
    at 1.9 m   80 mm across                      2, same metre: the cap of 4 takes both
    at 8.0 m   hole of 30 mm                     4
    at 20.5 m  2.4 m along: metres 20, 21, 22    4 × 3 = 12
    at 21.1 m  10 mm                             1, metre 21 is full: the cap takes it
    at 30.0 m  200 mm along, 10 mm from the left edge of the web, 4 mm wide: within 25 mm, does not count
    Sum: 4 + 4 + 12 = 20.  Area 80 m²: 20 × 100 / 80 = 25.0 per 100 m²: pass.
    """
    defects = [
        spot(1200, 20), spot(1700, 160), Flagged(1900, 3, 80, 500), Flagged(8000, 30, 20, 500, is_hole=True),
        spot(20_500, 2400), spot(21_100, 10), Flagged(30_000, 200, 4, 10),
    ]  # fmt: skip
    outcome = grade(defects, 50_000, 1600, RULES["four-point-cotton"])
    assert charged(outcome) == (1, 3, 2, 4, 12, 1, 0)
    assert [one.counted for one in outcome.explained] == [1, 3, 0, 4, 12, 0, 0]
    assert outcome.intervals == {1: 4, 8: 4, 20: 4, 21: 4, 22: 4}
    assert (outcome.points, outcome.grade) == (20, Grade.PASS)
    assert outcome.points_per_100_m2 == pytest.approx(25.0)


def test_a_roll_in_yards_by_hand() -> None:
    """100 yd × 60 in, four-point in yards, any hole 4, limit 40 per 100 yd².

    30 flaws of 4 in, one in every third yard: 2 each = 60.  10 pinholes of 1 mm in yards of their own: 4 each = 40.
    Sum 100; 100 × 3600 / (100 × 60) = 60 per 100 yd²: reject.  Were pinholes as others: 60 + 10 = 70: 42, reject too.
    """
    flaws = [spot(3 * i * YARD_MM + 1, 4 * INCH_MM) for i in range(30)]
    holes = [Flagged((3 * i + 1) * YARD_MM + 1, 1, 1, 500, is_hole=True) for i in range(10)]
    outcome = grade([*flaws, *holes], 100 * YARD_MM, 60 * INCH_MM, YARD)
    assert outcome.points == 100
    assert outcome.points_per_100_m2 is not None
    assert outcome.points_per_100_m2 / PER_100_YD2 == pytest.approx(60.0)
    assert outcome.grade is Grade.REJECT
    as_others = grade([*flaws, *holes], 100 * YARD_MM, 60 * INCH_MM, RULES["four-point-yard-but-pinholes"])
    assert (as_others.points, as_others.grade) == (70, Grade.REJECT)


def test_a_ten_point_roll_by_hand() -> None:
    """40 yd, 50 in wide.

    yard 0: 2 in along 3, and 12 in along 10: 13, capped 10.  yard 5: 20 in across, less than half the width: 5.
    yard 9: 26 in across, more than half: 10.  yards 20 and 21: runs 1.5 yd: 2 × 10 = 20.
    Sum 10 + 5 + 10 + 20 = 45 points on 40 yards: reject.
    """
    defects = [
        spot(0, 2 * INCH_MM), spot(100, 12 * INCH_MM), Flagged(5 * YARD_MM, 3, 20 * INCH_MM, 600),
        Flagged(9 * YARD_MM, 3, 26 * INCH_MM, 600), spot(20 * YARD_MM + 1, 1.5 * YARD_MM),
    ]  # fmt: skip
    outcome = grade(defects, 40 * YARD_MM, 50 * INCH_MM, TEN)
    assert charged(outcome) == (3, 10, 5, 10, 20)
    assert outcome.explained[1].counted == 7, "the cap of ten in the yard leaves seven"
    assert (outcome.points, outcome.grade) == (45, Grade.REJECT)
    assert outcome.reasons == ("45 points on 40.0 intervals of the rule (yard)",)


def test_a_knit_by_weight_by_hand() -> None:
    """20 kg of 180 g/m²: 20,000 / 180 = 111.11 m².  12 points × 180 / (20 × 10) = 10.8 per 100 m², whatever the encoder
    says of a fabric that stretches."""
    defects = [spot(i * 2000.0, 100) for i in range(6)]
    outcome = grade(defects, 70_000, 1700, KNIT, weight_kg=20.0, grams_per_m2=180.0)
    assert outcome.points == 12
    assert outcome.points_per_100_m2 == pytest.approx(10.8)
    assert outcome.basis == "20 kg at 180 g/m²"
    unknown = grade(defects, 70_000, 1700, KNIT)
    assert (unknown.points, unknown.points_per_100_m2, unknown.grade) == (12, None, Grade.NOT_GRADED)
    assert unknown.reasons == ("the roll's weight in kg and its cloth's g/m² are not on record",)


def test_ticket_length_and_cuttable_width_by_hand() -> None:
    """Inspected 95 m of a roll, 5 m not seen; ticket 102 m; 1.50 m wide, of which 25 mm at each edge cannot be cut.

    10 defects of 1 point.  Over the ticket less what nobody saw: 97 m × 1.45 m = 140.65 m²: 7.1098 per 100 m².
    Over what was inspected at full width: 95 m × 1.5 m = 142.5 m²: 7.0175.
    """
    defects = [spot(i * 5000.0) for i in range(10)]
    basis = METRE.basis.model_copy(update={"width": "cuttable", "length": "ticket"})
    by_ticket = METRE.model_copy(update={"basis": basis})
    known = {"ticket_mm": 102_000.0, "uninspected_mm": 5000.0}
    outcome = grade(defects, 95_000, 1500, by_ticket, **known)
    assert outcome.points_per_100_m2 == pytest.approx(7.1098, abs=1e-4)
    assert "ticket length less what was not inspected" in outcome.basis
    assert "cuttable width: the mean less 25 mm at each edge" in outcome.basis
    measured = grade(defects, 95_000, 1500, by_ticket, cuttable_mm=1400.0, **known)
    assert measured.points_per_100_m2 == pytest.approx(10 * 100 / (97 * 1.4))
    assert grade(defects, 95_000, 1500, METRE, **known).points_per_100_m2 == pytest.approx(7.0175, abs=1e-4)
    lacking = grade(defects, 95_000, 1500, by_ticket)
    assert (lacking.grade, lacking.reasons) == (
        Grade.NOT_GRADED,
        ("the length by the supplier's ticket is not on record",),
    )


def test_the_three_rules_for_holes_in_metres_yards_and_cotton() -> None:
    """A pinhole of 2 mm, a hole of 20 mm, one of 40 mm: by size 2, 2, 4; any hole 4, 4, 4; but pinholes 1, 4, 4."""
    by_buyer = {
        (2, 2, 4): ("four-point", "four-point-cotton", "four-point-yard-holes-by-size"),
        (4, 4, 4): ("four-point-any-hole", "four-point-cotton-any-hole", "four-point-yard"),
        (1, 4, 4): ("four-point-but-pinholes", "four-point-cotton-but-pinholes", "four-point-yard-but-pinholes"),
    }
    holes = [Flagged(0, size, size, 500, is_hole=True) for size in (2.0, 20.0, 40.0)]
    for points, names in by_buyer.items():
        for name in names:
            assert tuple(defect_points(hole, RULES[name]) for hole in holes) == points, name


def test_the_width_of_the_web_where_a_defect_lies_says_whether_it_lies_at_the_edge() -> None:
    """The web narrows to 960 mm: a flaw 950 mm from the left lies within 25 mm of its right edge there."""
    defect = Flagged(0, 5, 10, 950, web_mm=960)
    assert grade([defect], 10_000, 1000, METRE).points == 0
    assert grade([Flagged(0, 5, 10, 950)], 10_000, 1000, METRE).points == 1


def test_every_point_is_explained_in_words() -> None:
    defects = [spot(500, 5000), spot(2500, 50), Flagged(7000, 9, 12, 500, is_hole=True), spot(8000, 3, across_mm=5)]
    said = [one.step for one in grade(defects, 20_000, 1000, METRE).explained]
    assert said == [
        "runs 5.00 m, 4 points for each of 5 intervals (metre)",
        "50.0 mm along, up to 75 mm: 1 point",
        "hole of 12.0 mm, up to 25 mm: 2 points",
        "lies wholly within 25 mm of an edge and does not count",
    ]
