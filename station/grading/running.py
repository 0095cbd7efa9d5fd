"""This module keeps the grade of the open roll up to date, event by event, without reading anything again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from station.contract import Defect, DefectChanged, Event, RollEnded, RowJudged, StretchClosed
from station.grading.points import Tally, judge
from station.grading.rule import GradingRule
from station.grading.sizes import Flagged, RollSize, area
from station.state.defect_kind import DefectKind
from station.state.grade import Grade, RunningGrade


class RunningGrader:
    """The grader follows one roll; at the roll's end its grade is the grade of the report.

    To hear an event takes as long however many defects the roll has.  All methods may be called from any thread.

    Args:
        rule: the rule, None where none can be had, for the reason ``lacking``.
        mm_per_px, mm_per_line: the roll's scale across and along, None without one.
        given: what people know of the roll's size (ticket, weight, width to be cut).
        target_mm: the length the roll is to have, None where none is set.
    """

    def __init__(
        self,
        rule: GradingRule | None,
        mm_per_px: float | None,
        mm_per_line: float | None,
        *,
        lacking: str = "",
        given: RollSize | None = None,
        target_mm: float | None = None,
    ) -> None:
        self.rule = rule
        self._mm_per_px = mm_per_px
        self._mm_per_line = mm_per_line
        self._lacking = lacking
        self._given = given or RollSize(0.0, None)
        self._target_mm = target_mm
        self._tally = None if rule is None or mm_per_line is None else Tally(rule)
        self._defects: dict[int, Flagged] = {}
        self._kinds: dict[int, DefectKind] = {}
        self._false_alarms: frozenset[int] = frozenset()
        self._inspected = 0
        self._uninspected = 0
        self._judged_lines = 0
        self._judged_line_px = 0
        self._lock = threading.Lock()

    @property
    def has_scale(self) -> bool:
        """Say whether sizes are in mm."""
        return self._mm_per_line is not None

    @property
    def said(self) -> frozenset[int]:
        """Give the defects whose kind, or that they are false alarms, follows the word of persons."""
        with self._lock:
            return self._false_alarms | self._kinds.keys()

    def take_up(self, inspected: int, uninspected: int, judged_lines: int, judged_line_px: int) -> None:
        """Begin with what is on record of the roll: its lines, and the lines judged times their width in px."""
        with self._lock:
            self._inspected = inspected
            self._uninspected = uninspected
            self._judged_lines = judged_lines
            self._judged_line_px = judged_line_px

    def correct(self, defects: Iterable[Flagged]) -> None:
        """Take defects as they are on record, which people may have changed or added."""
        with self._lock:
            if self._tally is not None:
                for defect in defects:
                    self._defects[defect.number] = defect
                    self._put(defect.number)

    def hear(self, event: Event) -> None:
        """Take what the line tells."""
        with self._lock:
            match event:
                case DefectChanged():
                    self._see(event.defect)
                case StretchClosed():
                    lines = event.stretch.end_line - event.stretch.first_line
                    if event.stretch.inspected:
                        self._inspected += lines
                    else:
                        self._uninspected += lines
                case RowJudged() if event.width_px > 0:
                    lines = event.end_line - event.first_line
                    self._judged_lines += lines
                    self._judged_line_px += lines * event.width_px
                case RollEnded():
                    self._inspected = event.ledger.lines_inspected
                    self._uninspected = event.ledger.lines_uninspected
                case _:
                    pass

    def false_alarms(self, numbers: Iterable[int]) -> None:
        """Say which defects persons have marked as false alarms by now; these do not count."""
        with self._lock:
            before = self._false_alarms
            self._false_alarms = frozenset(numbers)
            for number in before ^ self._false_alarms:
                self._put(number)

    def kinds(self, said: Mapping[int, DefectKind]) -> None:
        """Say which defects are of what kind by the word of persons by now, whatever the line tells of them."""
        with self._lock:
            before = self._kinds
            self._kinds = dict(said)
            for number in before.keys() | self._kinds.keys():
                self._put(number)

    def give(self, given: RollSize, target_mm: float | None) -> None:
        """Take what people know of the roll's size, and the length it is to have."""
        with self._lock:
            self._given = given
            self._target_mm = target_mm

    def grade(self, lacking: str = "") -> RunningGrade:
        """Return the grade so far; ``lacking`` says what of the roll is not on record, so that it cannot be graded."""
        with self._lock:
            inspected_mm = None if self._mm_per_line is None else self._inspected * self._mm_per_line
            label = "" if self.rule is None else self.rule.label
            target_m = None if self._target_mm is None else self._target_mm / 1000
            inspected_m = None if inspected_mm is None else inspected_mm / 1000
            bare = RunningGrade(label, inspected_m=inspected_m, target_m=target_m)
            if self.rule is None or self._tally is None or inspected_mm is None:
                return replace(bare, reasons=(self._lacking or "the recipe has no scale",))
            size = self._size(inspected_mm)
            outcome, reasons, rate, _ = judge(self._tally, size, self.rule)
            points = self._tally.points
            limit = None if self.rule.limit is None else self.rule.limit.in_100_m2
            projected, left = self._projected(points, size)
            return replace(
                bare,
                points=points,
                points_per_100_m2=rate,
                limit_per_100_m2=limit,
                grade=Grade.NOT_GRADED if lacking else outcome,
                reasons=(lacking,) if lacking else reasons,
                projected_points=projected,
                points_left=left,
            )

    def _see(self, defect: Defect) -> None:
        if self._tally is None:
            return
        if defect.is_reject and defect.merged_into is None:
            self._defects[defect.number] = Flagged.of(defect)
        else:
            self._defects.pop(defect.number, None)
        self._put(defect.number)

    def _put(self, number: int) -> None:
        if self._tally is not None:
            defect = None if number in self._false_alarms else self._defects.get(number)
            if defect is not None and number in self._kinds:
                defect = replace(defect, is_hole=self._kinds[number] is DefectKind.HOLE)
            self._tally.put(number, defect)

    def _size(self, inspected_mm: float) -> RollSize:
        width_px = self._judged_line_px / self._judged_lines if self._judged_lines else None
        return replace(
            self._given,
            inspected_mm=inspected_mm,
            uninspected_mm=self._uninspected * (self._mm_per_line or 0.0),
            width_mm=None if width_px is None or self._mm_per_px is None else width_px * self._mm_per_px,
        )

    def _projected(self, points: int, size: RollSize) -> tuple[float | None, float | None]:
        """Return the points at the target length if the cloth goes on so, and how many more there may be by then."""
        assert self.rule is not None
        target_mm = self._target_mm
        if target_mm is None or size.inspected_mm <= 0:
            return None, None
        goal_mm = max(target_mm, size.inspected_mm)
        projected = points * goal_mm / size.inspected_mm
        limit = self.rule.limit
        if limit is not None and limit.per_interval is not None:
            return projected, limit.per_interval * goal_mm / self.rule.interval - points
        area_m2 = _area_at(goal_mm, size, self.rule)
        if limit is None or limit.in_100_m2 is None or area_m2 is None:
            return projected, None
        return projected, limit.in_100_m2 * area_m2 / 100 - points


def _area_at(length_mm: float, size: RollSize, rule: GradingRule) -> float | None:
    """Return the area in m² of the roll at its target length; that by weight is the roll's own."""
    return area(replace(size, inspected_mm=length_mm, ticket_mm=length_mm, uninspected_mm=0.0), rule)[0]
