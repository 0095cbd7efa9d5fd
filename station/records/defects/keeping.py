"""This module writes defects as the line tells them: a new one is a row, a known one grows in its row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.orm import Session

from station.contract import Defect
from station.local_time import local
from station.records.alarms.rejects import weigh_rejects
from station.records.defects.standing import settle, stand_anew
from station.records.defects.tally import Alike, Tally
from station.records.rating.kept import rate
from station.records.schema import DefectTable, ReviewTable, RollTable, storable
from station.state.defect import Look

NUMBERS_AT_ONCE = 10_000
"""SQLite takes 32,766 values in one query."""
TOLD = (
    "first_line", "end_line", "first_px", "end_px", "length_mm", "width_mm", "area_mm2", "position_mm", "across_mm",
    "score", "kind", "look", "threshold", "severity", "web_mm", "piece", "is_reject", "closed", "merged_into", "parts",
    "ratio", "extent",
)  # fmt: skip
"""These columns follow from a defect as it was told."""
NEW = (
    *TOLD, "changed_at", "alarm_id", "roll_id", "number", "found_at", "hour", "needs_review", "crop_file", "heat_file",
)  # fmt: skip
"""A new row has values in these columns, the defaults in others."""

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
    counts: Counter[tuple[str, bool]] = Counter()
    new: list[tuple[Any, ...]] = []
    merged: list[DefectTable] = []
    changed = _as_text(changed_at)
    for number, (defect, found_at) in told.items():
        values = values_of(defect)
        crop, heat = pictures.get((roll_id, number), (None, None))
        row = known.get(number)
        if row is None:
            is_own, is_reject = defect.merged_into is None, bool(defect.is_reject)
            own = (roll_id, number, _as_text(found_at), local(found_at).hour, is_own and is_reject, crop, heat)
            new.append((*values, changed, alarms.get(number), *own))
            if is_own:
                counts[str(defect.kind), is_reject] += 1
            continue
        tally.count_out(row)
        if defect.merged_into is not None and row.merged_into != defect.merged_into:
            merged.append(row)
        _renew(session, row, dict(zip(TOLD, values, strict=True)))
        row.changed_at = changed_at
        row.alarm_id = alarms.get(number)
        row.crop_file = crop or row.crop_file
        row.heat_file = heat or row.heat_file
        tally.count_in(row)
    for (kind, is_reject), count in counts.items():
        tally.add(Alike(roll_id, kind, "", is_reject, False), count)
    if new:
        _insert(session.connection(), new)
    tally.write(session)
    for row in merged:
        _hand_on(session, row)


def _hand_on(session: Session, row: DefectTable) -> None:
    """Give what people said of a defect, and that it is kept, to the one that it turned out to be a part of."""
    said = session.scalar(select(ReviewTable.id).where(ReviewTable.defect_id == row.id).limit(1)) is not None
    heir, seen = row, {row.number}
    while heir.merged_into is not None:
        query = select(DefectTable).where(DefectTable.roll_id == row.roll_id, DefectTable.number == heir.merged_into)
        found = session.scalar(query) if said or row.keep else None
        if found is None or found.number in seen:
            return
        heir = found
        seen.add(heir.number)
    heir.keep = heir.keep or row.keep
    if said:
        session.execute(update(ReviewTable).where(ReviewTable.defect_id == row.id).values(defect_id=heir.id))
        stand_anew(session, [row, heir])


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, values in the order of ``NEW``.  SQLAlchemy works out each row's parameters anew, which for
    thousands of rows takes longer than the database does; SQLite takes the values as they are."""
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(NEW))
        connection.exec_driver_sql(f"INSERT INTO defect ({', '.join(NEW)}) VALUES ({marks})", list(rows))
        return
    found, changed = NEW.index("found_at"), NEW.index("changed_at")
    for values in rows:
        named = dict(zip(NEW, values, strict=True))
        named["found_at"] = datetime.fromisoformat(values[found]).replace(tzinfo=UTC)
        named["changed_at"] = datetime.fromisoformat(values[changed]).replace(tzinfo=UTC)
        connection.execute(insert(DefectTable.__table__), named)  # type: ignore[arg-type]


def _as_text(moment: datetime) -> str:
    """Return a time as SQLAlchemy has SQLite keep it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _known(session: Session, roll_id: int, numbers: Sequence[int]) -> dict[int, DefectTable]:
    known: dict[int, DefectTable] = {}
    highest = session.scalar(select(func.max(DefectTable.number)).where(DefectTable.roll_id == roll_id)) or 0
    numbers = [number for number in numbers if number <= highest]
    for first in range(0, len(numbers), NUMBERS_AT_ONCE):
        part = numbers[first : first + NUMBERS_AT_ONCE]
        query = select(DefectTable).where(DefectTable.roll_id == roll_id, DefectTable.number.in_(part))
        known |= {row.number: row for row in session.scalars(query)}
    return known


def _renew(session: Session, row: DefectTable, values: Mapping[str, Any]) -> None:
    """Take over a defect's new state; a person's word on its kind stays, and so how grave that makes it."""
    for name, value in values.items():
        setattr(row, "kind_found" if name == "kind" and row.kind_found is not None else name, value)
    if row.kind_found is not None:
        rate(session, row)
    settle(row)


def values_of(defect: Defect) -> tuple[Any, ...]:
    """Return what follows from a defect as it was told, in the order of ``TOLD``."""
    ratio = float(defect.ratio) if defect.threshold else 0.0
    length, width = float(defect.length_mm), float(defect.width_mm)
    return (
        int(defect.first_line),
        int(defect.end_line),
        int(defect.first_px),
        int(defect.end_px),
        length,
        width,
        float(defect.area_mm2),
        float(defect.position_mm),
        float(defect.across_mm),
        float(defect.score),
        str(defect.kind),
        str(defect.look),
        None if defect.look is Look.FINE else float(defect.threshold),
        None if defect.severity is None else str(defect.severity),
        None if defect.web_mm is None else float(defect.web_mm),
        None if defect.piece is None else storable(defect.piece),
        bool(defect.is_reject),
        bool(defect.closed),
        defect.merged_into,
        int(defect.parts),
        ratio if math.isfinite(ratio) else 0.0,
        max(length, width),
    )
