"""This module writes a report's defects as a table that any Excel opens by a double click.

The file is UTF-8 with a mark in front, or Excel takes it for another encoding; pandas leaves the mark out by itself.
Excel takes separator and decimal sign from the region settings of its computer, and no file can name the second, so
both can be chosen; the command's default is the region of the computer it runs on.  Times are local, as Excel and
pandas read times, with their distance from UTC in a column of its own.
"""

from __future__ import annotations

import locale
import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from station.local_time import clock

if TYPE_CHECKING:
    from station.quality.report import Report

MARK = "\ufeff"
LINE_END = "\r\n"
LENGTHS = ("position", "across", "length", "width")
FIELDS = (
    "number", "position", "across", "length", "width", "kind", "score", "is_reject", "verdict", "reviewed_by", "counts",
    "points", "piece", "crop_file", "found_at", "parts", "look", "threshold", "severity", "picture_dropped",
    "found_at_zone",
)  # fmt: skip
COLUMNS = "columns_inspected"
DIGITS = {**dict.fromkeys(LENGTHS, 2), "score": 4, "threshold": 4}
FORMULA = re.compile(r"\s*[=+\-@]")
"""A spreadsheet runs what begins so."""
NEEDS_QUOTES = re.compile(r'[,;\t|"\r\n]|^\s|\s$')
"""Whatever separates cells for the reader must not divide a name, or its rest could begin like a formula."""


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """The style of a CSV file is its separator and its decimal sign, which must differ."""

    separator: str = ","
    decimal: str = "."

    @classmethod
    def chosen(cls, separator: str | None, decimal: str | None) -> CsvStyle:
        """Return a style with what was chosen; the rest goes with it, as this computer's region has it.

        Raises:
            ValueError: separator and decimal sign are the same.
        """
        usual = decimal or ("." if separator == "," else region_decimal())
        return cls(separator or (";" if usual == "," else ","), usual)

    def __post_init__(self) -> None:
        if self.separator == self.decimal:
            raise ValueError("separator and decimal sign are the same; choose ; as separator")


def region_decimal() -> str:
    """Return the decimal sign of this computer's region: comma or point.

    The region is set for a moment, for the whole process: this is for a command, not for a running line.
    """
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        locale.setlocale(locale.LC_NUMERIC, "")
        return "," if locale.localeconv()["decimal_point"] == "," else "."
    except locale.Error:
        return "."
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)


def heading(made: Report) -> list[str]:
    """Return the headings of the defects' columns, which name the unit and mark sizes that are not verified."""
    unit = f"{made.unit}_unverified" if made.unverified and made.unit == "mm" else made.unit
    return ["roll", *(f"{name}_{unit}" if name in LENGTHS else name for name in FIELDS), COLUMNS]


def as_csv(made: Report, style: CsvStyle) -> str:
    """Return the defects, one per line, with a heading line that marks unverified sizes."""
    rows = [
        [
            cell(made.roll, style),
            *(cell(getattr(defect, name), style, DIGITS.get(name)) for name in FIELDS),
            cell(made.columns, style),
        ]
        for defect in made.defect_list
    ]
    return MARK + "".join(f"{style.separator.join(row)}{LINE_END}" for row in [heading(made), *rows])


def cell(value: object, style: CsvStyle, digits: int | None = None) -> str:
    """Return a value as a cell: numbers rounded, text that no spreadsheet takes for a formula, local times without the
    zone, with which no spreadsheet takes them for times."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return str(round(value, digits)).replace(".", style.decimal)
    if isinstance(value, datetime):
        return clock(value)
    if not isinstance(value, str):
        return str(value)
    # Excel takes the wide signs of East Asian keyboards for formulas too.
    begins = unicodedata.normalize("NFKC", value[:8])
    text = f"'{value}" if FORMULA.match(begins) or (value[:1] in "\t\r\n" and value) else value
    return '"' + text.replace('"', '""') + '"' if NEEDS_QUOTES.search(text) else text
