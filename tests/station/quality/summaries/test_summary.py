"""What a shift or a month brought, reckoned by hand."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pypdf
import pytest

from station.contract import DefectKind
from station.quality.report import ReportError
from station.quality.report_csv import CsvStyle
from station.quality.summaries import files
from station.quality.summaries.periods import Period
from station.quality.summaries.summary import Answers, Summary, summarize, to_dict
from station.records.defects.words import Missed
from station.records.history import History
from station.records.read_only import open_read_only
from station.records.rows import DefectFilter, Verdict
from station.records.store import Store
from tests.rigs.reported_roll import recipe, record

BEGIN = datetime(2026, 11, 30, 6, tzinfo=UTC)
EARLY = Period("early", BEGIN, BEGIN + timedelta(hours=8))
LATE = Period("late", EARLY.until, EARLY.until + timedelta(hours=8))


def set_times(home: Path, roll: str, *, found: datetime, ended: datetime | None, reviewed_after_min: float = 0) -> None:
    """Let a roll have been inspected at other times than now."""

    def text(at: datetime | None) -> str | None:
        return None if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f}"

    with closing(sqlite3.connect(home / "station.db")) as db, db:
        (roll_id,) = db.execute("SELECT id FROM roll WHERE name = ?", [roll]).fetchone()
        db.execute("UPDATE roll SET started_at = ?, ended_at = ? WHERE id = ?", [text(found), text(ended), roll_id])
        db.execute("UPDATE defect SET found_at = ? WHERE roll_id = ?", [text(found), roll_id])
        at = text(found + timedelta(minutes=reviewed_after_min))
        db.execute(
            "UPDATE review SET at = ? WHERE defect_id IN (SELECT id FROM defect WHERE roll_id = ?)", [at, roll_id]
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rolls of 90 m inspected at 1.5 m, with 3 rejects of 1, 2 and 4 points: one in the early shift, one over the
    change of shifts, one still open in the late one; and one without a scale."""
    home = tmp_path_factory.mktemp("summary") / "home"
    with Store.open(home) as store:
        history = History(store)
        for name, said in (("A", Verdict.CONFIRMED), ("B", Verdict.FALSE_ALARM)):
            record(store, name, recipe())
            defects = history.defects(DefectFilter(history.roll(name).id))
            store.review(defects[0].id, said, "ann")
            store.review(defects[0].id, said, "bob")
        record(store, "D", recipe(fabric="unscaled", mm_per_px=None))
        record(store, "C", recipe(), ended=False)
    with closing(sqlite3.connect(home / "station.db")) as db, db:
        db.execute("UPDATE roll SET camera_id = '=cam', ended_how = 'ended' WHERE name = 'A'")
        db.execute("UPDATE roll SET camera_id = 'other', ended_how = 'ended' WHERE name = 'B'")
        db.execute("UPDATE roll SET ended_how = '' WHERE name = 'C'")
    hour = timedelta(hours=1)
    set_times(home, "A", found=BEGIN, ended=BEGIN + hour, reviewed_after_min=12)
    set_times(home, "B", found=EARLY.until - hour, ended=EARLY.until, reviewed_after_min=30)
    set_times(home, "C", found=LATE.since, ended=None)
    set_times(home, "D", found=LATE.since, ended=LATE.since + hour)
    return home


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    with open_read_only(home) as engine:
        yield History(engine, home)


