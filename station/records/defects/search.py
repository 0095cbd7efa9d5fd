"""This module finds defects over all rolls, newest first, a page at a time and without a count of all.

A page begins after the last row of the one before (its time and number), so each costs the same.  Lists are kept fast by
``ix_defect_seek``, which holds all that is asked of a defect: only rows of the page itself are read.  Where few defects
can match (by what the counts say), those are looked up instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.contract import DefectKind
from station.display_score import AT_THRESHOLD
from station.recipe.names import tidy
from station.records.defects.tables import OpinionTable, TallyTable
from station.records.engine import shown
from station.records.errors import records_error
from station.records.reading.plain import defect_row
from station.records.reading.values import Told, as_they_lie, readable
from station.records.rows import DefectRow, Verdict
from station.records.schema import DefectTable, FabricTable, RecipeTable, RollTable

FEW = 10_000
"""So many rows are read one by one in the time a page may take."""
HOURS = 24


class After(NamedTuple):
    """A page begins after the defect with this time and id."""

    found_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class DefectQuery:
    """The query says which defects to find; what is None or False asks for nothing.

    Attributes:
        since, until: when they were found, half-open (times with a zone).
        hours: local hours of the day, from and up to, half-open; (22, 6) is the night.
        fabric, loom, roll: of their roll, by name.
        kind: a person's word on it, else the station's.
        least, most: bounds of the longer side in mm (px without a scale).
        least_score, most_score: bounds on the scale on which 0.5 is the threshold; what was missed has no score.
        verdict: the last one given; ``unreviewed`` are those without.
        reviewer: a person who reviewed it, among others perhaps.
        severity: as a person said.
        needs_review: rejects without a verdict, with doubt, or over which people are at odds.
        rejects, missed, keep: only such.
    """

    since: datetime | None = None
    until: datetime | None = None
    hours: tuple[int, int] | None = None
    fabric: str | None = None
    loom: str | None = None
    roll: str | None = None
    kind: DefectKind | None = None
    least: float | None = None
    most: float | None = None
    least_score: float | None = None
    most_score: float | None = None
    verdict: Verdict | None = None
    unreviewed: bool = False
    reviewer: str | None = None
    severity: str | None = None
    needs_review: bool = False
    rejects: bool = False
    missed: bool = False
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page holds defects and where the next one begins, None where this is the last."""

    rows: tuple[DefectRow, ...]
    next: After | None


class DefectSearch:
    """The search reads the records from any thread.

    Args:
        engine: reads the database.
        home: folder of the pictures.
    """

    def __init__(self, engine: Engine, home: Path) -> None:
        self._engine = engine
        self._home = home

    def page(
        self, query: DefectQuery, after: After | None = None, size: int = 100, told: Told | None = None
    ) -> Page:
        """Return the next defects that match, newest first; ``told`` is told of rows that cannot be read.

        Raises:
            RecordsError: the database cannot be read.
            SpoiltRowError: a row cannot be read, and ``told`` is None.
        """
        try:
            with Session(self._engine) as session:
                index = self._index(session, query)
                keys = session.execute(page_query(query, after, size, index)).all()
                found = session.execute(_rows_of([key.id for key in keys])).all() if keys else []
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error
        by_id = {row.id: row for row in found}
        rows = [by_id[key.id] for key in keys if key.id in by_id]
        made = readable(rows, lambda row: defect_row(row, self._home), told)
        last = After(keys[-1].found_at, keys[-1].id) if len(keys) == size else None
        return Page(tuple(made), last)

    def _index(self, session: Session, query: DefectQuery) -> str:
        """Choose the index by which the fewest entries are looked at, as far as the counts tell."""
        if query.reviewer is not None:
            return ""
        if query.needs_review:
            return "ix_defect_needs_review" if self._few(session, query, _OF_NEED) else SEEK
        if (rolls := rolls_of(query)) is not None and self._few(session, query, [TallyTable.roll_id.in_(rolls)]):
            return "ix_defect_place"
        if query.verdict is not None and self._few(session, query, [TallyTable.verdict == str(query.verdict)]):
            return "ix_defect_verdict"
        return SEEK

    def _few(self, session: Session, _query: DefectQuery, alike: Sequence[ColumnElement[bool]]) -> bool:
        count = session.scalar(select(func.sum(TallyTable.count)).where(*alike)) or 0
        return count <= FEW


