"""This module grades a roll for its report, and says where each of its points comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from station.grading.points import Explained, Grading, grade
from station.grading.rule import GradingRule
from station.grading.shelf import RuleError, Shelf
from station.grading.sizes import Flagged, RollSize
from station.records.rows import DefectRow, RollRow, Verdict, number_words
from station.state.grade import Grade


@dataclass(frozen=True, slots=True)
class PointsSpan:
    """A span holds the stretch ``[from_m, to_m)`` in each interval of which a defect cost ``charged`` points, of which
    ``counted`` count."""

    from_m: float
    to_m: float
    charged: int
    counted: int


@dataclass(frozen=True, slots=True)
class PointsExplained:
    """An explanation says of one defect that counts where its points come from.

    Attributes:
        number: of the defect; it begins at ``at_m``.
        step: the step of the rule, in words.
        charged: points before the cap per interval; ``cap_took`` of them do not count, ``counted`` do.
        spans: the same, interval by interval.
        text: all that in one sentence.
    """

    number: int
    at_m: float
    step: str
    charged: int
    cap_took: int
    counted: int
    spans: tuple[PointsSpan, ...]
    text: str


@dataclass(frozen=True, slots=True)
class RollGrade:
    """The grade of a roll, with all that it follows from; figures are None without a scale or a rule.

    ``counted`` are the defects that count, ``basis`` the area that the points are of, ``explained`` has one entry for
    each of the counted, ``cap`` are the most points of one of them in an interval.
    """

    grade: Grade
    reasons: tuple[str, ...]
    rule: str
    points: int | None
    points_per_100_m2: float | None
    basis: str
    counted: tuple[DefectRow, ...]
    explained: tuple[PointsExplained, ...]
    cap: int | None = None

    @property
    def charged(self) -> dict[int, int]:
        """Give the points of each defect before the cap per interval, by its number."""
        return {one.number: one.charged for one in self.explained}


def grade_roll(roll: RollRow, rows: Sequence[DefectRow], lacks: Sequence[str], home: Path | None = None) -> RollGrade:
    """Grade a roll by its rejects that nobody marked as false alarms.

    Args:
        roll: the roll; rules of a version before these were on record are looked for by name.
        rows: its defects.
        lacks: what the records of the roll lack; it is then not graded.
        home: the home folder with the mill's own rules.
    """
    counted = tuple(row for row in rows if row.is_reject and row.verdict is not Verdict.FALSE_ALARM)
    rule, lacking = _rule(roll, home)
    label = roll.grading_rule if rule is None else rule.label
    if rule is None or roll.mm_per_line is None:
        made, why = None, lacking or "the recipe has no scale"
    else:
        made, why = grade([Flagged.of(row) for row in counted], _size(roll), rule), ""
    incomplete = roll.incomplete or ("rows of it are spoilt" if lacks else "")
    if incomplete:
        why = f"the record is incomplete ({incomplete})"
    return RollGrade(
        grade=Grade.NOT_GRADED if why or made is None else made.grade,
        reasons=(why,) if why or made is None else made.reasons,
        rule=label,
        points=None if made is None else made.points,
        points_per_100_m2=None if made is None else made.points_per_100_m2,
        basis="" if made is None else made.basis,
        counted=counted,
        explained=() if made is None else tuple(_explained(one, made) for one in made.explained),
        cap=None if made is None else made.rule.cap.per_defect,
    )


def _rule(roll: RollRow, home: Path | None) -> tuple[GradingRule | None, str]:
    """Return the rule of a roll; None, and why, if there is none."""
    if roll.grading.rule is not None or roll.grading.lacking:
        return roll.grading.rule, roll.grading.lacking
    try:
        return Shelf(home).find(roll.grading_rule), ""
    except RuleError as error:
        return None, str(error)


def _size(roll: RollRow) -> RollSize:
    along, across = roll.mm_per_line or 0.0, roll.mm_per_px
    known = roll.grading
    ticket_m = roll.identity.ticket_m
    return RollSize(
        inspected_mm=roll.ledger.lines_inspected * along,
        width_mm=None if roll.web_width_px is None or across is None else roll.web_width_px * across,
        uninspected_mm=roll.ledger.lines_uninspected * along,
        cuttable_mm=known.cuttable_mm,
        ticket_mm=None if ticket_m is None else ticket_m * 1000,
        weight_kg=known.weight_kg,
        grams_per_m2=known.grams_per_m2,
    )


def _explained(one: Explained, made: Grading) -> PointsExplained:
    metres = made.rule.interval / 1000
    spans = tuple(
        PointsSpan(span.first * metres, span.end * metres, span.charged, span.counted)
        for span in one.spans
        if span.charged
    )
    text = f"no {number_words(one.number)} at {one.position_mm / 1000:.3f} m: {one.step}"
    cut = [span for span in spans if span.counted < span.charged]
    if cut:
        word, cap = made.rule.interval_word, made.rule.cap.per_interval
        where = ", ".join(f"{span.from_m:.2f} to {span.to_m:.2f} m" for span in cut[:3]) + ", …" * (len(cut) > 3)
        text += f"; the cap of {cap} in each {word} took {one.cap_took} ({where})"
    return PointsExplained(
        number=one.number,
        at_m=one.position_mm / 1000,
        step=one.step,
        charged=one.charged,
        cap_took=one.cap_took,
        counted=one.counted,
        spans=spans,
        text=text,
    )
