"""This module keeps what people did to rolls along their way: pauses with their reasons, and joined cloths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from station.records import audit
from station.records.roll_life.table import RollMarkTable
from station.records.schema import RollTable, storable
from station.state.roll import MarkKind, RollMark


@dataclass(frozen=True, slots=True)
class MarkRow:
    """A row holds one mark of a roll on record, with when it was made (UTC-aware)."""

    kind: MarkKind
    line: int
    note: str
    by: str
    at: datetime


def keep_marks(session: Session, roll: RollTable, told: Iterable[tuple[object, datetime]]) -> None:
    """Put the marks among events on record, each with its time; one that is there already is left out, as events that
    waited in a file may be told twice."""
    for event, at in told:
        if not isinstance(event, RollMark):
            continue
        known = select(RollMarkTable.id).where(
            RollMarkTable.roll_id == roll.id, RollMarkTable.at == at, RollMarkTable.kind == str(event.kind)
        )
        if session.scalar(known.limit(1)) is not None:
            continue
        note, by = storable(event.note), storable(event.by)
        session.add(
            RollMarkTable(roll_id=roll.id, line=int(event.line), at=at, kind=str(event.kind), note=note, who=by)
        )
        session.flush()  # ids are in the order told
        where = f"roll number {roll.id}, line {event.line}"
        what = ": ".join(filter(None, (roll.name, note)))
        audit.append(session, f"roll {event.kind}", "", what, by or "station", where)
