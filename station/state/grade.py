"""This module holds what is said of a roll's worth and of a defect's gravity: plain immutable data and words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """A grade is the outcome of grading a roll."""

    PASS = "pass"
    REJECT = "reject"
    NOT_GRADED = "not graded"


class DefectSeverity(StrEnum):
    """The severity says how grave a defect is for whoever buys the cloth, the least first."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class RunningGrade:
    """The running grade is what the open roll is worth so far; at its end it is the roll's grade.

    Attributes:
        rule: name and version of the rule, '' where there is none.
        points: so far; None without a rule or a scale.
        points_per_100_m2, limit_per_100_m2: so far, and from which the rule rejects a roll; None where not known.
        grade, reasons: what the roll would be graded if it ended now, and why it is rejected or not graded.
        inspected_m: the length inspected so far.
        target_m: the length the roll is to have, None where none is set.
        projected_points: at that length, if the cloth goes on as it was so far.
        points_left: so many more points the roll may have at that length before it is rejected (negative: too many
            already).
    """

    rule: str = ""
    points: int | None = None
    points_per_100_m2: float | None = None
    limit_per_100_m2: float | None = None
    grade: Grade = Grade.NOT_GRADED
    reasons: tuple[str, ...] = ()
    inspected_m: float | None = None
    target_m: float | None = None
    projected_points: float | None = None
    points_left: float | None = None
