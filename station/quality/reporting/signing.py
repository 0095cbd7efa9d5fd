"""This module says whether a report may be signed: not while a critical finding is unreviewed.

A finding is critical where its severity on record says so; where none is on record, if the grading rule charges it with
the most points that one defect can have.  Without points, as without a scale, a running defect is not told from a spot,
so every finding is to be reviewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from station.local_time import dated
from station.quality.reporting.rows import ReportDefect
from station.records.rows import SignatureRow, Verdict, number_words

CRITICAL = "critical"


def hold_up(defects: Sequence[ReportDefect], cap: int | None) -> tuple[int, ...]:
    """Return the numbers of the critical findings that nobody has reviewed, by position along the roll; ``cap`` are the
    most points of one defect, None where there are no points."""
    return tuple(
        one.number for one in defects if one.counts and one.verdict != Verdict.CONFIRMED and _is_critical(one, cap)
    )


def _is_critical(one: ReportDefect, cap: int | None) -> bool:
    if one.severity:
        return one.severity == CRITICAL
    return cap is None or one.points is None or one.points >= cap


@dataclass(frozen=True, slots=True)
class ReportSignature:
    """A signature says who signed the report and when; ``stands`` if it said then what it says now: a review that
    changes the grade or the counts afterwards asks for another."""

    by: str
    at: datetime
    said: str
    stands: bool

    @classmethod
    def of(cls, row: SignatureRow, says_now: str) -> ReportSignature:
        """Make it of a row on record."""
        return cls(row.by, row.at, row.said, row.said == says_now)

    def __str__(self) -> str:
        """Say it in words for people."""
        changed = "" if self.stands else f" when it said: {self.said}; it says something else now"
        return f"by {self.by}, {dated(self.at)}{changed}"


def signing_words(waiting: Sequence[int], most: int = 12) -> str:
    """Say what keeps the report from being signed, '' if nothing does."""
    if not waiting:
        return ""
    shown = ", ".join(f"no {number_words(number)}" for number in waiting[:most])
    more = f" and {len(waiting) - most} more" if len(waiting) > most else ""
    findings = "finding is" if len(waiting) == 1 else "findings are"
    return f"NOT TO BE SIGNED: {len(waiting)} critical {findings} not reviewed ({shown}{more})."
