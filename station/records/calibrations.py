"""Rows of calibrations: written inside a write transaction, read as :class:`CalibrationRow`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from station.records import audit
from station.records.rows import CalibrationRow, NewCalibration
from station.records.schema import CalibrationTable, RollCalibrationTable, now


def add_calibrations(session: Session, new: Iterable[NewCalibration], by: str, why: str) -> list[int]:
    """Append calibrations, all or none; returns their numbers."""
    return [_add(session, one, by, why) for one in new]


def _add(session: Session, new: NewCalibration, by: str, why: str) -> int:
    row = CalibrationTable(
        camera_id=new.camera_id,
        serial=new.serial,
        width_px=new.width_px,
        kind=new.kind,
        result=json.dumps(dict(new.result), sort_keys=True, allow_nan=False),
        residual=new.residual,
        residual_unit=new.residual_unit,
        created_at=now(),
        created_by=by,
    )
    session.add(row)
    session.flush()
    audit.append(session, "calibration added", "", f"{new.kind} of {new.camera_id}, number {row.id}", by, why)
    return row.id


def link_calibrations(session: Session, roll_id: int, calibration_ids: Iterable[int]) -> None:
    """Put on record which calibrations a roll was inspected with."""
    session.add_all(RollCalibrationTable(roll_id=roll_id, calibration_id=one) for one in dict.fromkeys(calibration_ids))
    session.flush()


def calibration_query(camera_id: str | None = None, roll_id: int | None = None) -> Select[Any]:
    """Calibrations, newest first: of one camera, or those a roll was inspected with; by default all."""
    query = select(CalibrationTable.__table__).order_by(CalibrationTable.id.desc())
    if camera_id is not None:
        query = query.where(CalibrationTable.camera_id == camera_id)
    if roll_id is not None:
        link = RollCalibrationTable
        query = query.join(link, link.calibration_id == CalibrationTable.id).where(link.roll_id == roll_id)
    return query


def calibration_row(row: Row[Any]) -> CalibrationRow:
    """A calibration as it is given back; a result that is no JSON object (damage, a stranger's hand) is empty."""
    result: Mapping[str, Any]
    try:
        result = json.loads(row.facts)  # the column keeps the name it was made with
    except (ValueError, RecursionError):
        result = {}
    return CalibrationRow(
        id=row.id,
        kind=row.kind,
        camera_id=row.camera_id,
        serial=row.serial,
        width_px=row.width_px,
        result=result if isinstance(result, dict) else {},
        residual=row.residual,
        residual_unit=row.residual_unit,
        made_at=row.created_at,
        made_by=row.created_by,
    )
