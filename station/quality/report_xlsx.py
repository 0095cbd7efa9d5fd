"""This module writes the report as an Excel workbook: the summary in words, its figures, the defects, the stretches,
the width along the roll, each on its sheet.

Numbers are numbers and text is text in it, whatever the region settings of who opens it; no text becomes a formula.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import xlsxwriter
from xlsxwriter.format import Format

from model.durable import write_whole
from station.local_time import local, zone
from station.quality.report_csv import DIGITS, FIELDS, heading
from station.quality.report_text import summary

if TYPE_CHECKING:
    from station.quality.report import Report

WIDEST = 60
LONGEST = 32_767
"""A cell holds no more signs than that."""
FIGURES = (
    "recipe_version", "length_m", "inspected_m", "uninspected_m", "lines_acquired", "lines_inspected",
    "lines_uninspected", "web_width_mm", "defects", "rejects", "too_small", "false_alarms", "unreviewed", "points",
    "points_per_100_m2", "grade", "grading_rule", "incomplete", "events_lost", "may_be_signed", "unverified",
)  # fmt: skip
WIDTH_FIGURES = (
    "unit", "mean", "least", "least_at", "most", "most_at", "nominal_mm", "tolerance_mm", "narrow", "wide",
)  # fmt: skip
WIDTHS = ("mean", "least", "most")
WIDTH_FIELDS = (
    "part", "from_m", "to_m", "first_line", "end_line", "mean", "least", "least_at", "most", "most_at", "measured",
    "out",
)  # fmt: skip
STRETCH_FIELDS = ("first_line", "end_line", "from_m", "to_m", "reason")


def write_xlsx(made: Report, path: Path) -> None:
    """Write the report as a workbook, completely or not at all.  Raises OSError if the file cannot be written."""
    lacks = [("Not in this report", why) for why in made.incomplete_because]
    rows = [
        [made.roll, *(_rounded(getattr(defect, name), DIGITS.get(name)) for name in FIELDS), made.columns]
        for defect in made.defect_list
    ]
    stretches = [[getattr(stretch, name) for name in STRETCH_FIELDS] for stretch in made.stretches]
    sheets = [
        Sheet("Roll", ("", ""), [("Roll", made.roll), *summary(made), *lacks]),
        Sheet("Figures", ("figure", "value"), _figures(made)),
        Sheet("Defects", heading(made), rows),
        Sheet("Stretches", STRETCH_FIELDS, stretches),
    ]
    if made.width is not None:
        unit = made.width.unit
        head = [f"{name}_{unit}" if name in WIDTHS else name for name in WIDTH_FIELDS]
        widths = [[_rounded(getattr(part, name), 3) for name in WIDTH_FIELDS] for part in made.width.parts]
        sheets.append(Sheet("Width", head, widths))
    write_book(sheets, path)


def _figures(made: Report) -> list[tuple[str, object]]:
    """Return the figures of the roll by the names they have in JSON, numbers as numbers and local times as times."""
    times = [("started_at", made.started_at), ("ended_at", made.ended_at)]
    zones = [(f"{name}_zone", None if at is None else zone(at)) for name, at in times]
    plain = [(name, getattr(made, name)) for name in FIGURES]
    width = [(f"width_{name}", getattr(made.width, name)) for name in WIDTH_FIGURES] if made.width is not None else []
    known: list[tuple[str, object]] = [("roll", made.roll), ("fabric", made.fabric), *asdict(made.way.identity).items()]
    return [*known, *times, *zones, *plain, *width]


def _rounded(value: object, digits: int | None) -> object:
    return round(value, digits) if isinstance(value, float) and digits is not None and math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet has a name, a heading that stays in sight, and rows."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


def write_book(sheets: Iterable[Sheet], path: Path) -> None:
    """Write a workbook, completely or not at all.  Raises OSError if the file cannot be written."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(content, options) as book:
        formats = _Formats(book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}))
        for sheet in sheets:
            _add(book, sheet, formats)
    write_whole(path, content.getvalue())


@dataclass(frozen=True, slots=True)
class _Formats:
    bold: Format
    time: Format


def _add(book: xlsxwriter.Workbook, made: Sheet, formats: _Formats) -> None:
    """Add a sheet whose columns are as wide as what stands in them."""
    sheet = book.add_worksheet(made.name)
    sheet.freeze_panes(1, 0)
    for column, text in enumerate(made.head):
        sheet.write_string(0, column, text, formats.bold)
        widest = max([len(text), *(len(str(row[column])) for row in made.rows)])
        sheet.set_column(column, column, min(widest + 2, WIDEST))
    for number, row in enumerate(made.rows, start=1):
        for column, value in enumerate(row):
            _write(sheet, number, column, value, formats)


def _write(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: object, formats: _Formats) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, local(value).replace(tzinfo=None), formats.time)
    elif value is not None:
        sheet.write_string(row, column, str(value).encode("utf-8", "backslashreplace").decode()[:LONGEST])
