"""This module writes defects as the line tells them: a new one is a row, a known one grows in its row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.orm import Session

from station.contract import Defect
from station.local_time import local
from station.records.alarms.rejects import weigh_rejects
from station.records.defects.standing import settle
from station.records.defects.tally import Alike, Tally
from station.records.schema import DefectTable, RollTable, storable
from station.state.defect import Look

NUMBERS_AT_ONCE = 10_000
"""SQLite takes 32,766 values in one query."""
TABLE = cast(Table, DefectTable.__table__)

Told = Mapping[int, tuple[Defect, datetime]]
"""The last state of each defect and when it was first told, by number."""
Pictures = Mapping[tuple[int, int], tuple[str | None, str | None]]
"""The pictures are relative paths of (crop, heat) by (roll id, defect number)."""


def keep_defects(session: Session, roll: RollTable, told: Told, changed_at: datetime, pictures: Pictures) -> None:
    """Record what was told of a roll's defects, count them, and weigh which alarm each belongs to."""
    roll_id = roll.id
    known = _known(session, roll_id, sorted(told))
    alarms = weigh_rejects(session, roll, told, known, changed_at)
    tally = Tally()
    new: list[dict[str, Any]] = []
    for number, (defect, found_at) in told.items():
        values = {**values_of(defect), "changed_at": changed_at, "alarm_id": alarms.get(number)}
        crop, heat = pictures.get((roll_id, number), (None, None))
        row = known.get(number)
        if row is None:
            needs = defect.is_reject and defect.merged_into is None
            own = {"roll_id": roll_id, "number": number, "found_at": found_at, "hour": _hour(found_at)}
            new.append({**values, **own, "needs_review": needs, "crop_file": crop, "heat_file": heat})
            if defect.merged_into is None:
                tally.add(Alike(roll_id, str(defect.kind), "", bool(defect.is_reject), False), 1)
            continue
        tally.count_out(row)
        _renew(row, values)
        row.crop_file = crop or row.crop_file
        row.heat_file = heat or row.heat_file
        tally.count_in(row)
    if new:
        _insert(session.connection(), new)
    tally.write(session)


def _insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that name the same columns.  SQLAlchemy works out each row's parameters anew, which for thousands of
    rows takes longer than the database does; SQLite's are values in the order of the columns."""
    dialect = connection.dialect
    if dialect.name != "sqlite":
        connection.execute(insert(TABLE), rows)
        return
    names = list(rows[0])
    converted = [TABLE.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    columns: list[Sequence[Any]] = []
    for name, convert in zip(names, converted, strict=True):
        values = [row[name] for row in rows]
        columns.append(values if convert is None else list(map(lru_cache(maxsize=4096)(convert), values)))
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {TABLE.name} ({', '.join(names)}) VALUES ({marks})"
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


@lru_cache(maxsize=64)
def _hour(moment: datetime) -> int:
    return local(moment).hour


def _known(session: Session, roll_id: int, numbers: Sequence[int]) -> dict[int, DefectTable]:
    known: dict[int, DefectTable] = {}
    for first in range(0, len(numbers), NUMBERS_AT_ONCE):
        part = numbers[first : first + NUMBERS_AT_ONCE]
        query = select(DefectTable).where(DefectTable.roll_id == roll_id, DefectTable.number.in_(part))
        known |= {row.number: row for row in session.scalars(query)}
    return known


def _renew(row: DefectTable, values: Mapping[str, Any]) -> None:
    """Take over a defect's new state; a person's word on its kind stays."""
    for name, value in values.items():
        setattr(row, "kind_found" if name == "kind" and row.kind_found is not None else name, value)
    settle(row)


def values_of(defect: Defect) -> dict[str, Any]:
    """Return the columns that follow from a defect as it was told."""
    ratio = float(defect.ratio) if defect.threshold else 0.0
    length, width = float(defect.length_mm), float(defect.width_mm)
    return {
        "first_line": int(defect.first_line),
        "end_line": int(defect.end_line),
        "first_px": int(defect.first_px),
        "end_px": int(defect.end_px),
        "length_mm": length,
        "width_mm": width,
        "area_mm2": float(defect.area_mm2),
        "position_mm": float(defect.position_mm),
        "across_mm": float(defect.across_mm),
        "score": float(defect.score),
        "kind": str(defect.kind),
        "look": str(defect.look),
        "threshold": None if defect.look is Look.FINE else float(defect.threshold),
        "piece": None if defect.piece is None else storable(defect.piece),
        "is_reject": bool(defect.is_reject),
        "closed": bool(defect.closed),
        "merged_into": defect.merged_into,
        "parts": int(defect.parts),
        "ratio": ratio if math.isfinite(ratio) else 0.0,
        "extent": max(length, width),
    }
