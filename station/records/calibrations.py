"""This module writes calibrations inside a write transaction and reads them as :class:`CalibrationRow`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from station.records import audit
from station.records.reading.values import SpoiltRowError, Values, as_they_lie
from station.records.rows import CalibrationRow, NewCalibration
from station.records.schema import CalibrationTable, RollCalibrationTable, now


def add_calibrations(session: Session, new: Iterable[NewCalibration], by: str, why: str) -> list[int]:
    """Append all calibrations or none and return their numbers."""
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
    """Record which calibrations a roll was inspected with."""
    session.add_all(RollCalibrationTable(roll_id=roll_id, calibration_id=one) for one in dict.fromkeys(calibration_ids))
    session.flush()


def calibration_query(camera_id: str | None = None, roll_id: int | None = None) -> Select[Any]:
    """Return the query for calibrations, newest first: all, those of one camera, or those a roll was inspected with."""
    query = select(*as_they_lie(CalibrationTable)).order_by(CalibrationTable.id.desc())
    if camera_id is not None:
        query = query.where(CalibrationTable.camera_id == camera_id)
    if roll_id is not None:
        link = RollCalibrationTable
        query = query.join(link, link.calibration_id == CalibrationTable.id).where(link.roll_id == roll_id)
    return query


def calibration_row(row: Row[Any]) -> CalibrationRow:
    """Return a calibration from its database row; a result that is no JSON object becomes empty, which fits nothing.

    Raises:
        SpoiltRowError: another value is spoilt.
    """
    value = Values(row, "calibration", row.id)
    try:
        result = value.json_object("facts")  # the column keeps its first name
    except SpoiltRowError:
        result = {}
    return CalibrationRow(
        id=value.whole("id"),
        kind=value.text("kind"),
        camera_id=value.text("camera_id"),
        serial=value.text("serial"),
        width_px=value.whole_or_none("width_px"),
        result=result,
        residual=value.number_or_none("residual"),
        residual_unit=value.text("residual_unit"),
        made_at=value.time("created_at"),
        made_by=value.text("created_by"),
    )
