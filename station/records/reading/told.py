"""This module reads what was told along the way of rolls: by the audit, and how soon people answered."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, Row, and_, case, func, select, type_coerce
from sqlalchemy.types import NullType

from station.contract import ClothDiffers, Severity
from station.records.alarms.tables import AlarmTable
from station.records.reading import plain
from station.records.reading.values import Told, as_they_lie, readable
from station.records.rolls import COLUMNS, DIFFERS, SIGNED, place_of
from station.records.rows import SignatureRow, Verdict
from station.records.schema import DefectTable, EventTable, ReviewTable

log = logging.getLogger("station.records")


class FoundAlike(NamedTuple):
    """So many rejects have a kind, were missed or found, and are false alarms or not."""

    kind: str
    missed: bool
    is_false: bool
    number: int


class ToldOfRolls(ABC):
    """This part of the history reads what was told of rolls, by a way to read rows that it is given."""

    @abstractmethod
    def _rows(self, query: Executable) -> Sequence[Row[Any]]:
        """Return the rows of a query.  Raises RecordsError."""

    def answers(
        self, since: datetime, until: datetime, told: Told | None = None
    ) -> list[tuple[datetime, datetime | None]]:
        """Return when each reject that the station found in a period was found, and when somebody first answered its
        alarm or reviewed it; None where nobody has yet."""
        said = and_(ReviewTable.defect_id == DefectTable.id, ReviewTable.undone_at.is_(None))
        reviewed, acknowledged = func.min(ReviewTable.at), func.min(AlarmTable.acknowledged_at)
        first = case((reviewed < acknowledged, reviewed), else_=func.coalesce(acknowledged, reviewed))
        columns = (DefectTable.id, DefectTable.found_at, first.label("answered_at"))
        query = (
            select(*(type_coerce(column, NullType()).label(column.name) for column in columns))
            .join(ReviewTable, said, isouter=True)
            .join(AlarmTable, AlarmTable.id == DefectTable.alarm_id, isouter=True)
            .where(DefectTable.found_at >= since, DefectTable.found_at < until)
            .where(DefectTable.is_reject.is_not(False), DefectTable.merged_into.is_(None))
            .where(DefectTable.missed.is_not(True))
            .group_by(DefectTable.id)
        )
        return readable(self._rows(query), plain.answer_row, told)

    def found_in(self, since: datetime, until: datetime, roll_ids: Sequence[int]) -> list[FoundAlike]:
        """Return how many rejects of the rolls were found, or put on record as missed, in a period."""
        of = DefectTable
        alike = (of.kind, of.missed, func.coalesce(of.verdict, "") == str(Verdict.FALSE_ALARM))
        query = (
            select(*alike, func.count())
            .where(of.found_at >= since, of.found_at < until, of.roll_id.in_(roll_ids))
            .where(of.is_reject, of.merged_into.is_(None))
            .group_by(*alike)
        )
        return [FoundAlike(*row) for row in map(tuple, self._rows(query))]

    def waiting(self, roll_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return how many rejects of rolls are false alarms that the station found, and how many of those that count
        wait for a review, by the roll's number."""
        of = DefectTable
        is_false = func.coalesce(of.verdict, "") == str(Verdict.FALSE_ALARM)
        sums = [func.sum(case((one, 1), else_=0)) for one in (is_false & ~of.missed, ~is_false & of.needs_review)]
        query = select(of.roll_id, *sums).where(of.roll_id.in_(roll_ids), of.is_reject, of.merged_into.is_(None))
        rows = map(tuple, self._rows(query.group_by(of.roll_id)))
        return {roll_id: (int(false_alarms), int(unreviewed)) for roll_id, false_alarms, unreviewed in rows}

    def columns(self, roll_id: int) -> str:
        """Return which columns were judged as cloth on most lines of a roll, such as ``320 to 1023 of 1024``.

        '' where that is not on record: nothing was judged, or by a version before 0.3.
        """
        rows = self._audited(roll_id, COLUMNS)
        return str(rows[-1].new) if rows else ""

    def differing(self, roll_id: int) -> list[ClothDiffers]:
        """Return where a roll's cloth differed as a whole from what was taught, in order; the last has no end where the
        roll was broken off meanwhile."""
        found: dict[int, ClothDiffers] = {}
        for row in self._audited(roll_id, DIFFERS):
            try:
                told = ClothDiffers(**json.loads(row.new))
                found[int(told.first_line)] = told
            except (TypeError, ValueError) as error:
                log.warning("row %s of the audit does not say where cloth differs: %s", row.id, error)
        return [found[line] for line in sorted(found)]

    def warnings(self, roll_id: int) -> list[str]:
        """Return the warnings and errors told of a roll, in order; among them pictures that could not be read."""
        told = [f"notice: {severity}" for severity in (Severity.WARNING, Severity.ERROR)]
        return [str(row.new) for row in self._audited(roll_id, *told)]

    def signatures(self, roll_id: int, told: Told | None = None) -> list[SignatureRow]:
        """Return who signed a roll's report, in order."""
        return readable(self._audited(roll_id, SIGNED), plain.signature_row, told)

    def _audited(self, roll_id: int, *actions: str) -> Sequence[Row[Any]]:
        """Return the audit's rows with one of these actions on a roll, in order."""
        query = select(*as_they_lie(EventTable)).where(EventTable.action.in_(actions))
        return self._rows(query.where(EventTable.why == place_of(roll_id)).order_by(EventTable.id))
