"""This module writes a summary as CSV, as an Excel workbook and as PDF; each completely or not at all.

The CSV is one long table, a figure a line, so that pandas and Excel read it whatever the period brought; the workbook
has a sheet for each part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import typst

from model.durable import write_whole
from station.local_time import dated, zone
from station.quality.fonts import FAMILIES
from station.quality.report import written
from station.quality.report_csv import LINE_END, MARK, CsvStyle, cell
from station.quality.report_pdf import as_json, compiler_of, pages_of
from station.quality.report_xlsx import Sheet, write_book
from station.quality.summaries.periods import period_words
from station.quality.summaries.summary import Answers, GradeArea, KindCount, LoomCount, Summary

FIGURES = (
    "rolls", "rolls_open", "unscaled", "metres_inspected", "metres_uninspected", "m2", "rejects", "false_alarms",
    "missed",
)  # fmt: skip
CSV_HEAD = ("period", "since", "until", "since_zone", "until_zone", "table", "name", "figure", "value")
DIGITS = 4
LISTED = 20

Row = KindCount | LoomCount | GradeArea


def to_csv(made: Summary, path: Path, style: CsvStyle | None = None) -> None:
    """Write the summary as CSV; default: with comma and point.  Raises ReportError if the file cannot be written."""
    chosen = style or CsvStyle()
    span = made.period
    begin = (span.name, span.since, span.until, zone(span.since), zone(span.until))
    rows: list[Sequence[object]] = [CSV_HEAD, *((*begin, *row) for row in _long(made))]
    lines = [chosen.separator.join(cell(value, chosen, DIGITS) for value in row) for row in rows]
    with written(path):
        write_whole(path, MARK + "".join(f"{line}{LINE_END}" for line in lines))


def to_xlsx(made: Summary, path: Path) -> None:
    """Write the summary as a workbook.  Raises as :func:`to_csv`."""
    span = made.period
    figures: list[tuple[str, object]] = [
        ("period", span.name),
        ("since", span.since),
        ("since_zone", zone(span.since)),
        ("until", span.until),
        ("until_zone", zone(span.until)),
        *((name, getattr(made, name)) for name in FIGURES),
        *((f"answers_{name}", getattr(made.answers, name)) for name in _names(Answers)),
        *(("not read", why) for why in made.unreadable),
    ]
    sheets = [Sheet("Summary", ("figure", "value"), figures)]
    kinds: tuple[tuple[str, type[Row], Sequence[Row]], ...] = (
        ("Kinds", KindCount, made.kinds),
        ("Looms", LoomCount, made.looms),
        ("Grades", GradeArea, made.grades),
    )
    for name, kind, rows in kinds:
        heads = _names(kind)
        sheets.append(Sheet(name, heads, [[getattr(row, head) for head in heads] for row in rows]))
    with written(path):
        write_book(sheets, path)


def to_pdf(made: Summary, path: Path) -> None:
    """Write the summary as PDF.  Raises as :func:`to_csv`."""
    pdf = _compiler(made).compile(format="pdf")
    assert isinstance(pdf, bytes)
    with written(path):
        write_whole(path, pdf)


def pages_as_png(made: Summary, dots_per_inch: float = 96.0) -> list[bytes]:
    """Return the pages of the summary as PNG files, for a screen."""
    return pages_of(_compiler(made), dots_per_inch)


def _compiler(made: Summary) -> typst.Compiler:
    page, _ = as_json(_page(made))
    return compiler_of("summary.typ", "summary", page)


def _long(made: Summary) -> Iterator[tuple[str, str, str, object]]:
    """Yield every figure as table, name of its row, name of the figure, value."""
    for name in FIGURES:
        yield "summary", "all", name, getattr(made, name)
    for name in _names(Answers):
        yield "answers", "all", name, getattr(made.answers, name)
    for table, key, rows in _tables(made):
        for row in rows:
            for name in _names(row):
                if name != key:
                    yield table, str(getattr(row, key)), name, getattr(row, name)


def _tables(made: Summary) -> tuple[tuple[str, str, Sequence[Row]], ...]:
    """Return the tables of the summary: name, what names a row, the rows."""
    return ("kinds", "kind", made.kinds), ("looms", "loom", made.looms), ("grades", "grade", made.grades)


def _names(row: Row | Answers | type[Row] | type[Answers]) -> list[str]:
    return [one.name for one in fields(row)]


def _page(made: Summary) -> dict[str, object]:
    """Return all that stands on the page, as ``summary.typ`` takes it."""
    return {
        "title": made.period.name,
        "span": period_words(made.period),
        "made": f"printed {dated(datetime.now(UTC))}",
        "fonts": FAMILIES,
        "figures": _figures(made),
        "kinds": [(one.kind, one.rejects, one.share, one.cumulative, one.false_alarms) for one in made.kinds[:LISTED]],
        "grades": [(one.grade, str(one.rolls), f"{one.metres:.1f}", f"{one.m2:.1f}") for one in made.grades],
        "looms": [_loom(one) for one in sorted(made.looms, key=_worst)[:LISTED]],
        "more_looms": _more(made.looms),
        "unreadable": list(made.unreadable[:LISTED]),
    }


def _figures(made: Summary) -> list[tuple[str, str]]:
    """Return label and value of what the period brought as a whole."""
    unscaled = f"; {made.unscaled} more rolls have no scale" if made.unscaled else ""
    missed = f"; {made.missed} beside were missed" if made.missed else ""
    inspected = f"{made.metres_inspected:.1f} m, {made.m2:.1f} m²"
    return [
        ("Rolls", f"{made.rolls} ended, {made.rolls_open} others were under way"),
        ("Inspected", f"{inspected} ({made.metres_uninspected:.1f} m not inspected){unscaled}"),
        ("Defects", f"{made.rejects} rejects found, and {made.false_alarms} false alarms{missed}"),
        ("Answers", _answers(made.answers)),
    ]


def _answers(answers: Answers) -> str:
    if not answers.rejects:
        return "no reject was found"
    said = f"{answers.answered} of {answers.rejects} rejects answered"
    if answers.median_min is None:
        return said
    times = f"{answers.median_min:.1f} for half of them, {answers.late_min:.1f} for nine of ten"
    return f"{said}; minutes from defect to answer: {times}, {answers.longest_min:.1f} at most"


def _worst(loom: LoomCount) -> tuple[float, str]:
    return -(loom.rejects_per_100_m or 0.0), loom.loom


def _loom(one: LoomCount) -> tuple[str, ...]:
    figures = (one.metres, one.m2, one.rejects_per_100_m, one.points_per_100_m2)
    shown = ["–" if figure is None else f"{figure:.1f}" for figure in figures]
    counts = (one.passed, one.rejected, one.not_graded)
    return (one.loom, str(one.rolls), *shown[:2], str(one.rejects), *shown[2:], *map(str, counts))


def _more(looms: Sequence[LoomCount]) -> str:
    return f"… and {len(looms) - LISTED} more looms; the workbook lists all." if len(looms) > LISTED else ""
