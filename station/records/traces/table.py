"""This module describes the table of widths along rolls, as the migrations make it."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from station.records.schema import Base


class WidthTable(Base):
    """A row holds the width of the cloth over one metre of a roll, or 2,048 lines without a scale.

    Attributes:
        part: which metre, counted from 0.
        first_line, end_line: the lines judged of it.
        judged_lines, measured_lines: how many were judged, and on how many of them both borders of the cloth lay inside
            the picture; what follows is of these alone, and 0 where there are none.
        line_px: lines times width in px, for the mean.
        least_px, least_line: the least width, and the first line of the rows of tiles that have it.
        most_px, most_line: the greatest.
    """

    __tablename__ = "width"
    roll_id: Mapped[int] = mapped_column(ForeignKey("roll.id"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_line: Mapped[int] = mapped_column(BigInteger)
    end_line: Mapped[int] = mapped_column(BigInteger)
    judged_lines: Mapped[int]
    measured_lines: Mapped[int]
    line_px: Mapped[int] = mapped_column(BigInteger)
    least_px: Mapped[int]
    least_line: Mapped[int] = mapped_column(BigInteger)
    most_px: Mapped[int]
    most_line: Mapped[int] = mapped_column(BigInteger)
