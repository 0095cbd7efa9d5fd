"""This module says which alarm a reject belongs to: rejects at one place across are one alarm, and so is one that runs.

A reject joins the alarm of the last one of its roll that lies as far across, within ``ACROSS_MM``, and no further along
than ``WITHIN_MM``, as a stop for a series has it by default.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from station.contract import Defect, Severity
from station.records.alarms.tables import AlarmStepTable, AlarmTable
from station.records.schema import DefectTable, RollTable
from station.state.defect_kind import kind_words

REJECT = "reject"
ACROSS_MM = 10.0
WITHIN_MM = 2000.0
"""Without a scale both are px."""
STATION = "station"


def weigh_rejects(
    session: Session,
    roll: RollTable,
    told: Mapping[int, tuple[Defect, datetime]],
    known: Mapping[int, DefectTable],
    at: datetime,
) -> dict[int, int]:
    """Raise, carry on and end the alarms of rejects; return the alarm of each defect told that has one, by number.

    Args:
        told: the last state of each defect and when it was first told, by number.
        known: those of them that are on record, as they are there before.
        at: when the last of it was told.
    """
    weighed = {
        number: one
        for number, one in told.items()
        if _is_alarm(one[0]) or (number in known and known[number].alarm_id is not None)
    }
    return _Rejects(session, roll, weighed).weigh(weighed, known, at) if weighed else {}


def _is_alarm(defect: Defect) -> bool:
    return defect.is_reject and defect.merged_into is None


@dataclass(slots=True, eq=False)
class _Going:
    """An alarm while its rejects are weighed; its row is written once, when all are."""

    across_mm: float
    last_mm: float
    raised_at: datetime
    last_at: datetime
    row: AlarmTable | None = None
    occurrences: int = 0
    still_open: int = 0
    last: Defect | None = None

    @classmethod
    def of(cls, row: AlarmTable) -> _Going:
        place = (row.across_mm or 0.0, row.last_mm or 0.0)
        return cls(*place, row.raised_at, row.last_at, row, row.occurrences, row.still_open)

    def take(self, defect: Defect, at: datetime) -> None:
        self.occurrences += 1
        self.still_open += not defect.closed
        self.last_at = max(self.last_at, at)
        end_mm = defect.position_mm + defect.length_mm
        if end_mm >= self.last_mm or self.last is None:
            self.last = defect
            self.last_mm = max(self.last_mm, end_mm)

    def matches(self, defect: Defect) -> bool:
        return (
            abs(self.across_mm - defect.across_mm) <= ACROSS_MM
            and self.occurrences > 0
            and abs(defect.position_mm - self.last_mm) <= WITHIN_MM
        )


class _Rejects:
    """The alarms of one roll's rejects near the cloth that is told of."""

    def __init__(self, session: Session, roll: RollTable, told: Mapping[int, tuple[Defect, datetime]]) -> None:
        self._session = session
        self._roll = roll
        self._unit = "px" if roll.mm_per_px is None else "mm"
        since_mm = min(defect.position_mm for defect, _ in told.values()) - WITHIN_MM
        query = select(AlarmTable).where(AlarmTable.roll_id == roll.id, AlarmTable.what == REJECT)
        self._by_id: dict[int, _Going] = {}
        self._by_place: dict[int, list[_Going]] = defaultdict(list)
        for row in session.scalars(query.where(AlarmTable.last_mm >= since_mm).order_by(AlarmTable.id)):
            self._by_id[row.id] = self._noted(_Going.of(row))

    def weigh(
        self, told: Mapping[int, tuple[Defect, datetime]], known: Mapping[int, DefectTable], at: datetime
    ) -> dict[int, int]:
        """Weigh all that is told; return the alarm of each defect that has one, by number."""
        chosen: dict[int, _Going] = {}
        touched: dict[int, _Going] = {}
        for number, (defect, found_at) in told.items():
            row = known.get(number)
            before = None if row is None or row.alarm_id is None else self._of(row.alarm_id)
            if before is not None and row is not None:
                before.still_open -= not row.closed
                before.occurrences -= 1
                touched[id(before)] = before
            if _is_alarm(defect):
                moment = found_at if row is None else at
                going = before or self._matching(defect) or self._raised(defect, moment)
                going.take(defect, moment)
                chosen[number] = going
                touched[id(going)] = going
        rows = {key: self._written(going, at) for key, going in touched.items()}
        self._session.flush()
        return {number: rows[id(going)].id for number, going in chosen.items()}

    def _of(self, number: int) -> _Going | None:
        """Return an alarm; one whose last reject lies far back, for a defect that has run since, is read by itself."""
        if number not in self._by_id:
            row = self._session.get(AlarmTable, number)
            if row is None:
                return None
            self._by_id[number] = _Going.of(row)
        return self._by_id[number]

    def _noted(self, going: _Going) -> _Going:
        self._by_place[round(going.across_mm / ACROSS_MM)].append(going)
        return going

    def _matching(self, defect: Defect) -> _Going | None:
        place = round(defect.across_mm / ACROSS_MM)
        for beside in (place, place - 1, place + 1):
            for going in reversed(self._by_place.get(beside, ())):
                if going.matches(defect):
                    return going
        return None

    def _raised(self, defect: Defect, at: datetime) -> _Going:
        return self._noted(_Going(float(defect.across_mm), float(defect.position_mm), at, at))

    def _written(self, going: _Going, at: datetime) -> AlarmTable:
        """Write an alarm to its row; it is gone when none of its rejects grows any more."""
        row = going.row
        if row is None:
            row = AlarmTable(
                what=REJECT, severity=str(Severity.ERROR), cause="", text="", roll_id=self._roll.id,
                raised_at=going.raised_at, across_mm=going.across_mm, acknowledged_by="",
            )  # fmt: skip
            row.steps.append(AlarmStepTable(at=going.raised_at, step="raised", who=STATION))
            self._session.add(row)
        row.occurrences = going.occurrences
        row.still_open = going.still_open
        row.last_at = going.last_at
        row.last_mm = float(going.last_mm)
        if going.last is not None:
            row.text = self._text(going.last, going.occurrences)
        if going.still_open > 0:
            row.gone_at = None
        elif row.gone_at is None:
            row.gone_at = max(at, going.raised_at)
        return row

    def _text(self, defect: Defect, count: int) -> str:
        unit = self._unit
        what = kind_words(defect.kind, defect.parts, defect.look)
        size = f"{what} {defect.length_mm:.0f} × {defect.width_mm:.0f} {unit}"
        along = f"{defect.position_mm / 1000:.1f} m" if unit == "mm" else f"{defect.position_mm:.0f} px"
        if count > 1:
            return f"{count} rejects at {defect.across_mm:.0f} {unit} across, the last at {along}: {size}"
        return f"{size} at {along}, {defect.across_mm:.0f} {unit} across"
