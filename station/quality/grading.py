"""This module grades rolls by points, after the four-point system (ASTM D5430 family) and the ten-point system.

The rules are versioned data and state in numbers what the systems say in words; where practice differs by buyer (holes,
limits, yard or metre), the rule says what it uses.  Nothing here knows the database.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

INCH_MM = 25.4
YARD_MM = 914.4
PER_100_YD2 = 100 / (100 * 0.83612736)
"""Multiply points per 100 yd² by this factor to get points per 100 m²."""


class Grade(StrEnum):
    """A grade is the outcome of grading a roll."""

    PASS = "pass"
    REJECT = "reject"
    NOT_GRADED = "not graded"


@dataclass(frozen=True, slots=True)
class Step:
    """A step gives ``points`` to extents up to ``up_to_mm`` (inclusive), or up to ``width_share`` of the web's width if
    that is given."""

    points: int
    up_to_mm: float = math.inf
    width_share: float | None = None

    def holds(self, extent_mm: float, web_width_mm: float | None) -> bool:
        """Return True if a defect of this extent falls under the step."""
        if self.width_share is not None:
            return web_width_mm is None or extent_mm <= self.width_share * web_width_mm
        return extent_mm <= self.up_to_mm


@dataclass(frozen=True, slots=True)
class GradingRule:
    """A grading rule has a name and a version; a graded roll states both.

    Attributes:
        along, across: steps for the extent along (warp) and across (weft), smallest first; the
            direction with more points counts.
        hole: steps for holes, None where holes count as other defects.
        cap: maximum points per defect and per interval.
        interval_mm: the linear yard or metre, counted from the roll's start.
        edge_mm: defects that lie wholly within this distance of an edge of the web do not count.
        running_reject_mm: a defect longer than this rejects the roll.
        limit_per_100_m2: a roll with more points per 100 m² is rejected; if infinite, a roll with more points than
            intervals is rejected.
    """

    name: str
    version: int
    along: tuple[Step, ...]
    across: tuple[Step, ...]
    cap: int
    interval_mm: float
    edge_mm: float
    running_reject_mm: float
    limit_per_100_m2: float
    hole: tuple[Step, ...] | None = None
    source: str = ""

    @property
    def label(self) -> str:
        """Give name and version."""
        return f"{self.name} v{self.version}"


FOUR_POINT_STEPS = (Step(1, 75.0), Step(2, 150.0), Step(3, 230.0), Step(4))
HOLES_BY_SIZE = (Step(2, 25.0), Step(4))
ANY_HOLE = (Step(4),)

_FOUR_POINT = GradingRule(
    name="four-point",
    version=1,
    along=FOUR_POINT_STEPS,
    across=FOUR_POINT_STEPS,
    cap=4,
    interval_mm=1000.0,
    edge_mm=25.0,
    running_reject_mm=10 * YARD_MM,
    limit_per_100_m2=40 * PER_100_YD2,
    hole=HOLES_BY_SIZE,
    source="ASTM D5430 family, metric; holes to 25 mm 2 points, larger 4; limit 40 points per 100 yd²",
)

RULES: dict[str, GradingRule] = {
    rule.name: rule
    for rule in (
        _FOUR_POINT,
        GradingRule(
            name="four-point-yard",
            version=1,
            along=(Step(1, 3 * INCH_MM), Step(2, 6 * INCH_MM), Step(3, 9 * INCH_MM), Step(4)),
            across=(Step(1, 3 * INCH_MM), Step(2, 6 * INCH_MM), Step(3, 9 * INCH_MM), Step(4)),
            cap=4,
            interval_mm=YARD_MM,
            edge_mm=INCH_MM,
            running_reject_mm=10 * YARD_MM,
            limit_per_100_m2=40 * PER_100_YD2,
            hole=ANY_HOLE,
            source="ASTM D5430 family, inches and yards; any hole 4 points; limit 40 points per 100 yd²",
        ),
        GradingRule(
            name="four-point-cotton",
            version=1,
            along=FOUR_POINT_STEPS,
            across=FOUR_POINT_STEPS,
            cap=4,
            interval_mm=1000.0,
            edge_mm=25.0,
            running_reject_mm=10 * YARD_MM,
            limit_per_100_m2=28 * PER_100_YD2,
            hole=HOLES_BY_SIZE,
            source="ASTM D5430 family, metric; limit 28 points per 100 yd² for a roll of cotton",
        ),
        GradingRule(
            name="ten-point",
            version=1,
            along=(Step(1, INCH_MM), Step(3, 5 * INCH_MM), Step(5, 10 * INCH_MM), Step(10)),
            across=(Step(1, INCH_MM), Step(3, 5 * INCH_MM), Step(5, width_share=0.5), Step(10)),
            cap=10,
            interval_mm=YARD_MM,
            edge_mm=INCH_MM,
            running_reject_mm=10 * YARD_MM,
            limit_per_100_m2=math.inf,
            source="ten-point system; a roll passes while its points do not exceed its yards",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Flagged:
    """A flagged defect holds what grading needs: lengths in mm; ``across_mm`` is the distance of its middle from the
    web's left edge."""

    position_mm: float
    length_mm: float
    width_mm: float
    across_mm: float
    is_hole: bool = False


