"""This module finds defects over all rolls, newest first, a page at a time and without a count of all.

A page begins after the last row of the one before (its time and number), so each costs the same.  Lists are kept fast
by ``ix_defect_seek``, which holds all that is asked of a defect: only rows of the page itself are read.  Where another
index shows that few defects can match, those are looked up instead.  SQLite knows only how many rows an index has for a
value on average, so the way is chosen here and what would lead it to another is hidden from its planner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Select, UnaryExpression, and_, func, or_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.sql.operators import custom_op

from station.contract import DefectKind
from station.display_score import AT_THRESHOLD
from station.recipe.names import tidy
from station.records.defects.tables import OpinionTable
from station.records.engine import shown
from station.records.errors import records_error
from station.records.reading.plain import defect_row
from station.records.reading.values import Told, as_they_lie, readable
from station.records.rows import DefectRow, Verdict
from station.records.schema import DefectTable, FabricTable, RecipeTable, RollTable

FEW = 5_000
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
        severity: as a person said, else as the roll's rule has it.
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

    def page(self, query: DefectQuery, after: After | None = None, size: int = 100, told: Told | None = None) -> Page:
        """Return the next defects that match, newest first; ``told`` is told of rows that cannot be read.

        Raises:
            RecordsError: the database cannot be read.
            SpoiltRowError: a row cannot be read, and ``told`` is None.
        """
        try:
            with Session(self._engine) as session:
                keys = session.execute(page_query(query, after, size, self._way(session, query))).all()
                found = session.execute(_rows_of([key.id for key in keys])).all() if keys else []
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error
        by_id = {row.id: row for row in found}
        rows = [by_id[key.id] for key in keys if key.id in by_id]
        made = readable(rows, lambda row: defect_row(row, self._home), told)
        last = After(keys[-1].found_at, keys[-1].id) if len(keys) == size else None
        return Page(tuple(made), last)

    def _way(self, session: Session, query: DefectQuery) -> Way:
        """Choose the way by which the fewest entries of an index are looked at."""
        if self._engine.dialect.name != "sqlite":
            return Way.FREE
        if query.reviewer is not None:
            return Way.REVIEWER
        leading = {
            Way.ROLLS: rolls_of(query) is not None,
            Way.NEED: query.needs_review,
            Way.VERDICT: query.verdict is not None,
            Way.EXTENT: query.least is not None,
        }
        for way in (one for one, is_asked in leading.items() if is_asked):
            if session.execute(_more_than_few(query, way)).first() is None:
                return way
        return Way.TIME


class Way(StrEnum):
    """The way says by which index defects are found."""

    TIME = "by time"
    ROLLS = "by rolls"
    NEED = "by need of review"
    VERDICT = "by verdict"
    EXTENT = "by extent"
    REVIEWER = "by reviewer"
    FREE = "as the server likes"


LEADS = {Way.ROLLS: "roll_id", Way.NEED: "needs_review", Way.VERDICT: "verdict", Way.EXTENT: "extent"}
"""The column that leads on each way; all others are hidden from the planner, but on a server."""
WITHOUT_TIME = (Way.ROLLS, Way.EXTENT)
"""The indexes of these ways have no times, so what they find is sorted."""


class _Columns:
    """The columns of a query on one way."""

    def __init__(self, way: Way) -> None:
        self._way = way
        by_reviewer = way is Way.REVIEWER
        self.when: ColumnElement[Any] = OpinionTable.__table__.c.found_at if by_reviewer else self.of("found_at")
        self.number: ColumnElement[Any] = OpinionTable.__table__.c.defect_id if by_reviewer else self.of("id")

    def of(self, name: str) -> ColumnElement[Any]:
        """Return a column of the defect, hidden if it would lead the planner astray."""
        column = DefectTable.__table__.c[name]
        leads = (LEADS.get(self._way), *(() if self._way in WITHOUT_TIME else ("found_at", "id")))
        if self._way is Way.FREE or name in leads:
            return column
        return UnaryExpression(column, operator=custom_op[Any]("+"), type_=column.type)

    def bounds(self, query: DefectQuery) -> list[ColumnElement[bool]]:
        """Return what is asked of the time."""
        since = [] if query.since is None else [self.when >= query.since]
        return since if query.until is None else [*since, self.when < query.until]


def _more_than_few(query: DefectQuery, way: Way) -> Select[Any]:
    """Return the query that finds a row if more than a few defects match in what leads, and in time."""
    columns = _Columns(way)
    lead = columns.of(LEADS[way])
    asked: ColumnElement[bool]
    rolls = rolls_of(query)
    if way is Way.ROLLS and rolls is not None:
        asked = lead.in_(rolls)
    elif way is Way.NEED:
        asked = lead == True  # noqa: E712
    else:
        asked = lead == str(query.verdict) if way is Way.VERDICT else lead >= query.least
    bounds = [] if way in WITHOUT_TIME else columns.bounds(query)
    return select(lead).where(asked, *bounds).limit(1).offset(FEW)


def page_query(query: DefectQuery, after: After | None, size: int, way: Way) -> Select[Any]:
    """Return the query for time and id of a page's defects, found in a way."""
    columns = _Columns(way)
    when, number = columns.when, columns.number
    chosen = select(when.label("found_at"), number.label("id"))
    if way is Way.REVIEWER:
        chosen = chosen.join(DefectTable, DefectTable.id == number).where(OpinionTable.who == query.reviewer)
    elif query.reviewer is not None:
        by_them = select(OpinionTable.defect_id).where(OpinionTable.who == query.reviewer)
        chosen = chosen.where(number.in_(by_them))
    if after is not None:
        chosen = chosen.where(when <= after.found_at, tuple_(when, number) < tuple_(after.found_at, after.id))
    chosen = chosen.where(*columns.bounds(query), *_asked(query, columns.of))
    return chosen.order_by(when.desc(), number.desc()).limit(size)


