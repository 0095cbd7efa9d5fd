"""This module reads the counts that the writer keeps: which kinds there are most of, how it goes from day to day, which
loom makes what, and how often a recipe was wrong."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Engine, Row, Select, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.local_time import local
from station.recipe.names import tidy
from station.records.defects.tables import TallyTable
from station.records.engine import shown
from station.records.errors import records_error
from station.records.rows import Verdict
from station.records.schema import FabricTable, RecipeTable, RollTable

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Span:
    """The span says which rolls are summed up: those begun in the time (half-open, times with a zone), of one fabric or
    loom; None asks for nothing."""

    since: datetime | None = None
    until: datetime | None = None
    fabric: str | None = None
    loom: str | None = None


@dataclass(frozen=True, slots=True)
class KindCount:
    """The count of a kind: rejects found, of these confirmed and false alarms, and how many were missed beside."""

    kind: str
    rejects: int
    confirmed: int
    false_alarms: int
    missed: int


@dataclass(frozen=True, slots=True)
class Output:
    """The output sums up rolls: how many, how much cloth was inspected, and what was found on it.

    ``metres`` and ``square_metres`` are of rolls with a scale; ``rejects`` leave false alarms in.
    """

    rolls: int = 0
    metres: float = 0.0
    square_metres: float = 0.0
    rejects: int = 0
    confirmed: int = 0
    false_alarms: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class RecipeCount:
    """The count of a recipe's version over its rolls: rejects, of these confirmed and false alarms; missed beside."""

    fabric: str
    version: int
    rejects: int
    confirmed: int
    false_alarms: int
    missed: int


class Summaries:
    """The summaries read the records from any thread; all methods raise RecordsError if the database cannot be read.

    Args:
        engine: reads the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pareto(self, span: Span | None = None) -> list[KindCount]:
        """Return the kinds with their rejects, the most first."""
        query = _selected(TallyTable.kind, *_sums()).group_by(TallyTable.kind)
        if span not in (None, Span()):
            query = query.join(RollTable, RollTable.id == TallyTable.roll_id)
        rows = self._rows(_within(query, span or Span()))
        counts = [KindCount(*row) for row in map(tuple, rows)]
        return sorted(counts, key=lambda one: (-one.rejects, one.kind))

    def trend(self, span: Span | None = None) -> list[tuple[date, Output]]:
        """Return what came of each local day on which rolls began, by day."""
        return sorted(_summed_up((local(row.started_at).date(), row) for row in self._rolls(span)).items())

    def looms(self, span: Span | None = None) -> list[tuple[str, Output]]:
        """Return what came of each loom ('' where nobody said which), the one with the most rejects a metre first."""
        looms = _summed_up((row.loom, row) for row in self._rolls(span))
        return sorted(looms.items(), key=lambda one: (-one[1].rejects / (one[1].metres or 1.0), one[0]))

    def recipes(self, span: Span | None = None) -> list[RecipeCount]:
        """Return the counts of each recipe's versions, by fabric and version."""
        query = (
            _selected(FabricTable.name, RecipeTable.version, *_sums())
            .select_from(TallyTable)
            .join(RollTable, RollTable.id == TallyTable.roll_id)
            .join(RecipeTable, RecipeTable.id == RollTable.recipe_id)
            .join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
            .group_by(FabricTable.name, RecipeTable.version)
            .order_by(FabricTable.name, RecipeTable.version)
        )
        return [RecipeCount(*row) for row in map(tuple, self._rows(_within(query, span or Span())))]

    def _rolls(self, span: Span | None) -> Sequence[Row[Any]]:
        counted = _selected(TallyTable.roll_id, *_sums()).group_by(TallyTable.roll_id).subquery()
        query = _selected(
            RollTable.started_at,
            RollTable.loom,
            RollTable.lines_inspected,
            RollTable.judged_line_px,
            RollTable.mm_per_px,
            RollTable.mm_per_line,
            *(func.coalesce(counted.c[name], 0).label(name) for name in SUMS),
        ).join(counted, counted.c.roll_id == RollTable.id, isouter=True)
        return self._rows(_within(query, span or Span()))

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        try:
            with Session(self._engine) as session:
                return session.execute(query).all()
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error


SUMS = ("rejects", "confirmed", "false_alarms", "missed")


def _sums() -> list[ColumnElement[int]]:
    of = TallyTable
    found = of.is_reject & of.missed.is_(False)
    conditions = (
        found, found & (of.verdict == str(Verdict.CONFIRMED)), found & (of.verdict == str(Verdict.FALSE_ALARM)),
        of.missed & (of.verdict != str(Verdict.FALSE_ALARM)),
    )  # fmt: skip
    return [func.sum(case((one, of.count), else_=0)).label(name) for name, one in zip(SUMS, conditions, strict=True)]


def _selected(*columns: Any) -> Select[Any]:
    return select(*columns)


def _within(query: Select[Any], span: Span) -> Select[Any]:
    if span.since is not None:
        query = query.where(RollTable.started_at >= span.since)
    if span.until is not None:
        query = query.where(RollTable.started_at < span.until)
    if span.loom is not None:
        query = query.where(RollTable.loom == span.loom)
    if span.fabric is not None:
        names = {span.fabric, tidy(span.fabric)}
        of_fabric = select(RecipeTable.id).join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
        query = query.where(RollTable.recipe_id.in_(of_fabric.where(FabricTable.name.in_(names))))
    return query


def _summed_up(rows: Iterable[tuple[Key, Row[Any]]]) -> dict[Key, Output]:
    """Sum up rolls by a key."""
    sums: dict[Key, list[float]] = {}
    for key, row in rows:
        along, across = (row.mm_per_line or 0.0) / 1000, (row.mm_per_px or 0.0) / 1000
        values = (1, row.lines_inspected * along, row.judged_line_px * along * across, *row[-len(SUMS) :])
        before = sums.setdefault(key, [0] * len(values))
        for place, value in enumerate(values):
            before[place] += value
    return {key: Output(int(one[0]), one[1], one[2], *map(int, one[3:])) for key, one in sums.items()}
