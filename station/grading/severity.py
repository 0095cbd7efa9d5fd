"""This module says how grave a defect is, by the steps of a rule."""

from __future__ import annotations

from station.grading.points import defect_points
from station.grading.rule import GradingRule, SeverityStep
from station.grading.sizes import Flagged
from station.state.defect_kind import DefectKind
from station.state.grade import DefectSeverity


def severity_of(
    defect: Flagged, kind: DefectKind, rule: GradingRule, *, has_scale: bool = True
) -> DefectSeverity | None:
    """Return how grave a defect is; None where that turns on a size and there is no scale."""
    is_open = False
    for step in rule.severity:
        if step.kinds and kind not in step.kinds:
            continue
        if not has_scale and _asks_size(step):
            is_open = True
        elif _holds(step, defect, rule):
            return None if is_open else step.level
    return None if is_open else DefectSeverity.MINOR


def _asks_size(step: SeverityStep) -> bool:
    asked = (step.points_from, step.longest_from, step.area_from_mm2, step.within_edge)
    return any(value is not None for value in asked)


def _holds(step: SeverityStep, defect: Flagged, rule: GradingRule) -> bool:
    if step.points_from is not None and defect_points(defect, rule) < step.points_from:
        return False
    if step.longest_from is not None and max(defect.length_mm, defect.width_mm) < step.longest_from:
        return False
    if step.area_from_mm2 is not None and defect.area_mm2 < step.area_from_mm2:
        return False
    return step.within_edge is None or defect.lies_within(step.within_edge)
