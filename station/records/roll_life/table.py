"""This module describes the table of what people did to rolls; see :mod:`station.records.schema`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from station.records.schema import Base


class RollMarkTable(Base):
    """A row says what a person did to a roll at a line: paused it (``note``: why), resumed it, joined two cloths."""

    __tablename__ = "roll_mark"
    __table_args__ = (Index("ix_roll_mark_roll", "roll_id", "line"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"))
    line: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(128))