def _asked(query: DefectQuery, of: Callable[[str], ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    """Return what is asked of a defect, the cheapest and most telling first."""
    asked: list[ColumnElement[bool]] = []
    if query.least is not None:
        asked.append(of("extent") >= query.least)
    if query.most is not None:
        asked.append(of("extent") <= query.most)
    if query.least_score is not None:
        asked.append(of("ratio") >= query.least_score / AT_THRESHOLD)
    if query.most_score is not None:
        asked.append(of("ratio") <= query.most_score / AT_THRESHOLD)
    if query.least_score is not None or query.most_score is not None:
        asked.append(of("missed") == False)  # noqa: E712
    flags = {"needs_review": query.needs_review, "is_reject": query.rejects, "missed": query.missed, "keep": query.keep}
    asked += [of(name) == True for name, is_asked in flags.items() if is_asked]  # noqa: E712
    if query.hours is not None:
        first, end = (hour % HOURS for hour in query.hours)
        inside = (of("hour") >= first, of("hour") < end)
        asked.append(and_(*inside) if first < end else or_(*inside))
    if query.kind is not None:
        asked.append(of("kind") == str(query.kind))
    if query.verdict is not None:
        asked.append(of("verdict") == str(query.verdict))
    if query.unreviewed:
        asked.append(of("verdict").is_(None))
    if query.severity is not None:
        asked.append(func.coalesce(of("said_severity"), of("severity")) == query.severity)
    if (rolls := rolls_of(query)) is not None:
        asked.append(of("roll_id").in_(rolls))
    # Texts are greater than all numbers: a spoilt value must not hide a defect.
    asked.append(or_(of("merged_into").is_(None), of("merged_into") > 2**62))
    return asked


def rolls_of(query: DefectQuery) -> Select[Any] | None:
    """Return the query for the ids of the rolls asked for, None where all are."""
    if query.fabric is None and query.loom is None and query.roll is None:
        return None
    chosen: Select[Any] = select(RollTable.id)
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
