"""This module keeps the score profile of a roll, inside a write transaction of the writer's thread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from station.contract import RowJudged
from station.records.schema import ProfileTable, RollTable

PART_MM = 1000.0
PART_LINES_WITHOUT_SCALE = 2048


def keep_profile(session: Session, roll: RollTable, rows: Sequence[RowJudged]) -> None:
    """Add judged rows to the roll's profile, about a metre to a part, and to its mean width."""
    if not rows:
        return
    part_lines = PART_LINES_WITHOUT_SCALE if roll.mm_per_line is None else max(1, round(PART_MM / roll.mm_per_line))
    query = select(ProfileTable).where(ProfileTable.roll_id == roll.id).order_by(ProfileTable.id.desc()).limit(1)
    part = session.scalar(query)
    for row in rows:
        first, end = int(row.first_line), int(row.end_line)
        if part is None or first < part.first_line or end - part.first_line > part_lines:
            part = ProfileTable(roll_id=roll.id, first_line=first, end_line=end, rows=b"", peaks=b"")
            session.add(part)
        part.end_line = max(part.end_line, end)
        part.rows += np.array([first, end, row.peaks.size], "<i8").tobytes()
        part.peaks += np.ascontiguousarray(row.peaks, "<f4").tobytes()
        if row.width_px > 0:
            roll.judged_lines += end - first
            roll.judged_line_px += (end - first) * int(row.width_px)
    session.flush()
