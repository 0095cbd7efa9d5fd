"""This module parses the options of ``station report`` and ``station rolls``; :mod:`station.commands` does the work."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from station.cli.options import Home, Json, emit
from station.contract import StationError


class Separator(StrEnum):
    """These signs may stand between the cells of a CSV file."""

    COMMA = ","
    SEMICOLON = ";"
    TAB = "tab"


class Decimal(StrEnum):
    """These signs may stand before the decimals."""

    POINT = "."
    COMMA = ","


class RollState(StrEnum):
    """A roll is in one of these states."""

    OPEN = "open"
    ENDED = "ended"
    BROKEN_OFF = "broken-off"


def report(
    roll: Annotated[str, typer.Argument(help="Name of the roll.")],
    pdf: Annotated[Path | None, typer.Option(help="Write the report as PDF.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the defects as CSV.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write the report as an Excel workbook.")] = None,
    separator: Annotated[
        Separator | None, typer.Option(help="Sign between the CSV's cells; default: as this computer's region has it.")
    ] = None,
    decimal: Annotated[
        Decimal | None, typer.Option(help="Decimal sign of the CSV; default: as this computer's region has it.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The roll's report: length, what was not inspected, defects, points, grade.  Exit 1 if rows are spoilt."""
    from station.commands.report import ReportFiles, check_readable, report_roll
    from station.quality import report as reports
    from station.quality.report_csv import CsvStyle
    from station.settings import home_folder

    try:
        style = CsvStyle.chosen("\t" if separator is Separator.TAB else separator, decimal)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--separator") from None
    made = report_roll(home_folder(home), roll, ReportFiles(pdf, csv, xlsx, style))
    emit(reports.to_dict(made), as_json, reports.to_text(made))
    check_readable(made)


def rolls(
    fabric: Annotated[str | None, typer.Option(help="Only rolls of this fabric.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only rolls begun since this day or time, local: 2026-01-31, or 2026-01-31 14:30."),
    ] = None,
    order: Annotated[str | None, typer.Option(help="Only rolls of this order.")] = None,
    article: Annotated[str | None, typer.Option(help="Only rolls of this article.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only rolls of this lot.")] = None,
    loom: Annotated[str | None, typer.Option(help="Only rolls of this loom or table.")] = None,
    operator: Annotated[str | None, typer.Option(help="Only rolls of this operator.")] = None,
    state: Annotated[RollState | None, typer.Option(help="Only rolls in this state.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The rolls on record, newest first.  Exit 1 where one of them cannot be read; the others are listed."""
    from station.commands.report import as_table, list_rolls
    from station.records.rows import RollFilter
    from station.settings import home_folder

    try:
        begun = None if since is None else datetime.fromisoformat(since).astimezone()
    except (ValueError, OverflowError, OSError):
        words = f"'{since}' is no day or time; write it like 2026-01-31 or 2026-01-31 14:30"
        raise typer.BadParameter(words, param_hint="--since") from None
    chosen = RollFilter(
        fabric=fabric,
        since=begun,
        order=order,
        article=article,
        lot=lot,
        loom=loom,
        operator=operator,
        state=None if state is None else state.value.replace("-", " "),
    )
    listed, faults = list_rolls(home_folder(home), chosen)
    emit({"rolls": listed, "unreadable": faults}, as_json, as_table(listed))
    if faults:
        more = f" ({len(faults) - 1} more of the kind.)" if len(faults) > 1 else ""
        raise StationError(f"{faults[0]}{more}")
