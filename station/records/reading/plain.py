"""This module makes plain rows of database rows, each value looked at; all raise SpoiltRowError where one is spoilt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, func, select, type_coerce
from sqlalchemy.types import NullType

from station.contract import DefectKind, Ledger, UninspectedReason
from station.recipe.names import tidy
from station.records.rating.reading import GRADING_COLUMNS, grading_row
from station.records.rating.tables import RollGradingTable, RuleTable
from station.records.reading.values import Values, as_they_lie
from station.records.roll_life.identity import COLUMNS
from station.records.roll_life.marks import MarkRow
from station.records.rolls import BROKEN_OFF
from station.records.rows import DefectRow, RecipeRow, RollFilter, RollRow, SignatureRow, StretchRow, Verdict
from station.records.schema import FabricTable, RecipeTable, RollTable
from station.state.defect import DefectSeverity, Look
from station.state.roll import MEASURES, WORDS, MarkKind, RollIdentity


class Counts(NamedTuple):
    """The numbers of a roll's defects: found by the station, of these rejects, confirmed and false alarms; missed."""

    defects: int = 0
    rejects: int = 0
    confirmed: int = 0
    false_alarms: int = 0
    missed: int = 0


RECIPE_PARTS = ("version", "threshold", "body")


def defect_row(row: Row[Any], home: Path) -> DefectRow:
    """Return a defect; its pictures lie under ``home``."""
    value = Values(row, "defect", row.id)
    value.whole_or_none("merged_into")
    own = value.number_or_none("threshold")
    if own is not None and own <= 0:
        raise value.spoilt("threshold", "is no threshold")
    crop, heat = value.text_or_none("crop_file"), value.text_or_none("heat_file")
    return DefectRow(
        id=value.whole("id"),
        roll_id=value.whole("roll_id"),
        roll=row.roll,
        fabric=row.fabric,
        number=value.whole("number"),
        first_line=value.whole("first_line"),
        end_line=value.whole("end_line"),
        first_px=value.whole("first_px"),
        end_px=value.whole("end_px"),
        length_mm=value.number("length_mm"),
        width_mm=value.number("width_mm"),
        area_mm2=value.number("area_mm2"),
        position_mm=value.number("position_mm"),
        across_mm=value.number("across_mm"),
        score=value.number("score"),
        threshold=row.recipe_threshold if own is None else own,
        unit="px" if row.mm_per_px is None else "mm",
        kind=value.one_of("kind", DefectKind),
        is_reject=value.flag("is_reject"),
        piece=value.text_or_none("piece"),
        found_at=value.time("found_at"),
        crop_file=None if crop is None else home / crop,
        heat_file=None if heat is None else home / heat,
        verdict=value.one_of_or_none("verdict", Verdict),
        reviewed_by=value.text_or_none("reviewed_by"),
        closed=value.flag("closed"),
        unverified=row.unverified,
        parts=value.whole("parts"),
        look=value.one_of("look", Look),
        severity=value.one_of_or_none("said_severity", DefectSeverity)
        or value.one_of_or_none("severity", DefectSeverity),
        web_mm=value.number_or_none("web_mm"),
        missed=value.flag("missed"),
        kind_found=value.one_of_or_none("kind_found", DefectKind),
        said_severity=value.text_or_none("said_severity"),
        disputed=value.flag("disputed"),
        needs_review=value.flag("needs_review"),
        keep=value.flag("keep"),
        pictures_dropped=value.flag("pictures_dropped"),
    )


def answer_row(row: Row[Any]) -> tuple[datetime, datetime | None]:
    """Return when a defect was found, and when it was answered, None where it was not."""
    value = Values(row, "defect", row.id)
    return value.time("found_at"), value.time_or_none("answered_at")


def recipe_row(row: Row[Any]) -> RecipeRow:
    """Return a version of a recipe."""
    value = Values(row, "recipe_version", row.id)
    return RecipeRow(value.recipe("body"), value.time("created_at"), value.text("created_by"), value.text("why"))


def signature_row(row: Row[Any]) -> SignatureRow:
    """Return a signature of a roll's report."""
    value = Values(row, "event", row.id)
    return SignatureRow(value.text("who"), value.time("at"), value.text("new"))