def test_a_shift_has_the_defects_found_in_it_and_the_rolls_that_ended_in_it(history: History) -> None:
    made = summarize(history, EARLY)
    assert (made.rolls, made.rolls_open, made.unscaled) == (1, 1, 0)
    assert (made.metres_inspected, made.metres_uninspected, made.m2) == (90.0, 10.0, pytest.approx(135.0))
    (kind,) = made.kinds
    assert (kind.kind, kind.rejects, kind.share, kind.cumulative, kind.false_alarms) == ("spot", 5, 1.0, 1.0, 1)
    (loom,) = made.looms
    assert (loom.loom, loom.rolls, loom.rejects, loom.passed, loom.rejected) == ("camera =cam", 1, 3, 1, 0)
    assert loom.rejects_per_100_m == pytest.approx(100 * 3 / 90)
    assert loom.points_per_100_m2 == pytest.approx(100 * 7 / 135)
    assert [(one.grade, one.rolls, one.m2) for one in made.grades] == [
        ("pass", 1, pytest.approx(135.0)),
        ("reject", 0, 0),
        ("not graded", 0, 0),
    ]
    assert made.answers == Answers(6, 2, 21.0, 30.0, 30.0)
    assert made.unreadable == ()


def test_a_roll_that_ended_at_the_change_of_shifts_is_the_next_ones_and_one_without_scale_has_no_area(
    history: History,
) -> None:
    made = summarize(history, LATE)
    assert (made.rolls, made.rolls_open, made.unscaled) == (2, 1, 1)
    assert (made.metres_inspected, made.m2) == (90.0, pytest.approx(135.0))
    assert [(one.loom, one.rolls, one.metres, one.not_graded) for one in made.looms] == [
        ("camera cam", 1, None, 1),
        ("camera other", 1, 90.0, 0),
    ]
    assert (made.rejects, made.false_alarms) == (6, 0), "of the open roll and of that without a scale"
    assert made.answers == Answers(6, 0, None, None, None)


def test_shifts_add_up_to_the_day(history: History) -> None:
    whole = summarize(history, Period("both", EARLY.since, LATE.until))
    parts = [summarize(history, period) for period in (EARLY, LATE)]
    for name in ("rolls", "metres_inspected", "m2", "rejects", "false_alarms"):
        assert getattr(whole, name) == pytest.approx(sum(getattr(part, name) for part in parts)), name
    assert [one.m2 for one in whole.grades] == pytest.approx([270.0, 0.0, 0.0])
    assert whole.answers.rejects == 12


def test_a_period_without_anything_is_summed_up_too(history: History, tmp_path: Path) -> None:
    made = summarize(history, Period("never", BEGIN - timedelta(days=9), BEGIN - timedelta(days=8)))
    assert (made.rolls, made.rejects, made.kinds, made.looms) == (0, 0, (), ())
    files.to_pdf(made, tmp_path / "s.pdf")
    text = pypdf.PdfReader(tmp_path / "s.pdf").pages[0].extract_text()
    assert "No rejects were found." in text
    assert "no reject was found" in text
    files.to_csv(made, tmp_path / "s.csv")
    files.to_xlsx(made, tmp_path / "s.xlsx")


def test_a_spoilt_row_is_named_and_the_rest_is_summed_up(home: Path, tmp_path: Path) -> None:
    spoilt = shutil.copytree(home, tmp_path / "home")
    with closing(sqlite3.connect(spoilt / "station.db")) as db, db:
        db.execute("UPDATE defect SET score = 'abc' WHERE roll_id = 1 AND number = 1")
        db.execute("UPDATE defect SET found_at = '2026-11-30 07:xx' WHERE roll_id = 1 AND number = 2")
    with open_read_only(spoilt) as engine:
        made = summarize(History(engine, spoilt), EARLY)
    assert made.rolls == 1
    assert [one.grade for one in made.grades if one.rolls] == ["not graded"]
    assert any("its score holds 'abc'" in why for why in made.unreadable)
    assert any("its found_at holds" in why for why in made.unreadable)


