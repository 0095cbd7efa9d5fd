"""This module writes the report as an Excel workbook: the summary, the defects, the stretches, each on its sheet.

Numbers are numbers and text is text in it, whatever the region settings of who opens it; no text becomes a formula.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import xlsxwriter

from model.durable import write_whole
from station.local_time import local
from station.quality.report_csv import DIGITS, FIELDS, heading
from station.quality.report_text import summary

if TYPE_CHECKING:
    from station.quality.report import Report

WIDEST = 60
Sheet = tuple[str, Sequence[str], Sequence[Sequence[object]]]
"""A sheet has a name, a heading and rows."""
STRETCH_FIELDS = ("first_line", "end_line", "from_m", "to_m", "reason")


def write_xlsx(made: Report, path: Path) -> None:
    """Write the report as a workbook, completely or not at all.  Raises OSError if the file cannot be written."""
    lacks = [("Not in this report", why) for why in made.incomplete_because]
    rows = [
        [made.roll, *(_rounded(getattr(defect, name), DIGITS.get(name)) for name in FIELDS), made.columns]
        for defect in made.defect_list
    ]
    stretches = [[getattr(stretch, name) for name in STRETCH_FIELDS] for stretch in made.stretches]
    sheets: list[Sheet] = [
        ("Roll", ("", ""), [("Roll", made.roll), *summary(made), *lacks]),
        ("Defects", heading(made), rows),
        ("Stretches", STRETCH_FIELDS, stretches),
    ]
    write_whole(path, workbook(sheets))


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """Return a workbook with these sheets, in order."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(content, options) as book:
        made = _Sheets(book)
        for name, head, rows in sheets:
            made.add(name, head, rows)
    return content.getvalue()


def _rounded(value: object, digits: int | None) -> object:
    return round(value, digits) if isinstance(value, float) and digits is not None and math.isfinite(value) else value


class _Sheets:
    """The sheets of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._bold = book.add_format({"bold": True})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def add(self, name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a sheet with a heading that stays in sight and columns as wide as what stands in them."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, text in enumerate(head):
            sheet.write_string(0, column, text, self._bold)
            widest = max([len(text), *(len(str(row[column])) for row in rows)])
            sheet.set_column(column, column, min(widest + 2, WIDEST))
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                self._write(sheet, number, column, value)

    def _write(self, sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: object) -> None:
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, int | float):
            sheet.write_number(row, column, value)
        elif isinstance(value, datetime):
            sheet.write_datetime(row, column, local(value).replace(tzinfo=None), self._time)
        elif value is not None:
            sheet.write_string(row, column, str(value).encode("utf-8", "backslashreplace").decode())