def stretch_row(row: Row[Any]) -> StretchRow:
    """Return a stretch of a roll."""
    value = Values(row, "stretch", row.id)
    reason = value.one_of_or_none("reason", UninspectedReason)
    first, end = value.count("first_line"), value.count("end_line")
    if end < first:
        raise value.spoilt("end_line", "lies before its first line")
    return StretchRow(first, end, reason)


def roll_query() -> Select[Any]:
    """Return the query for rolls; one that leads to no recipe is among them, and is told to be spoilt."""
    return (
        select(
            *as_they_lie(RollTable),
            type_coerce(FabricTable.name, NullType()).label("fabric"),
            *(type_coerce(RecipeTable.__table__.c[name], NullType()).label(name) for name in RECIPE_PARTS),
            *GRADING_COLUMNS,
        )
        .join(RecipeTable, RecipeTable.id == RollTable.recipe_id, isouter=True)
        .join(FabricTable, FabricTable.id == RecipeTable.fabric_id, isouter=True)
        .join(RollGradingTable, RollGradingTable.roll_id == RollTable.id, isouter=True)
        .join(RuleTable, RuleTable.id == RollGradingTable.rule_id, isouter=True)
    )


def of_identity(query: Select[Any], chosen: RollFilter) -> Select[Any]:
    """Narrow a query for rolls to those of an order, article, lot, loom, operator or state; names ignore case."""
    for name in WORDS:
        wanted = getattr(chosen, name)
        if wanted is not None:
            query = query.where(func.lower(getattr(RollTable, COLUMNS[name])) == tidy(wanted).casefold())
    if chosen.state is not None:
        query = query.where(RollTable.ended_how == ("" if chosen.state == "open" else chosen.state))
    return query


def roll_row(row: Row[Any], counts: Counts) -> RollRow:
    """Return a roll with the numbers of its defects."""
    value = Values(row, "roll", row.id)
    if row.body is None or row.fabric is None:
        raise value.spoilt("recipe_id", "leads to no recipe of a fabric")
    recipe = Values(row, "recipe_version", row.recipe_id)
    asked = recipe.recipe("body")
    lines = [value.count(f"lines_{what}") for what in ("acquired", "inspected", "uninspected", "repeated")]
    judged_lines, judged_line_px = value.count("judged_lines"), value.count("judged_line_px")
    return RollRow(
        id=value.whole("id"),
        name=value.text("name"),
        fabric=value.text("fabric"),
        recipe_version=recipe.whole("version"),
        threshold=recipe.number("threshold"),
        mm_per_px=value.scale_or_none("mm_per_px"),
        started_at=value.time("started_at"),
        ended_at=value.time_or_none("ended_at"),
        ledger=Ledger(*lines),
        defects=counts.defects,
        rejects=counts.rejects,
        confirmed=counts.confirmed,
        false_alarms=counts.false_alarms,
        missed=counts.missed,
        camera_id=value.text("camera_id"),
        grading_rule=asked.grading_rule,
        web_width_px=judged_line_px / judged_lines if judged_lines else None,
        broken_off=value.text("ended_how") == BROKEN_OFF,
        mm_per_line=value.scale_or_none("mm_per_line"),
        unverified=value.text("unverified"),
        events_lost=value.count("events_lost"),
        clock_shift_s=value.number("clock_shift_s"),
        identity=_identity(value),
        ended_why=value.text("ended_why"),
        resumed=value.count("resumed"),
        grading=grading_row(row),
        keep=value.flag("keep"),
        nominal_width_mm=asked.nominal_width_mm,
        width_tolerance_mm=asked.width_tolerance_mm,
    )


def _identity(value: Values) -> RollIdentity:
    facts: dict[str, Any] = {name: value.text(COLUMNS[name]) for name in WORDS}
    return RollIdentity(**facts | {name: value.number_or_none(COLUMNS[name]) for name in MEASURES})


def mark_row(row: Row[Any]) -> MarkRow:
    """Return a mark of a roll."""
    value = Values(row, "roll_mark", row.id)
    kind, line = value.one_of("kind", MarkKind), value.whole("line")
    return MarkRow(kind, line, value.text("note"), value.text("who"), value.time("at"))
