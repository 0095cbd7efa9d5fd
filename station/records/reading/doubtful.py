"""This module finds the rolls with rows that may be spoilt, without reading each row: SQLite looks at its values.

It may doubt a row that can be read, and then somebody reads it; it never passes over one whose value is none of its
column's.  Other databases keep the types of their columns themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Float, Integer, Row, String, select, text
from sqlalchemy.sql.elements import KeyedColumnElement

from station.contract import DefectKind, UninspectedReason
from station.records.calibrations import calibration_query, calibration_row
from station.records.reading.values import SpoiltRowError
from station.records.roll_life.table import RollMarkTable
from station.records.rows import Verdict
from station.records.schema import Base, DefectTable, RollCalibrationTable, StretchTable, UtcTime
from station.state.defect import DefectSeverity, Look
from station.state.roll import MarkKind

Ask = Callable[[Any], Sequence[Row[Any]]]
"""This function returns the rows of a query."""

TABLES: dict[type[Base], dict[str, type[StrEnum]]] = {
    DefectTable: {
        "kind": DefectKind, "kind_found": DefectKind, "verdict": Verdict, "look": Look, "severity": DefectSeverity,
        "said_severity": DefectSeverity,
    },
    StretchTable: {"reason": UninspectedReason},
    RollMarkTable: {"kind": MarkKind},
}  # fmt: skip
"""A roll's report reads these tables; the columns named hold one of these words."""
MORE: dict[type[Base], tuple[str, ...]] = {
    DefectTable: ("threshold <= 0",),
    StretchTable: ("first_line < 0", "end_line < first_line"),
}
FINITE = "1.7976931348623157e308"


def doubtful_rolls(ask: Ask, roll_ids: Sequence[int]) -> set[int]:
    """Return those of the rolls that have rows which may be spoilt; ``ask`` raises RecordsError."""
    numbers = ", ".join(str(int(number)) for number in roll_ids)
    found: set[int] = set()
    for table, words in TABLES.items():
        doubts = [*(_doubt(column, words.get(column.name)) for column in table.__table__.columns), *MORE.get(table, ())]
        query = f"SELECT DISTINCT roll_id FROM {table.__tablename__} WHERE roll_id IN ({numbers}) AND "
        found |= {row[0] for row in ask(text(query + f"({' OR '.join(doubts)})"))}
    spoilt = list(_spoilt_calibrations(ask))
    if spoilt:
        link = RollCalibrationTable
        found |= {row[0] for row in ask(select(link.roll_id).where(link.calibration_id.in_(spoilt)))}
    return found & set(roll_ids)


def _doubt(column: KeyedColumnElement[Any], words: type[StrEnum] | None) -> str:
    """Return the condition under which a value is none of its column's."""
    name, kind = column.name, column.type
    if isinstance(kind, Boolean):
        wrong = f"typeof({name}) <> 'integer' OR {name} NOT IN (0, 1)"
    elif isinstance(kind, UtcTime):
        second = f"substr({name}, 1, 19)"  # a day of the calendar, or SQLite counts on to the next month
        wrong = f"typeof({name}) <> 'text' OR datetime({name}) IS NULL OR datetime({second}, '+0 days') IS NOT {second}"
    elif isinstance(kind, Integer):
        wrong = f"typeof({name}) <> 'integer'"
    elif isinstance(kind, Float):
        wrong = f"typeof({name}) NOT IN ('real', 'integer') OR abs({name}) > {FINITE}"
    elif words is not None:
        wrong = f"{name} NOT IN ({', '.join(repr(str(word)) for word in words)})"
    else:
        assert isinstance(kind, String), f"nobody says what {name} may hold"
        wrong = f"typeof({name}) <> 'text'"
    return f"({name} IS NOT NULL AND ({wrong}))" if column.nullable else f"({name} IS NULL OR {wrong})"


def _spoilt_calibrations(ask: Ask) -> Iterator[int]:
    for row in ask(calibration_query()):
        try:
            calibration_row(row)
        except SpoiltRowError:
            yield row.id
