"""This module describes the tables of grading exactly as the migrations make them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from station.records.schema import Base


class RuleTable(Base):
    """A row holds one version of a grading rule and is never changed.  ``body`` is the rule as JSON."""

    __tablename__ = "grading_rule"
    __table_args__ = (UniqueConstraint("name", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class RollGradingTable(Base):
    """A row holds what a roll is graded by, and its grade once it has ended.

    ``rule_id`` is None where no rule could be had, for the reason ``lacking``.  ``cuttable_mm``, ``weight_kg`` and
    ``grams_per_m2`` are what people say of the roll.  ``points``, ``points_per_100_m2`` and ``grade`` follow the
    defects and their reviews once the roll has ended; they are None before, and where there is no such figure.
    """

    __tablename__ = "roll_grading"
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"), primary_key=True, autoincrement=False)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("grading_rule.id"))
    lacking: Mapped[str] = mapped_column(Text, server_default="")
    cuttable_mm: Mapped[float | None]
    weight_kg: Mapped[float | None]
    grams_per_m2: Mapped[float | None]
    points: Mapped[int | None]
    points_per_100_m2: Mapped[float | None]
    grade: Mapped[str | None] = mapped_column(String(16))
