"""This module reads the history of alarms: by time, text, person and state, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from unicodedata import normalize

from sqlalchemy import ColumnElement, Engine, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from station.contract import Severity
from station.records.alarms.tables import AlarmStepTable, AlarmTable
from station.records.engine import shown
from station.records.errors import records_error
from station.records.schema import RollTable

HOUR = timedelta(hours=1)
IDS_AT_ONCE = 10_000


class AlarmState(StrEnum):
    """The state says whether an alarm's cause goes on, and whether a person answered it (after ISA-18.2)."""

    ACTIVE = "active"
    ACKNOWLEDGED = "active, acknowledged"
    GONE = "gone, not acknowledged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class AlarmStep:
    """A step is what happened to an alarm, when (UTC) and by whom."""

    at: datetime
    step: str
    who: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """A row holds one alarm: one cause, with when it was raised, told last, answered and gone (UTC, None for not yet).

    ``what`` is reject, notice, stop or fault; ``severity`` a notice's; ``occurrences`` how often the cause was told, or
    how many rejects it has by now (0 where all turned out to pass).
    """

    id: int
    what: str
    severity: str
    text: str
    roll: str
    raised_at: datetime
    last_at: datetime
    occurrences: int
    acknowledged_at: datetime | None
    acknowledged_by: str
    gone_at: datetime | None
    steps: tuple[AlarmStep, ...] = ()

    @property
    def state(self) -> AlarmState:
        """Give the state by now."""
        if self.gone_at is None:
            return AlarmState.ACTIVE if self.acknowledged_at is None else AlarmState.ACKNOWLEDGED
        return AlarmState.GONE if self.acknowledged_at is None else AlarmState.CLOSED

    @property
    def per_hour(self) -> float:
        """Give how often an hour the cause was told, from the first time to the last; what lasted less than an hour
        counts as one."""
        return self.occurrences / (max(self.last_at - self.raised_at, HOUR) / HOUR)

    @property
    def answered_after(self) -> timedelta | None:
        """Give the time from the alarm to the first answer, None where nobody answered."""
        return None if self.acknowledged_at is None else self.acknowledged_at - self.raised_at


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """The filter says which alarms to return; None asks for nothing.

    Attributes:
        since, until: raised in this time, half-open (times with a zone).
        text: in its text, ignoring case.
        who: a person who answered, vetoed or released.
        what: reject, notice, stop or fault.
        severity: at least this grave.
        roll: the roll's name.
        state: its state by now.
        before: only those before this alarm in the list, by its time and number; for the next page.
    """

    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    who: str | None = None
    what: str | None = None
    severity: Severity | None = None
    roll: str | None = None
    state: AlarmState | None = None
    before: tuple[datetime, int] | None = None
    limit: int = 500


class AlarmHistory:
    """The alarm history reads the records from any thread; its methods raise RecordsError if they cannot be read.

    Args:
        engine: reads the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def alarms(self, chosen: AlarmFilter | None = None) -> list[AlarmRow]:
        """Return the alarms that match, newest first, with what happened to each."""
        chosen = chosen or AlarmFilter()
        query = select(AlarmTable, RollTable.name).join(RollTable, RollTable.id == AlarmTable.roll_id, isouter=True)
        query = query.where(*_asked(chosen)).order_by(AlarmTable.raised_at.desc(), AlarmTable.id.desc())
        try:
            with Session(self._engine) as session:
                found = [(alarm, name or "") for alarm, name in session.execute(query.limit(chosen.limit))]
                steps = _steps(session, [alarm.id for alarm, _ in found])
                return [_row(alarm, roll, steps.get(alarm.id, [])) for alarm, roll in found]
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error

    def per_hour(self, since: datetime, until: datetime) -> float:
        """Return how many alarms an hour were raised in the time, infos left out: about ten are bearable."""
        graver = AlarmFilter(since, until, severity=Severity.WARNING, limit=1_000_000)
        query = select(AlarmTable.id).where(*_asked(graver))
        try:
            with Session(self._engine) as session:
                return len(session.execute(query).all()) / max((until - since) / HOUR, 1e-9)
        except SQLAlchemyError as error:
            raise records_error(error, shown(self._engine.url)) from error


def _asked(chosen: AlarmFilter) -> list[ColumnElement[bool]]:
    of = AlarmTable
    asked: list[ColumnElement[bool]] = []
    if chosen.since is not None:
        asked.append(of.raised_at >= chosen.since)
    if chosen.until is not None:
        asked.append(of.raised_at < chosen.until)
    if chosen.before is not None:
        at, number = chosen.before
        asked.append(or_(of.raised_at < at, (of.raised_at == at) & (of.id < number)))
    if chosen.text:
        asked.append(of.text.icontains(normalize("NFC", chosen.text), autoescape=True))
    if chosen.who is not None:
        by_them = select(AlarmStepTable.alarm_id).where(AlarmStepTable.who == chosen.who)
        asked.append(of.id.in_(by_them))
    if chosen.what is not None:
        asked.append(of.what == chosen.what)
    if chosen.severity is not None:
        grave = list(Severity)
        asked.append(of.severity.in_([str(one) for one in grave[grave.index(chosen.severity) :]]))
    if chosen.roll is not None:
        asked.append(RollTable.name == chosen.roll)
        asked.append(RollTable.id == of.roll_id)
    if chosen.state is not None:
        is_over = chosen.state in (AlarmState.GONE, AlarmState.CLOSED)
        is_answered = chosen.state in (AlarmState.ACKNOWLEDGED, AlarmState.CLOSED)
        asked.append(of.gone_at.is_not(None) if is_over else of.gone_at.is_(None))
        asked.append(of.acknowledged_at.is_not(None) if is_answered else of.acknowledged_at.is_(None))
    return asked


def _steps(session: Session, ids: Sequence[int]) -> dict[int, list[AlarmStep]]:
    steps: dict[int, list[AlarmStep]] = defaultdict(list)
    for first in range(0, len(ids), IDS_AT_ONCE):
        query = select(AlarmStepTable).where(AlarmStepTable.alarm_id.in_(ids[first : first + IDS_AT_ONCE]))
        for row in session.scalars(query.order_by(AlarmStepTable.id)):
            steps[row.alarm_id].append(AlarmStep(row.at, row.step, row.who))
    return steps


def _row(alarm: AlarmTable, roll: str, steps: Sequence[AlarmStep]) -> AlarmRow:
    return AlarmRow(
        id=alarm.id,
        what=alarm.what,
        severity=alarm.severity,
        text=alarm.text,
        roll=roll,
        raised_at=alarm.raised_at,
        last_at=alarm.last_at,
        occurrences=alarm.occurrences,
        acknowledged_at=alarm.acknowledged_at,
        acknowledged_by=alarm.acknowledged_by,
        gone_at=alarm.gone_at,
        steps=tuple(steps),
    )
