"""This module makes reports and lists of rolls from records that it only reads."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from station.contract import StationError
from station.local_time import clock
from station.quality import report as reports
from station.quality.headline import Headline, headlines
from station.quality.report_csv import CsvStyle
from station.records.reading.home import open_history
from station.records.reading.values import SpoiltRowError
from station.records.rows import RollFilter
from station.records.safety.spill import folders
from station.records.safety.take_in import spill_files
from station.state.roll import WORDS

MOST_ROLLS = 1_000_000


@dataclass(frozen=True)
class ReportFiles:
    """These are the files wanted of a report, None for those that are not, and the style of the CSV."""

    pdf: Path | None = None
    csv: Path | None = None
    xlsx: Path | None = None
    style: CsvStyle | None = None


def report_roll(home: Path, roll: str, files: ReportFiles) -> reports.Report:
    """Make a roll's report, write the files wanted of it, and say on stderr what could not be put into them.

    Raises:
        RecordsError: there is no such roll, or it cannot be read.
        ReportError: a file cannot be written.
    """
    with open_history(home) as history:
        made = reports.report(history, roll)
    if waiting := spill_files(folders(home, None)):
        print(
            f"Events of the line wait in {waiting[0].parent}; the next start puts them on record, and no report has "
            "them before.",
            file=sys.stderr,
        )
    if files.pdf is not None:
        for sentence in reports.to_pdf(made, files.pdf):
            print(sentence, file=sys.stderr, flush=True)
    if files.xlsx is not None:
        reports.to_xlsx(made, files.xlsx)
    if files.csv is not None:
        reports.to_csv(made, files.csv, files.style)
    return made


def check_readable(made: reports.Report) -> None:
    """Raise StationError if rows on record of the roll could not be read; the sentence says which."""
    if made.spoilt:
        more = len(made.spoilt) - 1
        rest = f" ({more} more of the kind.)" if more else ""
        raise StationError(f"The report of roll {made.roll} is incomplete: {made.spoilt[0]}{rest}")


def list_rolls(home: Path, chosen: RollFilter) -> tuple[list[dict[str, object]], list[str]]:
    """Return the rolls on record that match, newest first by number.

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
        for row, made, _ in headlines(history, history.rolls(replace(chosen, limit=MOST_ROLLS), told), faults.append):
            states = {"state": row.state, "ended_why": row.ended_why, "resumed": row.resumed}
            listed.append({**_headline(made), "number": row.id, **states, **asdict(row.identity)})
    return listed, faults


def _headline(made: Headline) -> dict[str, object]:
    """Return what a list of rolls says of one, for JSON; times are ISO 8601, in UTC as on record."""
    kept = (
        "roll", "fabric", "recipe_version", "broken_off", "incomplete", "events_lost", "length_m", "inspected_m",
        "uninspected_m", "lines_acquired", "lines_inspected", "lines_uninspected", "defects", "rejects", "false_alarms",
        "unreviewed", "points", "points_per_100_m2", "grade",
    )  # fmt: skip
    ended = made.ended_at.isoformat() if made.ended_at else None
    return {"started": made.started_at.isoformat(), "ended": ended, **{key: getattr(made, key) for key in kept}}


def as_table(rolls: list[dict[str, object]]) -> str:
    """Format the rolls as a table for a terminal."""
    if not rolls:
        return "No such rolls on record."
    facts = [name for name in WORDS if any(roll[name] for roll in rolls)]
    head = ("roll", "fabric", *facts, "started (local)", "inspected", "not inspected", "rejects", "grade")
    rows = [head, *(_cells(roll, facts) for roll in rolls)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(roll: dict[str, object], facts: list[str]) -> tuple[str, ...]:
    started = datetime.fromisoformat(str(roll["started"]))
    lengths = [
        f"{roll[f'{what}_m']:.2f} m" if roll[f"{what}_m"] is not None else f"{roll[f'lines_{what}']} lines"
        for what in ("inspected", "uninspected")
    ]
    words = [str(roll[name]) for name in ("roll", "fabric", *facts)]
    grade = "open" if roll["state"] == "open" else str(roll["grade"])
    return (*words, clock(started), *lengths, str(roll["rejects"]), grade)
