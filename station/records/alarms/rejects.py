"""This module says which alarm a reject belongs to: rejects at one place across are one alarm, and so is one that runs.

A reject joins the alarm of the last one of its roll that lies as far across, within ``ACROSS_MM``, and no further along
than ``WITHIN_MM``, as a stop for a series has it by default.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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


class _Rejects:
    """The alarms of one roll's rejects near the cloth that is told of."""

    def __init__(self, session: Session, roll: RollTable, told: Mapping[int, tuple[Defect, datetime]]) -> None:
        self._session = session
        self._roll = roll
        self._unit = "px" if roll.mm_per_px is None else "mm"
        since_mm = min(defect.position_mm for defect, _ in told.values()) - WITHIN_MM
        query = select(AlarmTable).where(AlarmTable.roll_id == roll.id, AlarmTable.what == REJECT)
        self._by_id: dict[int, AlarmTable] = {}
        self._by_place: dict[int, list[AlarmTable]] = defaultdict(list)
        self._raised: list[AlarmTable] = []
        for alarm in session.scalars(query.where(AlarmTable.last_mm >= since_mm).order_by(AlarmTable.id)):
            self._note(alarm)
            self._by_id[alarm.id] = alarm

    def weigh(
        self, told: Mapping[int, tuple[Defect, datetime]], known: Mapping[int, DefectTable], at: datetime
    ) -> dict[int, int]:
        chosen: dict[int, AlarmTable] = {}
        for number, (defect, found_at) in told.items():
            row = known.get(number)
            before = None if row is None or row.alarm_id is None else self._of(row.alarm_id)
            if before is not None and row is not None:
                before.still_open -= not row.closed
                before.occurrences -= 1
            if _is_alarm(defect):
                moment = at if row is not None else found_at
                alarm = before or self._matching(defect) or self._raise(defect, moment)
                self._carry_on(alarm, defect, moment)
                chosen[number] = alarm
            if before is not None:
                self._end(before, at)
        for alarm in {id(one): one for one in chosen.values()}.values():
            self._end(alarm, at)
        self._session.flush()
        self._session.add_all(
            AlarmStepTable(alarm_id=alarm.id, at=alarm.raised_at, step="raised", who=STATION) for alarm in self._raised
        )
        return {number: alarm.id for number, alarm in chosen.items()}

    def _of(self, number: int) -> AlarmTable | None:
        """Return an alarm; one whose last reject lies far back, for a defect that has run since, is read by itself."""
        if number not in self._by_id:
            alarm = self._session.get(AlarmTable, number)
            if alarm is None:
                return None
            self._by_id[number] = alarm
        return self._by_id[number]

    def _note(self, alarm: AlarmTable) -> None:
        self._by_place[round((alarm.across_mm or 0.0) / ACROSS_MM)].append(alarm)

    def _near(self, across: float) -> Iterator[AlarmTable]:
        place = round(across / ACROSS_MM)
        for beside in (place, place - 1, place + 1):
            yield from reversed(self._by_place.get(beside, ()))

    def _matching(self, defect: Defect) -> AlarmTable | None:
        for alarm in self._near(defect.across_mm):
            beside = abs((alarm.across_mm or 0.0) - defect.across_mm) <= ACROSS_MM
            if beside and alarm.occurrences and abs(defect.position_mm - (alarm.last_mm or 0.0)) <= WITHIN_MM:
                return alarm
        return None

    def _raise(self, defect: Defect, at: datetime) -> AlarmTable:
        alarm = AlarmTable(
            what=REJECT,
            severity=str(Severity.ERROR),
            cause="",
            text="",
            roll_id=self._roll.id,
            raised_at=at,
            last_at=at,
            occurrences=0,
            acknowledged_by="",
            across_mm=float(defect.across_mm),
            last_mm=float(defect.position_mm),
            still_open=0,
        )
        self._session.add(alarm)
        self._raised.append(alarm)
        self._note(alarm)
        return alarm

    def _carry_on(self, alarm: AlarmTable, defect: Defect, at: datetime) -> None:
        alarm.occurrences += 1
        alarm.still_open += not defect.closed
        alarm.last_at = max(alarm.last_at, at)
        alarm.last_mm = max(alarm.last_mm or 0.0, float(defect.position_mm + defect.length_mm))
        if alarm.occurrences == 1 or defect.position_mm + defect.length_mm >= alarm.last_mm:
            alarm.text = self._text(defect, alarm.occurrences)

    def _end(self, alarm: AlarmTable, at: datetime) -> None:
        """End an alarm none of whose rejects grows any more, take an end back where one does again."""
        is_over = alarm.still_open <= 0
        if is_over and alarm.gone_at is None:
            alarm.gone_at = max(at, alarm.raised_at)
        elif not is_over:
            alarm.gone_at = None

    def _text(self, defect: Defect, count: int) -> str:
        unit = self._unit
        what = kind_words(defect.kind, defect.parts, defect.look)
        size = f"{what} {defect.length_mm:.0f} × {defect.width_mm:.0f} {unit}"
        along = f"{defect.position_mm / 1000:.1f} m" if unit == "mm" else f"{defect.position_mm:.0f} px"
        if count > 1:
            return f"{count} rejects at {defect.across_mm:.0f} {unit} across, the last at {along}: {size}"
        return f"{size} at {along}, {defect.across_mm:.0f} {unit} across"
