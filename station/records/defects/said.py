"""This module reads what people said of a defect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, select

from station.contract import DefectKind
from station.records.defects.words import ReviewRow, Word
from station.records.reading.values import Values, as_they_lie
from station.records.rows import Verdict
from station.records.schema import ReviewTable


def review_query(defect_id: int) -> Select[Any]:
    """Return the query for a defect's reviews, in order."""
    return select(*as_they_lie(ReviewTable)).where(ReviewTable.defect_id == defect_id).order_by(ReviewTable.id)


def review_rows(rows: Iterable[Row[Any]]) -> list[ReviewRow]:
    """Return reviews.  Raises SpoiltRowError where one is spoilt."""
    return [_review_row(row) for row in rows]


def _review_row(row: Row[Any]) -> ReviewRow:
    value = Values(row, "review", row.id)
    return ReviewRow(
        id=value.whole("id"),
        defect_id=value.whole("defect_id"),
        at=value.time("at"),
        who=value.text("who"),
        word=Word(
            None if row.verdict == "" else value.one_of("verdict", Verdict),
            value.one_of_or_none("kind", DefectKind),
            value.text_or_none("severity"),
            value.text("note"),
        ),
        act=value.whole("act"),
        undone_at=value.time_or_none("undone_at"),
    )
