"""This module describes the table of what lies on disk of rolls, as the migrations make it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from station.records.schema import Base


class EvidenceTable(Base):
    """A row says what lies on disk of a roll that has ended, in files and bytes; ``first_bytes`` is how much it was
    before anything was removed.  While ``is_removing``, files of defects with ``pictures_dropped`` may still be there.
    """

    __tablename__ = "roll_evidence"
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"), primary_key=True)
    measured_at: Mapped[datetime]
    pictures: Mapped[int]
    picture_bytes: Mapped[int] = mapped_column(BigInteger)
    profile_bytes: Mapped[int] = mapped_column(BigInteger)
    first_bytes: Mapped[int] = mapped_column(BigInteger)
    pictures_dropped: Mapped[int] = mapped_column(server_default="0")
    profile_dropped: Mapped[bool] = mapped_column(server_default="0")
    is_removing: Mapped[bool] = mapped_column(server_default="0")