def crowded(history: History) -> Summary:
    """A month of a mill with many looms and names in other scripts."""
    made = summarize(history, EARLY)
    (loom,), (kind,) = made.looms, made.kinds
    return replace(
        made,
        kinds=tuple(replace(kind, kind=str(one), rejects=30 // (n + 1)) for n, one in enumerate(DefectKind)),
        looms=tuple(replace(loom, loom=f"نول {n} 织机") for n in range(60)),
    )


def test_a_crowded_summary_has_one_page_and_says_what_it_leaves_out(history: History, tmp_path: Path) -> None:
    files.to_pdf(crowded(history), tmp_path / "s.pdf")
    reader = pypdf.PdfReader(tmp_path / "s.pdf")
    text = reader.pages[0].extract_text()
    assert len(reader.pages) == 1
    assert "40 more looms" in text
    assert "1 of 6" not in text
    assert "2 of 6 rejects answered" in text
    assert len(files.pages_as_png(crowded(history), 50)) == 1


def test_the_csv_is_one_table_of_figures(history: History, tmp_path: Path) -> None:
    made = summarize(history, EARLY)
    for style in (CsvStyle(), CsvStyle(";", ",")):
        files.to_csv(made, tmp_path / "s.csv", style)
        assert (tmp_path / "s.csv").read_bytes().startswith(b"\xef\xbb\xbf")
        with (tmp_path / "s.csv").open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter=style.separator))
        told = {(row["table"], row["name"], row["figure"]): row["value"].replace(",", ".") for row in rows}
        assert float(told["summary", "all", "metres_inspected"]) == 90
        assert float(told["kinds", "spot", "rejects"]) == 5
        assert float(told["looms", "camera =cam", "points_per_100_m2"]) == pytest.approx(700 / 135, abs=1e-4)
        assert float(told["answers", "all", "median_min"]) == 21
        assert {row["since_zone"][:3] for row in rows} == {"UTC"}
        assert datetime.fromisoformat(rows[0]["since"]).astimezone(UTC) == EARLY.since


def test_the_workbook_has_numbers_and_times(history: History, tmp_path: Path) -> None:
    files.to_xlsx(summarize(history, EARLY), tmp_path / "s.xlsx")
    book = openpyxl.load_workbook(tmp_path / "s.xlsx")
    assert book.sheetnames == ["Summary", "Kinds", "Looms", "Grades"]
    figures = {row[0]: row[1] for row in book["Summary"].iter_rows(values_only=True)}
    assert (figures["m2"], figures["answers_median_min"]) == (135, 21)
    assert figures["since"].astimezone(UTC) == EARLY.since
    head, row = book["Looms"].iter_rows(values_only=True)
    assert dict(zip(head, row, strict=True))["loom"] == "camera =cam"
    assert all(cell.data_type != "f" for sheet in book for line in sheet.iter_rows() for cell in line)


def test_json_keeps_what_is_not_known_as_null(history: History) -> None:
    told = json.loads(json.dumps(to_dict(summarize(history, LATE)), allow_nan=False))
    assert told["period"] == {"name": "late", "since": LATE.since.isoformat(), "until": LATE.until.isoformat()}
    assert told["looms"][0]["metres"] is None


def test_what_was_missed_is_beside_what_was_found_and_waits_for_no_answer(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        record(store, "R1", recipe())
        history = History(store)
        today = Period("today", datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
        before = summarize(history, today)
        store.reviews.put_missed(Missed("R1", 70_000.0, 300.0, 100.0, 5.0, DefectKind.HOLE), "ann")
        made = summarize(history, today)
        assert (before.missed, made.missed) == (0, 1)
        assert (made.rejects, made.kinds, made.answers) == (before.rejects, before.kinds, before.answers)
        assert [one.rejects for one in made.looms] == [one.rejects for one in before.looms]
        files.to_pdf(made, tmp_path / "s.pdf")
        assert "1 beside were missed" in pypdf.PdfReader(tmp_path / "s.pdf").pages[0].extract_text()
        store.reviews.undo("ann")
        assert summarize(history, today) == before


def test_a_file_that_cannot_be_written_is_told(history: History, tmp_path: Path) -> None:
    made = summarize(history, EARLY)
    for write in (files.to_csv, files.to_xlsx, files.to_pdf):
        with pytest.raises(ReportError, match=r"cannot be written to .*; name another file"):
            write(made, tmp_path / "nowhere" / "s.out")
