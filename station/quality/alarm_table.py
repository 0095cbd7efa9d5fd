"""This module writes the alarm history as a table: CSV or an Excel workbook, with local times and their distance from
UTC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model.durable import write_whole
from station.local_time import zone
from station.quality.report_csv import LINE_END, MARK, CsvStyle, cell
from station.quality.report_xlsx import Sheet, write_book
from station.records.alarms.history import AlarmRow

HEAD = (
    "number", "raised", "told_last", "acknowledged", "acknowledged_by", "gone", "state", "what", "severity", "roll",
    "text", "occurrences", "per_hour", "minutes_to_answer", "raised_zone",
)  # fmt: skip
STEPS_HEAD = ("number", "at", "step", "who")
DIGITS = {"per_hour": 2, "minutes_to_answer": 1}


def write_alarms_csv(alarms: Sequence[AlarmRow], path: Path, style: CsvStyle | None = None) -> None:
    """Write the alarms as CSV, completely or not at all.  Raises OSError if the file cannot be written."""
    used = style or CsvStyle()
    lines = [list(HEAD)]
    lines += [
        [cell(value, used, DIGITS.get(name)) for name, value in zip(HEAD, _values(alarm), strict=True)]
        for alarm in alarms
    ]
    write_whole(path, MARK + "".join(f"{used.separator.join(line)}{LINE_END}" for line in lines))


def write_alarms_xlsx(alarms: Sequence[AlarmRow], path: Path) -> None:
    """Write the alarms, and what happened to each, as a workbook.  Raises OSError if the file cannot be written."""
    steps = [[alarm.id, step.at, step.step, step.who] for alarm in alarms for step in alarm.steps]
    rows = [_values(alarm) for alarm in alarms]
    write_book([Sheet("Alarms", HEAD, rows), Sheet("Steps", STEPS_HEAD, steps)], path)


def _values(alarm: AlarmRow) -> list[object]:
    after = alarm.answered_after
    return [
        alarm.id,
        alarm.raised_at,
        alarm.last_at,
        alarm.acknowledged_at,
        alarm.acknowledged_by,
        alarm.gone_at,
        str(alarm.state),
        alarm.what,
        alarm.severity,
        alarm.roll,
        alarm.text,
        alarm.occurrences,
        round(alarm.per_hour, 2),
        None if after is None else round(after.total_seconds() / 60, 1),
        zone(alarm.raised_at),
    ]