@dataclass(frozen=True, slots=True)
class Grading:
    """A grading holds the points of a roll.  ``charged`` are the points of each defect before the cap per interval, in
    the order given; ``reasons`` say why a roll is rejected or not graded."""

    rule: GradingRule
    points: int
    charged: tuple[int, ...]
    points_per_100_m2: float | None
    grade: Grade
    reasons: tuple[str, ...]


def rule_named(name: str) -> GradingRule:
    """Return the rule with that name.  Raises ValueError with the known names if there is none."""
    if name not in RULES:
        raise ValueError(f"There is no grading rule {name!r}; known rules: {', '.join(RULES)}.")
    return RULES[name]


def label_of(name: str) -> str:
    """Return a rule's name for people; of a rule that is unknown here, its own."""
    return RULES[name].label if name in RULES else name


def defect_points(defect: Flagged, rule: GradingRule, web_width_mm: float | None) -> int:
    """Return the points of one defect alone, within one interval: 0 at the edge, else those of the direction with more
    points."""
    if _at_edge(defect, rule, web_width_mm):
        return 0
    if defect.is_hole and rule.hole is not None:
        return _by_steps(max(defect.length_mm, defect.width_mm), rule.hole, web_width_mm)
    along = _by_steps(defect.length_mm, rule.along, web_width_mm)
    return min(rule.cap, max(along, _by_steps(defect.width_mm, rule.across, web_width_mm)))


def grade(defects: Sequence[Flagged], inspected_mm: float, web_width_mm: float | None, rule: GradingRule) -> Grading:
    """Grade a roll.

    A defect longer than one interval is continuous: it gets the cap for every interval that it fills or begins, counted
    from where the defect starts.  Points per area are over the inspected length only.

    Args:
        defects: rejects that were not marked as false alarms.
        inspected_mm: inspected length; uninspected cloth is excluded and must be stated beside the grade.
        web_width_mm: mean width inspected, None if unknown (then no points per area, and defects at the right edge
            count).
        rule: the rule.
    """
    bins: dict[int, int] = {}
    charged = []
    for defect in defects:
        points = _charge(defect, rule, web_width_mm)
        charged.append(sum(points.values()))
        for place, cost in points.items():
            bins[place] = min(rule.cap, bins.get(place, 0) + cost)
    total = sum(bins.values())
    area_m2 = inspected_mm * (web_width_mm or 0.0) / 1e6
    rate = 100 * total / area_m2 if area_m2 > 0 else None
    outcome, reasons = _judge(defects, total, rate, inspected_mm, rule, web_width_mm)
    return Grading(rule, total, tuple(charged), rate, outcome, reasons)


def _charge(defect: Flagged, rule: GradingRule, web_width_mm: float | None) -> dict[int, int]:
    points = defect_points(defect, rule, web_width_mm)
    first = math.floor(defect.position_mm / rule.interval_mm)
    if points == 0:
        return {}
    if defect.length_mm <= rule.interval_mm:
        return {first: points}
    return {first + i: rule.cap for i in range(math.ceil(defect.length_mm / rule.interval_mm))}


def _judge(
    defects: Iterable[Flagged],
    points: int,
    rate: float | None,
    inspected_mm: float,
    rule: GradingRule,
    web_width_mm: float | None,
) -> tuple[Grade, tuple[str, ...]]:
    reasons = []
    if inspected_mm <= 0:
        return Grade.NOT_GRADED, ("nothing was inspected",)
    counted = [defect for defect in defects if not _at_edge(defect, rule, web_width_mm)]
    longest = max((defect.length_mm for defect in counted), default=0.0)
    if longest > rule.running_reject_mm:
        reasons.append(f"a defect runs {longest / 1000:.1f} m, more than {rule.running_reject_mm / 1000:.1f} m")
    if math.isinf(rule.limit_per_100_m2):
        if points > inspected_mm / rule.interval_mm:
            reasons.append(f"{points} points on {inspected_mm / rule.interval_mm:.1f} intervals of the rule")
    elif rate is None:
        return (Grade.REJECT, tuple(reasons)) if reasons else (Grade.NOT_GRADED, ("the web's width is not known",))
    elif rate > rule.limit_per_100_m2:
        reasons.append(f"{rate:.1f} points per 100 m², more than {rule.limit_per_100_m2:.1f}")
    return (Grade.REJECT if reasons else Grade.PASS), tuple(reasons)


def _at_edge(defect: Flagged, rule: GradingRule, web_width_mm: float | None) -> bool:
    """Return True if the defect lies wholly within the margin of one edge."""
    half = defect.width_mm / 2
    if defect.across_mm + half <= rule.edge_mm:
        return True
    return web_width_mm is not None and defect.across_mm - half >= web_width_mm - rule.edge_mm


def _by_steps(extent_mm: float, steps: Sequence[Step], web_width_mm: float | None) -> int:
    return next(step.points for step in steps if step.holds(extent_mm, web_width_mm))
