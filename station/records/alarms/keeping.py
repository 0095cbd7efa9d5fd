"""This module writes the history of alarms from what is told: notices, stops of the machine, faults, and answers.

One cause is one alarm that goes on: what is told again joins it, unless it is gone and was answered, or was not told
for ``QUIET``.  What has no end of its own (most notices) is gone as soon as it is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from station.contract import Acknowledged, Event, Fault, Notice, Severity, StopChanged, StopStep
from station.records.alarms.tables import AlarmStepTable, AlarmTable
from station.records.schema import DefectTable, storable

QUIET = timedelta(hours=1)
NOTICE, STOP, FAULT = "notice", "stop", "fault"
RAISED, ACKNOWLEDGED, GONE = "raised", "acknowledged", "gone"
LINE = "line"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_MORE = re.compile(r"^(\d+) more of this: ")
_ORDER = tuple(map(str, Severity))
_ENDS = (StopStep.WITHDRAWN, StopStep.VETOED, StopStep.RELEASED)
_ANSWERS = (StopStep.VETOED, StopStep.RELEASED)


class Told(Protocol):
    """What was told, and when."""

    @property
    def event(self) -> Event:
        """Give the event."""

    @property
    def at(self) -> datetime:
        """Give when it was told."""


def cause_of(text: str) -> str:
    """Return by what a text is known again: itself without its numbers, as these differ from one time to the next."""
    return _NUMBER.sub("#", text)


def keep_alarms(session: Session, roll_id: int | None, entries: Sequence[Told]) -> None:
    """Put on record what the entries of a roll, or of none, say of alarms other than those of rejects."""
    for entry in entries:
        event, at = entry.event, entry.at
        if isinstance(event, Notice):
            _keep_notice(session, roll_id, event, at)
        elif isinstance(event, Fault):
            more = _MORE.match(event.text)
            text = storable(_MORE.sub("", event.text))
            alarm = _joined(session, roll_id, FAULT, cause_of(text), at)
            _tell(session, alarm, Severity.ERROR, text, at, int(more[1]) if more else 1)
            alarm.gone_at = at
        elif isinstance(event, StopChanged):
            _keep_stop(session, roll_id, event, at)


def end_alarms(session: Session, roll_id: int, at: datetime) -> None:
    """End the alarms of a roll that has ended; a stop goes on until it is released."""
    going = (AlarmTable.roll_id == roll_id, AlarmTable.what != STOP, AlarmTable.gone_at.is_(None))
    session.flush()
    session.execute(update(AlarmTable).where(*going).values(gone_at=at))


def acknowledge(session: Session, roll_id: int | None, event: Acknowledged, at: datetime) -> list[AlarmTable]:
    """Put a person's answer on record: on the alarms of the rejects of a roll, by number, and on those of notices, by
    text.  Returns these alarms.  The first answer counts; each is a step."""
    session.flush()
    found: list[AlarmTable] = []
    if roll_id is not None and event.rejects:
        of = select(DefectTable.alarm_id).where(
            DefectTable.roll_id == roll_id, DefectTable.number.in_(event.rejects), DefectTable.alarm_id.is_not(None)
        )
        found += session.scalars(select(AlarmTable).where(AlarmTable.id.in_(of)).order_by(AlarmTable.id))
    for told in event.notices:
        text = storable(_MORE.sub("", told))
        query = select(AlarmTable).where(
            AlarmTable.acknowledged_at.is_(None), or_(AlarmTable.text == text, AlarmTable.cause == cause_of(text))
        )
        found += session.scalars(query.order_by(AlarmTable.raised_at.desc(), AlarmTable.id.desc()).limit(1))
    for alarm in found:
        _answer(alarm, event.by, at)
        _step(session, alarm, at, ACKNOWLEDGED, event.by)
    return found


def _keep_notice(session: Session, roll_id: int | None, notice: Notice, at: datetime) -> None:
    if notice.ends:
        query = select(AlarmTable).where(AlarmTable.cause == notice.ends, AlarmTable.gone_at.is_(None))
        query = query.where(AlarmTable.what == NOTICE, or_(AlarmTable.roll_id == roll_id, AlarmTable.roll_id.is_(None)))
        for alarm in session.scalars(query):
            alarm.gone_at = max(at, alarm.raised_at)
            _step(session, alarm, at, GONE, LINE)
        return
    text = storable(notice.text)
    alarm = _joined(session, roll_id, NOTICE, notice.begins or cause_of(text), at)
    _tell(session, alarm, notice.severity, text, at)
    alarm.gone_at = None if notice.begins else at


def _keep_stop(session: Session, roll_id: int | None, event: StopChanged, at: datetime) -> None:
    cause, by = storable(event.cause), storable(event.by)
    query = select(AlarmTable).where(AlarmTable.what == STOP, AlarmTable.cause == cause, AlarmTable.gone_at.is_(None))
    alarm = session.scalar(query.order_by(AlarmTable.id.desc()).limit(1))
    if alarm is None:
        alarm = _made(session, roll_id, STOP, cause, at)
        _tell(session, alarm, Severity.WARNING, cause, at)
    alarm.last_at = max(at, alarm.last_at)
    if event.step is not StopStep.ANNOUNCED:
        _step(session, alarm, at, str(event.step), by)
    if event.step is StopStep.REQUESTED:
        alarm.severity = str(Severity.ERROR)
    if event.step in _ANSWERS:
        _answer(alarm, by, at)
    if event.step in _ENDS:
        alarm.gone_at = max(at, alarm.raised_at)


def _joined(session: Session, roll_id: int | None, what: str, cause: str, at: datetime) -> AlarmTable:
    """Return the alarm that goes on with this cause, or a new one."""
    query = select(AlarmTable).where(AlarmTable.roll_id == roll_id, AlarmTable.what == what, AlarmTable.cause == cause)
    last = session.scalar(query.order_by(AlarmTable.id.desc()).limit(1))
    if last is not None and last.gone_at is None:
        return last
    if last is not None and last.acknowledged_at is None and at - last.last_at <= QUIET:
        return last
    return _made(session, roll_id, what, cause, at)


def _made(session: Session, roll_id: int | None, what: str, cause: str, at: datetime) -> AlarmTable:
    alarm = AlarmTable(
        what=what,
        severity=str(Severity.INFO),
        cause=cause,
        text="",
        roll_id=roll_id,
        raised_at=at,
        last_at=at,
        occurrences=0,
        acknowledged_by="",
        still_open=0,
    )
    session.add(alarm)
    session.flush()
    _step(session, alarm, at, RAISED, LINE)
    return alarm


def _tell(session: Session, alarm: AlarmTable, severity: Severity, text: str, at: datetime, times: int = 1) -> None:
    alarm.occurrences += times
    alarm.text = text
    alarm.last_at = max(at, alarm.last_at)
    alarm.severity = max(alarm.severity, str(severity), key=_ORDER.index)
    session.flush()


def _answer(alarm: AlarmTable, by: str, at: datetime) -> None:
    if alarm.acknowledged_at is None:
        alarm.acknowledged_at = max(at, alarm.raised_at)
        alarm.acknowledged_by = by


def _step(session: Session, alarm: AlarmTable, at: datetime, step: str, who: str) -> None:
    session.add(AlarmStepTable(alarm_id=alarm.id, at=at, step=step, who=who))
