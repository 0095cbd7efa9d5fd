"""This module reads a roll's map: where its defects lie, with what a mark on the map shows and no more."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from station.records.engine import shown
from station.records.errors import records_error
from station.records.schema import DefectTable

_SHOWN = (
    "id", "number", "first_line", "end_line", "first_px", "end_px", "kind", "is_reject", "verdict", "ratio", "missed",
)  # fmt: skip


class Mark(NamedTuple):
    """A mark is a defect on a roll's map; lines and columns are half-open, ``ratio`` is its score in thresholds."""

    id: int
    number: int
    first_line: int
    end_line: int
    first_px: int
    end_px: int
    kind: str
    is_reject: bool
    verdict: str | None
    ratio: float
    missed: bool


def marks(engine: Engine, roll_id: int) -> list[Mark]:
    """Return the marks of a roll by position, without those that were merged; values are as they lie.

    Raises:
        RecordsError: the database cannot be read.
    """
    columns: list[Any] = [type_coerce(DefectTable.__table__.c[name], NullType()) for name in _SHOWN]
    query = select(*columns).where(DefectTable.roll_id == roll_id, DefectTable.merged_into.is_(None))
    try:
        with Session(engine) as session:
            found = session.execute(query.order_by(DefectTable.first_line, DefectTable.number))
            return [Mark(*row) for row in found]
    except SQLAlchemyError as error:
        raise records_error(error, shown(engine.url)) from error
