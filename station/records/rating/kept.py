"""This module keeps grading rules and the grades of ended rolls on record, inside a write transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from station.grading.points import grade
from station.grading.rule import GradingRule
from station.grading.severity import severity_of
from station.grading.sizes import Flagged, RollSize
from station.records.rating.reading import parsed
from station.records.rating.tables import RollGradingTable, RuleTable
from station.records.reading.values import SpoiltRowError, Values, as_they_lie
from station.records.rows import Verdict
from station.records.schema import DefectTable, RollTable, now
from station.state.defect_kind import DefectKind
from station.state.grade import Grade

BROKEN_OFF = "broken off"

log = logging.getLogger("station.records")


@dataclass(frozen=True, slots=True)
class CountedDefect:
    """A counted defect is a reject on record that nobody marked as a false alarm, with what grading asks of it."""

    number: int
    position_mm: float
    length_mm: float
    width_mm: float
    area_mm2: float
    across_mm: float
    web_mm: float | None
    kind: DefectKind
    said_kind: DefectKind | None
    closed: bool


def rule_row(session: Session, rule: GradingRule) -> tuple[RuleTable, bool]:
    """Return the row of a rule's name and version, put there if it is missing, and whether it holds that very rule.

    A version that rolls were graded by is never changed: where it differs, the one on record stands.
    """
    query = select(RuleTable).where(RuleTable.name == rule.name, RuleTable.version == rule.version)
    row = session.scalar(query)
    if row is None:
        row = RuleTable(name=rule.name, version=rule.version, body=rule.model_dump_json(), created_at=now())
        session.add(row)
        session.flush()
    return row, parsed(row.body) == rule


def rule_of(session: Session, roll_id: int) -> GradingRule | None:
    """Return the rule on record that a roll is graded by; None if there is none, or it is spoilt."""
    query = select(RuleTable.body).join(RollGradingTable, RollGradingTable.rule_id == RuleTable.id)
    body = session.scalar(query.where(RollGradingTable.roll_id == roll_id))
    try:
        return None if body is None else parsed(body)
    except ValidationError:
        log.warning("the grading rule of roll number %d is spoilt", roll_id)
        return None


def rate(session: Session, row: DefectTable) -> None:
    """Give a defect on record, such as one that a person put there, the severity that its roll's rule gives it."""
    rule = rule_of(session, row.roll_id)
    row.severity = None
    if rule is not None and row.is_reject and row.merged_into is None:
        has_scale = session.get_one(RollTable, row.roll_id).mm_per_line is not None
        severity = severity_of(Flagged.of(row), DefectKind(row.kind), rule, has_scale=has_scale)
        row.severity = None if severity is None else str(severity)


def counted_defects(session: Session, roll_id: int) -> Iterator[CountedDefect]:
    """Yield the defects that count for a roll's grade.  Raises SpoiltRowError."""
    query = (
        select(*as_they_lie(DefectTable))
        .where(DefectTable.roll_id == roll_id, DefectTable.is_reject.is_not(False))
        .where(or_(DefectTable.merged_into.is_(None), DefectTable.merged_into > 2**62))
        .where(or_(DefectTable.verdict.is_(None), DefectTable.verdict != str(Verdict.FALSE_ALARM)))
    )
    for row in session.execute(query):
        value = Values(row, "defect", row.id)
        yield CountedDefect(
            number=value.whole("number"),
            position_mm=value.number("position_mm"),
            length_mm=value.number("length_mm"),
            width_mm=value.number("width_mm"),
            area_mm2=value.number("area_mm2"),
            across_mm=value.number("across_mm"),
            web_mm=value.number_or_none("web_mm"),
            kind=value.one_of("kind", DefectKind),
            said_kind=value.one_of("kind", DefectKind) if row.kind_found is not None else None,
            closed=value.flag("closed"),
        )


def size_of(roll: RollTable, known: RollGradingTable | None) -> RollSize:
    """Return the size of a roll on record."""
    along, across = roll.mm_per_line or 0.0, roll.mm_per_px
    width_px = roll.judged_line_px / roll.judged_lines if roll.judged_lines else None
    return RollSize(
        inspected_mm=roll.lines_inspected * along,
        width_mm=None if width_px is None or across is None else width_px * across,
        uninspected_mm=roll.lines_uninspected * along,
        cuttable_mm=None if known is None else known.cuttable_mm,
        ticket_mm=None if roll.ticket_m is None else roll.ticket_m * 1000,
        weight_kg=None if known is None else known.weight_kg,
        grams_per_m2=None if known is None else known.grams_per_m2,
    )


def keep_grade(session: Session, roll_id: int) -> None:
    """Put the grade of a roll that has ended on record, as its defects and their reviews have it now.

    A roll that is open, or of a version before rules were on record, is left as it is.  One that is not wholly on
    record, or was resumed after a crash, is not graded.
    """
    roll = session.get(RollTable, roll_id)
    known = session.get(RollGradingTable, roll_id) if roll is not None and roll.ended_how != "" else None
    if roll is None or known is None:
        return
    session.flush()
    known.points = None
    known.points_per_100_m2 = None
    known.grade = str(Grade.NOT_GRADED)
    rule = rule_of(session, roll_id)
    if rule is None or roll.mm_per_line is None:
        return
    try:
        made = grade([Flagged.of(one) for one in counted_defects(session, roll_id)], size_of(roll, known), rule)
    except SpoiltRowError as error:
        log.warning("roll number %d is not graded: %s", roll_id, error)
        return
    known.points = made.points
    known.points_per_100_m2 = made.points_per_100_m2
    if roll.ended_how != BROKEN_OFF and not roll.events_lost and not roll.resumed:
        known.grade = str(made.grade)


def drop_grade(session: Session, roll_id: int) -> None:
    """Take the grade of a roll off the record that is open again."""
    known = session.get(RollGradingTable, roll_id)
    if known is not None:
        known.points = None
        known.points_per_100_m2 = None
        known.grade = None
