"""This module counts the points of a roll by a rule, and grades it.

A tally takes defects one by one, lets them grow and withdraws them, so that the open roll has its points at any moment;
what it says does not depend on the order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from station.grading.rule import GradingRule, Step
from station.grading.sizes import Flagged, RollSize, area, graded_length_mm
from station.state.grade import Grade


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge is what one defect costs: ``points`` for each interval of ``[first, end)``, for the reason ``why``."""

    first: int
    end: int
    points: int
    why: str

    @property
    def total(self) -> int:
        """Give the points in all, before the cap per interval."""
        return self.points * (self.end - self.first)


@dataclass(frozen=True, slots=True)
class Span:
    """A span holds intervals ``[first, end)`` in each of which a defect costs and counts the same."""

    first: int
    end: int
    charged: int
    counted: int


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation says of one defect where its points come from.

    Attributes:
        number: of the defect; ``position_mm`` is where it begins.
        step: the rule's step, in words.
        charged, counted: points before and after the cap per interval.
        spans: the same, interval by interval.
    """

    number: int
    position_mm: float
    step: str
    charged: int
    counted: int
    spans: tuple[Span, ...]

    @property
    def cap_took(self) -> int:
        """Give how many of its points the cap per interval took away."""
        return self.charged - self.counted


@dataclass(frozen=True, slots=True)
class Grading:
    """A grading holds the points of a roll.

    Attributes:
        points: in all; ``intervals`` has them by the number of the interval (metre or yard, from 0).
        points_per_100_m2: over the area of the rule's basis, None where that is not known.
        reasons: why the roll is rejected or not graded.
        basis: which area that is, in words.
        explained: of each defect, in the order given.
    """

    rule: GradingRule
    points: int
    intervals: dict[int, int]
    points_per_100_m2: float | None
    grade: Grade
    reasons: tuple[str, ...]
    basis: str
    explained: tuple[Explained, ...]


def defect_points(defect: Flagged, rule: GradingRule) -> int:
    """Return the points of one defect alone, within one interval."""
    return _stepped(defect, rule)[0]


def charge(defect: Flagged, rule: GradingRule) -> Charge:
    """Return what one defect costs before the cap per interval.

    A continuous one costs for every interval that it fills or begins, counted from where it starts.
    """
    points, why = _stepped(defect, rule)
    first = math.floor(defect.position_mm / rule.interval)
    if points and defect.length_mm > rule.running.longer_than:
        number = math.ceil(defect.length_mm / rule.interval)
        each = f"{rule.running.points} points for each of {number} intervals ({rule.interval_word})"
        return Charge(first, first + number, rule.running.points, f"runs {defect.length_mm / 1000:.2f} m, {each}")
    return Charge(first, first + 1, points, why)


class Tally:
    """The tally counts the points of defects by their numbers; each may change or go again.

    A change takes as long however many defects there are.
    """

    def __init__(self, rule: GradingRule) -> None:
        self._rule = rule
        self._charges: dict[int, Charge] = {}
        self._sums: dict[int, int] = {}
        self._over: dict[int, float] = {}
        self.points = 0
        """These are the points so far, with the cap per interval."""

    def put(self, number: int, defect: Flagged | None) -> None:
        """Count a defect as it is now, in place of what it was before; None: it counts no more."""
        old = self._charges.pop(number, None)
        if old is not None:
            self._add(old, -1)
        self._over.pop(number, None)
        if defect is None:
            return
        new = charge(defect, self._rule)
        self._charges[number] = new
        self._add(new, 1)
        reject_over = self._rule.running.reject_over
        if reject_over is not None and new.points and defect.length_mm > reject_over:
            self._over[number] = defect.length_mm

    def _add(self, cost: Charge, sign: int) -> None:
        if not cost.points:
            return
        cap = self._rule.cap.per_interval
        for interval in range(cost.first, cost.end):
            before = self._sums.get(interval, 0)
            after = before + sign * cost.points
            self.points += min(cap, after) - min(cap, before)
            if after:
                self._sums[interval] = after
            else:
                del self._sums[interval]

    @property
    def longest_mm(self) -> float:
        """Give the length of the longest defect that alone rejects the roll, 0 where there is none."""
        return max(self._over.values(), default=0.0)

    def intervals(self) -> dict[int, int]:
        """Return the points of each interval that has any, in order."""
        return {place: min(self._rule.cap.per_interval, self._sums[place]) for place in sorted(self._sums)}


def grade(defects: Sequence[Flagged], size: RollSize, rule: GradingRule) -> Grading:
    """Grade a roll by its defects: those that count, each once."""
    known = [replace(one, web_mm=size.width_mm) if one.web_mm is None else one for one in defects]
    tally = Tally(rule)
    for place, defect in enumerate(known):
        tally.put(place, defect)
    outcome, reasons, rate, basis = judge(tally, size, rule)
    explained = tuple(_explained(known, rule))
    return Grading(rule, tally.points, tally.intervals(), rate, outcome, reasons, basis, explained)


def judge(tally: Tally, size: RollSize, rule: GradingRule) -> tuple[Grade, tuple[str, ...], float | None, str]:
    """Return the grade of what was counted, why, the points per 100 m², and in words of which area these are."""
    area_m2, basis = area(size, rule)
    points = tally.points
    rate = 100 * points / area_m2 if area_m2 else None
    if size.inspected_mm <= 0:
        return Grade.NOT_GRADED, ("nothing was inspected",), rate, basis
    reasons = []
    if tally.longest_mm:
        most = (rule.running.reject_over or 0.0) / 1000
        reasons.append(f"a defect runs {tally.longest_mm / 1000:.1f} m, more than {most:.1f} m")
    if rule.limit is not None and rule.limit.per_interval is not None:
        length_mm = graded_length_mm(size, rule)
        if length_mm is None:
            return _without(basis, reasons, rate)
        number = length_mm / rule.interval
        if points > rule.limit.per_interval * number:
            reasons.append(f"{points} points on {number:.1f} intervals of the rule ({rule.interval_word})")
    elif rule.limit is not None and rule.limit.in_100_m2 is not None:
        if rate is None:
            return _without(basis, reasons, rate)
        if rate > rule.limit.in_100_m2:
            reasons.append(f"{rate:.1f} points per 100 m², more than {rule.limit.in_100_m2:.1f}")
    return (Grade.REJECT if reasons else Grade.PASS), tuple(reasons), rate, basis


def _without(lacking: str, reasons: list[str], rate: float | None) -> tuple[Grade, tuple[str, ...], float | None, str]:
    """Return the outcome where the limit cannot be held against the points, as something is lacking."""
    return (Grade.REJECT if reasons else Grade.NOT_GRADED), tuple(reasons or [lacking]), rate, lacking


def _stepped(defect: Flagged, rule: GradingRule) -> tuple[int, str]:
    """Return a defect's points within one interval, and the step that gives them."""
    if defect.lies_within(rule.edge):
        return 0, f"lies wholly within {rule.edge:g} mm of an edge and does not count"
    longest = max(defect.length_mm, defect.width_mm)
    if defect.is_hole and rule.holes is not None and longest > rule.holes.pinhole:
        points, step = _by_steps(longest, rule.holes.steps, defect.web_mm)
        why = f"hole of {longest:.1f} mm, {step}"
    else:
        along, along_step = _by_steps(defect.length_mm, rule.along, defect.web_mm)
        points, step = _by_steps(defect.width_mm, rule.across, defect.web_mm)
        why = f"{defect.width_mm:.1f} mm across, {step}"
        if along > points or (along == points and defect.length_mm >= defect.width_mm):
            points, why = along, f"{defect.length_mm:.1f} mm along, {along_step}"
        if defect.is_hole and rule.holes is not None:
            why = f"pinhole, as other defects: {why}"
    if points > rule.cap.per_defect:
        return rule.cap.per_defect, f"{why}: {points} points, of which one defect costs at most {rule.cap.per_defect}"
    return points, f"{why}: {points} point{'' if points == 1 else 's'}"