SEEK = "ix_defect_seek"
_OF_NEED = [TallyTable.is_reject, TallyTable.verdict.in_(["", str(Verdict.UNSURE)])]


def page_query(query: DefectQuery, after: After | None, size: int, index: str) -> Select[Any]:
    """Return the query for time and id of a page's defects, by an index of SQLite ('': its own choice)."""
    of = DefectTable
    if query.reviewer is not None:
        when, number = OpinionTable.found_at, OpinionTable.defect_id
        chosen = select(when.label("found_at"), number.label("id")).join(of, of.id == number)
        chosen = chosen.where(OpinionTable.who == query.reviewer)
    else:
        when, number = of.found_at, of.id
        chosen = select(when.label("found_at"), number.label("id"))
    if index:
        chosen = chosen.with_hint(of, f"INDEXED BY {index}", "sqlite")
    if after is not None:
        chosen = chosen.where(when <= after.found_at, tuple_(when, number) < tuple_(after.found_at, after.id))
    if query.since is not None:
        chosen = chosen.where(when >= query.since)
    if query.until is not None:
        chosen = chosen.where(when < query.until)
    return chosen.where(*_asked(query)).order_by(when.desc(), number.desc()).limit(size)


def _asked(query: DefectQuery) -> list[ColumnElement[bool]]:
    """Return what is asked of a defect, the cheapest and most telling first."""
    of = DefectTable
    asked: list[ColumnElement[bool]] = []
    if (rolls := rolls_of(query)) is not None:
        asked.append(of.roll_id.in_(rolls))
    flags = ((query.needs_review, of.needs_review), (query.rejects, of.is_reject), (query.missed, of.missed))
    asked += [column == True for is_asked, column in (*flags, (query.keep, of.keep)) if is_asked]  # noqa: E712
    if query.hours is not None:
        first, end = (hour % HOURS for hour in query.hours)
        inside = (of.hour >= first, of.hour < end)
        asked.append(and_(*inside) if first < end else or_(*inside))
    if query.kind is not None:
        asked.append(of.kind == str(query.kind))
    if query.verdict is not None:
        asked.append(of.verdict == str(query.verdict))
    if query.unreviewed:
        asked.append(of.verdict.is_(None))
    if query.severity is not None:
        asked.append(of.said_severity == query.severity)
    if query.least_score is not None:
        asked.append(of.ratio >= query.least_score / AT_THRESHOLD)
    if query.most_score is not None:
        asked.append(of.ratio <= query.most_score / AT_THRESHOLD)
    if query.least_score is not None or query.most_score is not None:
        asked.append(of.missed == False)  # noqa: E712
    if query.least is not None:
        asked.append(of.extent >= query.least)
    if query.most is not None:
        asked.append(of.extent <= query.most)
    # Texts are greater than all numbers: a spoilt value must not hide a defect.
    asked.append(or_(of.merged_into.is_(None), of.merged_into > 2**62))
    return asked


def rolls_of(query: DefectQuery) -> Select[tuple[int]] | None:
    """Return the query for the ids of the rolls asked for, None where all are."""
    if query.fabric is None and query.loom is None and query.roll is None:
        return None
    chosen = select(RollTable.id)
    if query.fabric is not None:
        chosen = chosen.join(RecipeTable, RecipeTable.id == RollTable.recipe_id)
        chosen = chosen.join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
        chosen = chosen.where(FabricTable.name.in_({query.fabric, tidy(query.fabric)}))
    if query.loom is not None:
        chosen = chosen.where(RollTable.loom == query.loom)
    if query.roll is not None:
        chosen = chosen.where(RollTable.name.in_({query.roll, tidy(query.roll)}))
    return chosen


def _rows_of(ids: Sequence[int]) -> Select[Any]:
    return rows_query().where(DefectTable.id.in_(ids))


def rows_query() -> Select[Any]:
    """Return the query for defects as :func:`station.records.reading.plain.defect_row` takes them."""
    return (
        select(
            *as_they_lie(DefectTable),
            RollTable.name.label("roll"),
            FabricTable.name.label("fabric"),
            RecipeTable.threshold.label("recipe_threshold"),
            RollTable.mm_per_px,
            RollTable.unverified,
        )
        .join(RollTable, RollTable.id == DefectTable.roll_id)
        .join(RecipeTable, RecipeTable.id == RollTable.recipe_id)
        .join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
    )
