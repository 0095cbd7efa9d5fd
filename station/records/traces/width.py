"""This module keeps the width of the cloth along a roll, metre by metre, and reads it back.

The width is that from border to border of the cloth, selvedges included, measured once a row of tiles (some 0.1 m at
0.5 mm a line), as near as a bin of 8 px; it is kept only where both borders were seen inside the picture.  Where cloth
fills the picture, or somebody said which columns are cloth, the camera's width says nothing of the cloth's, and the
metre says that it was judged unmeasured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from station.contract import RowJudged
from station.records.reading.values import Values, as_they_lie
from station.records.schema import RollTable
from station.records.traces.profile import PART_LINES_WITHOUT_SCALE, PART_MM
from station.records.traces.table import WidthTable

COUNTS = ("judged_lines", "measured_lines", "line_px", "least_px", "least_line", "most_px", "most_line")


@dataclass(frozen=True, slots=True)
class WidthRow:
    """A row holds the width of the cloth over one metre of a roll, or 2,048 lines without a scale.

    Attributes:
        part: which metre, counted from 0.
        first_line, end_line: the lines judged of it, half-open.
        judged_lines, measured_lines: how many were judged, and on how many the width is known.
        mean_px: mean width where it is known, None where it nowhere is; so are the others.
        least_px, least_line: the least width, and where it begins.
        most_px, most_line: the greatest.
    """

    part: int
    first_line: int
    end_line: int
    judged_lines: int
    measured_lines: int
    mean_px: float | None = None
    least_px: int | None = None
    least_line: int | None = None
    most_px: int | None = None
    most_line: int | None = None


def part_of(line: int, mm_per_line: float | None) -> int:
    """Return the metre a line belongs to, without a scale the stretch of 2,048 lines."""
    return line // PART_LINES_WITHOUT_SCALE if mm_per_line is None else int(line * mm_per_line / PART_MM)


def keep_width(session: Session, roll: RollTable, rows: Sequence[RowJudged]) -> None:
    """Add judged rows to the widths of the metres in which they begin."""
    judged = [row for row in rows if row.width_px > 0]
    if not judged:
        return
    numbers = {part_of(int(row.first_line), roll.mm_per_line) for row in judged}
    query = select(WidthTable).where(WidthTable.roll_id == roll.id, WidthTable.part.between(min(numbers), max(numbers)))
    parts = {part.part: part for part in session.scalars(query)}
    for row in judged:
        first, end = int(row.first_line), int(row.end_line)
        number = part_of(first, roll.mm_per_line)
        part = parts.get(number)
        if part is None:
            part = WidthTable(roll_id=roll.id, part=number, first_line=first, end_line=end, **dict.fromkeys(COUNTS, 0))
            parts[number] = part
            session.add(part)
        part.first_line = min(part.first_line, first)
        part.end_line = max(part.end_line, end)
        part.judged_lines += end - first
        if row.cloth_px > 0:
            _measure(part, first, end, int(row.cloth_px))


def _measure(part: WidthTable, first: int, end: int, width_px: int) -> None:
    if part.measured_lines == 0 or width_px < part.least_px:
        part.least_px = width_px
        part.least_line = first
    if width_px > part.most_px:
        part.most_px = width_px
        part.most_line = first
    part.measured_lines += end - first
    part.line_px += (end - first) * width_px


def width_query(roll_id: int) -> Select[Any]:
    """Return the query for a roll's widths, in the order of the cloth."""
    return select(*as_they_lie(WidthTable)).where(WidthTable.roll_id == roll_id).order_by(WidthTable.part)


def width_row(row: Row[Any]) -> WidthRow:
    """Return the width over one metre.  Raises SpoiltRowError if a value is none of its column's."""
    value = Values(row, "width", f"{row.roll_id}, {row.part}")
    judged, measured = value.count("judged_lines"), value.count("measured_lines")
    known = WidthRow(value.count("part"), value.count("first_line"), value.count("end_line"), judged, measured)
    if measured > judged:
        raise value.spoilt("measured_lines", "is more than was judged")
    if measured == 0:
        return known
    least, most = value.count("least_px"), value.count("most_px")
    mean = value.count("line_px") / measured
    if not least <= mean <= most:
        raise value.spoilt("line_px", "does not lie between the least and the greatest width")
    return WidthRow(
        part=known.part,
        first_line=known.first_line,
        end_line=known.end_line,
        judged_lines=judged,
        measured_lines=measured,
        mean_px=mean,
        least_px=least,
        least_line=value.count("least_line"),
        most_px=most,
        most_line=value.count("most_line"),
    )
