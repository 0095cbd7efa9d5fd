"""This module writes reviews inside a write transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from station.records import audit
from station.records.rating.kept import keep_grade
from station.records.rows import RecordsError, Verdict
from station.records.schema import DefectTable, ReviewTable, now


def add_review(session: Session, defect_id: int, verdict: Verdict, by: str, note: str) -> None:
    """Append a review and copy its verdict to the defect.  Raises RecordsError if there is no such defect."""
    defect = session.get(DefectTable, defect_id)
    if defect is None:
        raise RecordsError(f"There is no defect number {defect_id}; load the list again.")
    old = defect.verdict or ""
    session.add(ReviewTable(defect_id=defect_id, verdict=str(verdict), at=now(), who=by, note=note))
    defect.verdict = str(verdict)
    defect.reviewed_by = by
    keep_grade(session, defect.roll_id)
    audit.append(session, "defect reviewed", old, f"defect {defect_id}: {verdict}", by, note)
