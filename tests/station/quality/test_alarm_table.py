"""The alarm history as a table."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl

from station.local_time import local, zone
from station.quality.alarm_table import HEAD, write_alarms_csv, write_alarms_xlsx
from station.records.alarms.history import AlarmRow, AlarmStep

AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ALARM = AlarmRow(
    4, "notice", "warning", "=cmd|'x'!A1; 布 fades", "R 1", AT, AT + timedelta(hours=2), 6, AT + timedelta(minutes=9),
    "ann", None, (AlarmStep(AT, "raised", "line"), AlarmStep(AT + timedelta(minutes=9), "acknowledged", "ann")),
)  # fmt: skip


def test_alarms_are_written_as_csv_that_no_spreadsheet_runs(tmp_path: Path) -> None:
    write_alarms_csv([ALARM], tmp_path / "a.csv")
    [head, row] = csv.reader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig")))
    assert head == list(HEAD)
    said = dict(zip(head, row, strict=True))
    assert (said["raised"], said["raised_zone"]) == (f"{local(AT):%Y-%m-%d %H:%M:%S}", zone(AT))
    assert (said["gone"], said["state"], said["acknowledged_by"]) == ("", "active, acknowledged", "ann")
    assert (said["occurrences"], said["per_hour"], said["minutes_to_answer"]) == ("6", "3.0", "9.0")
    assert said["text"] == "'=cmd|'x'!A1; 布 fades"


def test_alarms_are_written_as_a_workbook_with_every_step(tmp_path: Path) -> None:
    write_alarms_xlsx([ALARM], tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    head, row = book["Alarms"].iter_rows(values_only=True)
    said = dict(zip(head, row, strict=True))
    assert said["raised"] == local(AT).replace(tzinfo=None)
    assert (said["text"], said["occurrences"], said["gone"]) == (ALARM.text, 6, None)
    assert [line[2:] for line in book["Steps"].iter_rows(values_only=True)] == [
        ("step", "who"),
        ("raised", "line"),
        ("acknowledged", "ann"),
    ]
