"""This module reads the counts that the writer keeps: which kinds there are most of, how it goes from day to day, which
loom makes what, and how often a recipe was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, String, cast, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session

from station.local_time import local
from station.recipe.names import tidy
from station.records.defects.tables import KindTallyTable
from station.records.defects.tally import SUMS
from station.records.engine import shown
from station.records.errors import records_error
from station.records.schema import FabricTable, RecipeTable, RollTable

FOUND = SUMS[1:]
"""What came of a roll's cloth, less the number of all defects."""
MINUTE = len("2026-11-30 14:05")


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
        query = _selected(KindTallyTable.kind, *_sums()).group_by(KindTallyTable.kind)
        if span not in (None, Span()):
            query = query.join(RollTable, RollTable.id == KindTallyTable.roll_id)
        rows = self._rows(_within(query, span or Span()))
        counts = [KindCount(*row) for row in map(tuple, rows)]
        return sorted(counts, key=lambda one: (-one.rejects, one.kind))

    def trend(self, span: Span | None = None) -> list[tuple[date, Output]]:
        """Return what came of each local day on which rolls began, by day; rolls whose beginning is no time are left
        out."""
        if self._engine.dialect.name == "sqlite":  # it asks the system for local time, as Python does
            rows = self._rolls(func.date(cast(RollTable.started_at, String), "localtime"), span)
            return sorted((date.fromisoformat(day), _output(values)) for day, *values in map(tuple, rows) if day)
        minute = func.substr(cast(RollTable.started_at, String), 1, MINUTE)
        days = _summed_up((_local_day(begun), values) for begun, *values in map(tuple, self._rolls(minute, span)))
        return sorted(days.items())

    def looms(self, span: Span | None = None) -> list[tuple[str, Output]]:
        """Return what came of each loom ('' where nobody said which), the one with the most rejects a metre first."""
        looms = {loom: _output(values) for loom, *values in map(tuple, self._rolls(RollTable.loom, span))}
        return sorted(looms.items(), key=lambda one: (-one[1].rejects / (one[1].metres or 1.0), one[0]))

    def recipes(self, span: Span | None = None) -> list[RecipeCount]:
        """Return the counts of each recipe's versions, by fabric and version."""
        query = (
            _selected(FabricTable.name, RecipeTable.version, *_sums())
            .select_from(KindTallyTable)
            .join(RollTable, RollTable.id == KindTallyTable.roll_id)
            .join(RecipeTable, RecipeTable.id == RollTable.recipe_id)
            .join(FabricTable, FabricTable.id == RecipeTable.fabric_id)
            .group_by(FabricTable.name, RecipeTable.version)
            .order_by(FabricTable.name, RecipeTable.version)
        )
        return [RecipeCount(*row) for row in map(tuple, self._rows(_within(query, span or Span())))]

    def _rolls(self, key: ColumnElement[Any] | InstrumentedAttribute[Any], span: Span | None) -> Sequence[Row[Any]]:
        """Return the sums over rolls that have a key in common: the key, rolls, metres, square metres, ``FOUND``."""
        of = RollTable
        counted = _selected(KindTallyTable.roll_id, *_sums()).group_by(KindTallyTable.roll_id).subquery()
        along, across = func.coalesce(of.mm_per_line, 0.0) / 1000, func.coalesce(of.mm_per_px, 0.0) / 1000
        query = (
            _selected(
                key,
                func.count(of.id),
                func.sum(of.lines_inspected * along),
                func.sum(of.judged_line_px * along * across),
                *(func.coalesce(func.sum(counted.c[name]), 0) for name in FOUND),
            )
            .select_from(of)
            .join(counted, counted.c.roll_id == of.id, isouter=True)
            .group_by(key)
        )
        return self._rows(_within(query, span or Span()))

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        try:
            with Session(self._engine) as session:
                return session.execute(query).all()
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error


def _sums() -> list[ColumnElement[int]]:
    return [func.sum(KindTallyTable.__table__.c[name]).label(name) for name in FOUND]


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


def _summed_up(rows: Iterable[tuple[date, Sequence[Any]]]) -> dict[date, Output]:
    """Sum up sums of rolls by day."""
    sums: dict[date, list[float]] = {}
    for key, values in rows:
        before = sums.setdefault(key, [0] * len(values))
        for place, value in enumerate(values):
            before[place] += value
    return {key: _output(values) for key, values in sums.items()}


def _output(values: Sequence[Any]) -> Output:
    rolls, metres, square_metres, *found = values
    return Output(int(rolls), float(metres), float(square_metres), *map(int, found))


def _local_day(minute: str) -> date:
    """Return the local day of a minute in UTC, as the database writes it."""
    return local(datetime.fromisoformat(minute).replace(tzinfo=UTC)).date()