def _by_steps(extent_mm: float, steps: Sequence[Step], web_mm: float | None) -> tuple[int, str]:
    """Return the points of the step that holds an extent, and the step in words."""
    place = next(place for place, step in enumerate(steps) if step.holds(extent_mm, web_mm))
    step = steps[place]
    if not step.is_open:
        return step.points, f"up to {step.reach}"
    return step.points, f"over {steps[place - 1].reach}" if place else "of any size"


def _explained(defects: Sequence[Flagged], rule: GradingRule) -> Iterator[Explained]:
    """Yield each defect's explanation, in the order given.

    Within an interval the cap takes from the defects that begin last.
    """
    order = sorted(range(len(defects)), key=lambda place: (defects[place].position_mm, defects[place].number))
    left: dict[int, int] = {}
    made: dict[int, Explained] = {}
    for place in order:
        defect, cost = defects[place], charge(defects[place], rule)
        counted = []
        for interval in range(cost.first, cost.end):
            room = left.get(interval, rule.cap.per_interval)
            counted.append(min(room, cost.points))
            left[interval] = room - counted[-1]
        spans = tuple(_spans(cost, counted))
        made[place] = Explained(defect.number, defect.position_mm, cost.why, cost.total, sum(counted), spans)
    return (made[place] for place in range(len(defects)))


def _spans(cost: Charge, counted: Iterable[int]) -> Iterator[Span]:
    """Yield the intervals of a charge, neighbours alike as one."""
    span: Span | None = None
    for interval, points in enumerate(counted, start=cost.first):
        if span is not None and span.counted == points:
            span = replace(span, end=interval + 1)
            continue
        if span is not None:
            yield span
        span = Span(interval, interval + 1, cost.points, points)
    if span is not None:
        yield span
