"""This module describes the tables of the alarm history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from station.records.schema import Base


class AlarmTable(Base):
    """An alarm has one cause and goes on while that does.

    Attributes:
        what: reject, notice, stop or fault.
        severity: as a notice's.
        cause: by what it is known again: a notice's text without its numbers, a stop's text, '' for rejects.
        text: what was told last.
        roll_id: the roll it belongs to, None where none was open.
        raised_at, last_at: first and last time the cause was told.
        occurrences: how often it was told; for rejects, how many there are of them at one place across.
        acknowledged_at, acknowledged_by: the first answer of a person.
        gone_at: when the cause was over; None while it goes on.
        across_mm, last_mm: of rejects, place across and that of the last along the roll (px without a scale).
        still_open: how many of its rejects still grow.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        Index("ix_alarm_raised", "raised_at", "id"),
        Index("ix_alarm_cause", "roll_id", "what", "cause"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(String(16))
    severity: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    roll_id: Mapped[int | None] = mapped_column(ForeignKey("roll.id"))
    raised_at: Mapped[datetime]
    last_at: Mapped[datetime]
    occurrences: Mapped[int]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str] = mapped_column(String(128))
    gone_at: Mapped[datetime | None]
    across_mm: Mapped[float | None]
    last_mm: Mapped[float | None]
    still_open: Mapped[int] = mapped_column(server_default="0")
    steps: Mapped[list[AlarmStepTable]] = relationship(order_by="AlarmStepTable.id", lazy="raise")


class AlarmStepTable(Base):
    """A step is one thing that happened to an alarm: ``raised``, ``acknowledged``, ``gone``, or the step of a stop,
    with the person's name or 'station'.  Rows are only added."""

    __tablename__ = "alarm_step"
    __table_args__ = (Index("ix_alarm_step_alarm", "alarm_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"))
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(128))
