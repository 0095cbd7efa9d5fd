"""Rows of reviews and calibrations, inside a write transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from station.records import audit
from station.records.rows import RecordsError, Verdict
from station.records.schema import CalibrationTable, DefectTable, ReviewTable, now


def add_review(session: Session, defect_id: int, verdict: Verdict, by: str, note: str) -> None:
    """Append a review and repeat its verdict at the defect.  Raises RecordsError if there is no such defect."""
    defect = session.get(DefectTable, defect_id)
    if defect is None:
        raise RecordsError(f"There is no defect number {defect_id}; load the list again.")
    old = defect.verdict or ""
    session.add(ReviewTable(defect_id=defect_id, verdict=str(verdict), at=now(), who=by, note=note))
    defect.verdict, defect.reviewed_by = str(verdict), by
    audit.append(session, "defect reviewed", old, f"defect {defect_id}: {verdict}", by, note)


def add_calibration(session: Session, kind: str, camera_id: str, facts: Mapping[str, Any], by: str, why: str) -> int:
    """Append a calibration; returns its number."""
    body = json.dumps(dict(facts), sort_keys=True, default=str)
    row = CalibrationTable(camera_id=camera_id, kind=kind, facts=body, created_at=now(), created_by=by)
    session.add(row)
    session.flush()
    audit.append(session, "calibration added", "", f"{kind} of {camera_id}, number {row.id}", by, why)
    return row.id
