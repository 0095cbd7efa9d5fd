"""This module makes reports and lists of rolls from records that it only reads."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from station.contract import StationError
from station.local_time import clock
from station.quality import report as reports
from station.quality.report_csv import CsvStyle
from station.records.reading.home import open_history
from station.records.reading.values import SpoiltRowError
from station.records.rows import RollFilter

MOST_ROLLS = 1_000_000


@dataclass(frozen=True)
class ReportFiles:
    """These are the files wanted of a report, None for those that are not, and the style of the CSV."""

    pdf: Path | None = None
    csv: Path | None = None
    style: CsvStyle | None = None


def report_roll(home: Path, roll: str, files: ReportFiles) -> reports.Report:
    """Make a roll's report, write the files wanted of it, and say on stderr what could not be put into them.

    Raises:
        RecordsError: there is no such roll, or it cannot be read.
        ReportError: a file cannot be written.
    """
    with open_history(home) as history:
        made = reports.report(history, roll)
    if files.pdf is not None:
        for sentence in reports.to_pdf(made, files.pdf):
            print(sentence, file=sys.stderr, flush=True)
    if files.csv is not None:
        reports.to_csv(made, files.csv, files.style)
    return made


def check_complete(made: reports.Report) -> None:
    """Raise StationError if the records lack something of the roll; the sentence says what."""
    if made.incomplete:
        more = len(made.incomplete_because) - 1
        rest = f" ({more} more of the kind.)" if more else ""
        raise StationError(f"The report of roll {made.roll} is incomplete: {made.incomplete_because[0]}{rest}")


def list_rolls(home: Path, fabric: str | None, since: datetime | None) -> tuple[list[dict[str, object]], list[str]]:
    """Return the rolls on record, newest first by number: all, those of one fabric, those begun since a time.

    Returns:
        the rolls with the figures of their reports, and a sentence for each that cannot be read.

    Raises:
        RecordsError: there are no records, or they cannot be read.
    """
    faults: list[str] = []

    def told(error: SpoiltRowError) -> None:
        faults.append(str(error))

    listed = []
    with open_history(home) as history:
        for row in history.rolls(RollFilter(fabric=fabric, since=since, limit=MOST_ROLLS), told):
            try:
                made = reports.report_of(history, row)
            except StationError as error:
                faults.append(f"Roll {row.name} cannot be reported: {error}")
                continue
            faults.extend(made.incomplete_because)
            listed.append({**reports.headline(made), "number": row.id})
    return listed, faults


def as_table(rolls: list[dict[str, object]]) -> str:
    """Format the rolls as a table for a terminal."""
    if not rolls:
        return "No such rolls on record."
    head = ("roll", "fabric", "started (local)", "inspected", "not inspected", "rejects", "grade")
    rows = [head, *(_cells(roll) for roll in rolls)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(roll: dict[str, object]) -> tuple[str, ...]:
    started = datetime.fromisoformat(str(roll["started"]))
    lengths = [
        f"{roll[f'{what}_m']:.2f} m" if roll[f"{what}_m"] is not None else f"{roll[f'lines_{what}']} lines"
        for what in ("inspected", "uninspected")
    ]
    return (str(roll["roll"]), str(roll["fabric"]), clock(started), *lengths, str(roll["rejects"]), str(roll["grade"]))
