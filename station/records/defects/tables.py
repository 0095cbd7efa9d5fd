"""This module describes the tables beside the defects: opinions, counts kept up to date, cloth kept for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from station.records.schema import Base


class OpinionTable(Base):
    """An opinion is what a person says of a defect by now, over all their reviews that were not taken back.

    ``verdict`` is '' where they gave none.  ``found_at`` repeats the defect's, so that a reviewer's defects are found
    newest first.
    """

    __tablename__ = "opinion"
    __table_args__ = (Index("ix_opinion_who", "who", "found_at", "defect_id"),)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), primary_key=True)
    who: Mapped[str] = mapped_column(String(128), primary_key=True)
    found_at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str | None] = mapped_column(String(32))
    severity: Mapped[str | None] = mapped_column(String(16))


class TallyTable(Base):
    """A tally is the number of a roll's defects that are alike; merged ones are not counted.  ``verdict`` is '' where
    there is none."""

    __tablename__ = "tally"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - a roll's counts lie beside one another
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_reject: Mapped[bool] = mapped_column(primary_key=True)
    missed: Mapped[bool] = mapped_column(primary_key=True)
    count: Mapped[int]


class KindTallyTable(Base):
    """A row sums up the tallies of a roll's defects of one kind, so that years of rolls are summed up at once.

    ``defects`` are all, those that were missed too; ``rejects`` were found, and of these ``confirmed`` and
    ``false_alarms``; ``missed`` leaves out what turned out to be none.
    """

    __tablename__ = "kind_tally"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - a roll's counts lie beside one another
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    defects: Mapped[int]
    rejects: Mapped[int]
    confirmed: Mapped[int]
    false_alarms: Mapped[int]
    missed: Mapped[int]


class KeptRecordingTable(Base):
    """A row names a recording that is never thrown away, by the path of its folder (relative to the home where it lies
    in it), with who said so, when and why."""

    __tablename__ = "kept_recording"
    folder: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(128))
    why: Mapped[str] = mapped_column(Text)
