"""A roll's report, from real records to text, CSV and PDF."""

from __future__ import annotations

import base64
import csv
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from station.contract import (
    Defect,
    DefectChanged,
    DefectKind,
    Ledger,
    RollEnded,
    RowJudged,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.quality import report as reports
from station.recipe import Recipe
from station.records.history import History
from station.records.rows import DefectFilter, NewCalibration, RecordsError, RollMeasures, Verdict
from station.records.store import Store

CONTRACT = {
    "roll", "fabric", "length_m", "inspected_m", "uninspected_m", "defects", "points", "points_per_100_m2", "grade",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def recipe(**changes: object) -> Recipe:
    values = {"fabric": "linen", "model_sha256": "ab" * 32, "encoder": "light", "threshold": 2.0, "mm_per_px": 0.5}
    return Recipe(**(values | changes))


def spot(number: int, position_mm: float, length_mm: float, *, is_reject: bool = True) -> Defect:
    line = int(position_mm * 2)
    return Defect(
        number=number,
        first_line=line,
        end_line=line + int(length_mm * 2) + 1,
        first_px=600,
        end_px=610,
        length_mm=length_mm,
        width_mm=5.0,
        area_mm2=20.0,
        position_mm=position_mm,
        across_mm=300.0,
        score=2.0 + number,
        threshold=2.0,
        kind=DefectKind.SPOT,
        is_reject=is_reject,
        closed=True,
        crop=np.full((32, 32), 40 * number, np.uint8),
        crop_scores=np.full((32, 32), 2.8, np.float32),
    )


def record(store: Store, name: str, made: Recipe, ended: bool = True, measures: RollMeasures | None = None) -> None:
    """100 m at 0.5 mm per line, of which 10 m nobody inspected; 1,500 mm wide; rejects of 1, 2 and 4 points."""
    store.begin_roll(name, made, "cam", measures=measures)
    lost = UninspectedReason.CAMERA_GONE
    for stretch in (Stretch(0, 100_000), Stretch(100_000, 120_000, lost), Stretch(120_000, 200_000)):
        store.write(StretchClosed(stretch))
    store.write(RowJudged(0, 100_000, np.ones(4, np.float32), width_px=3000))
    found = [spot(1, 500, 20), spot(2, 9000, 100), spot(3, 20_000, 300), spot(4, 30_000, 10, is_reject=False)]
    for defect in found:
        store.write(DefectChanged(defect))
    if ended:
        store.write(RollEnded(name, Ledger(200_000, 180_000, 20_000)))
    assert store.flush()


def test_a_roll_is_reported_with_the_keys_of_the_contract(store: Store) -> None:
    record(store, "R1", recipe())
    made = reports.report(History(store), "R1")
    told = json.loads(json.dumps(reports.to_dict(made)))
    assert set(told) >= CONTRACT
    assert (told["roll"], told["fabric"], told["defects"], told["rejects"]) == ("R1", "linen", 4, 3)
    assert (told["length_m"], told["inspected_m"], told["uninspected_m"]) == (100.0, 90.0, 10.0)
    assert told["points"] == 7
    assert told["points_per_100_m2"] == pytest.approx(7 * 100_000 / (90 * 1500))
    assert told["grade"] == "pass"
    assert [stretch["reason"] for stretch in told["stretches"]] == [None, "camera gone", None]
    assert told["stretches"][1]["from_m"] == 50.0
    assert [defect["points"] for defect in told["defect_list"]] == [1, 2, 4, None]


def test_false_alarms_do_not_count(store: Store) -> None:
    record(store, "R1", recipe())
    history = History(store)
    defects = history.defects(DefectFilter(history.roll("R1").id))
    store.review(defects[2].id, Verdict.FALSE_ALARM, "ann")
    store.review(defects[0].id, Verdict.CONFIRMED, "ann")
    made = reports.report(history, "R1")
    assert (made.points, made.rejects, made.false_alarms, made.unreviewed) == (3, 3, 1, 1)
    assert [d.counts for d in made.defect_list] == [True, True, False, False]
    store.review(defects[2].id, Verdict.CONFIRMED, "bob")
    assert reports.report(history, "R1").points == 7


def test_the_text_states_what_nobody_inspected(store: Store) -> None:
    record(store, "R1", recipe())
    text = reports.to_text(reports.report(History(store), "R1"))
    assert "Not inspected  10.00 m (20000 lines)" in text
    assert "50.000 to 60.000 m  camera gone" in text
    assert "pass; says nothing of the 10.00 m (20000 lines) not inspected" in text
    assert "four-point v1" in text


def test_without_a_scale_there_are_lines_and_no_points(store: Store) -> None:
    record(store, "R1", recipe(mm_per_px=None))
    made = reports.report(History(store), "R1")
    assert (made.length_m, made.inspected_m, made.uninspected_m) == (None, None, None)
    assert (made.points, made.points_per_100_m2, made.grade) == (None, None, "not graded")
    assert made.lines_inspected == 180_000
    text = reports.to_text(made)
    assert "200000 lines (no scale, so no metres)" in text
    assert "20.0 px" in text
    assert "mm" not in text.replace("mm per pixel", "")


def test_a_roll_that_broke_off_says_so(store: Store) -> None:
    record(store, "R1", recipe(), ended=False)
    assert "still open" in reports.to_text(reports.report(History(store), "R1"))
    store.begin_roll("R2", recipe(), "cam")
    assert "broken off before its end" in reports.to_text(reports.report(History(store), "R1"))
    empty = reports.report(History(store), "R2")
    assert (empty.points, empty.grade, empty.grade_reasons) == (0, "not graded", ("nothing was inspected",))


def test_csv_lists_every_defect_and_defuses_formulas(store: Store, tmp_path: Path) -> None:
    record(store, "=1+1", recipe(), measures=RollMeasures(0.5, 0.5, ""))
    made = reports.report(History(store), "=1+1")
    reports.to_csv(made, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["length_mm"] for row in rows] == ["20.0", "100.0", "300.0", "10.0"]
    assert rows[0]["roll"] == "'=1+1"


def test_sizes_are_marked_where_no_calibration_vouches_for_them(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe(), measures=RollMeasures(0.5, 0.5, "the scale of camera cam is stale"))
    made = reports.report(History(store), "R1")
    assert reports.to_dict(made)["unverified"] == "the scale of camera cam is stale"
    assert "Sizes          unverified: the scale of camera cam is stale" in reports.to_text(made)
    reports.to_csv(made, tmp_path / "r.csv")
    heading = (tmp_path / "r.csv").read_text().splitlines()[0].split(",")
    assert {"length_mm_unverified", "width_mm_unverified", "position_mm_unverified"} < set(heading)


def test_a_report_names_the_calibrations_and_measures_with_their_scales(store: Store) -> None:
    scale = NewCalibration("scale", "cam", {"across_mm_per_px": 0.4}, "2411", 3000, 0.125, "px")
    numbers = store.add_calibrations([scale], "ann")
    record(store, "R1", recipe(), measures=RollMeasures(0.4, 0.6, "", tuple(numbers)))
    made = reports.report(History(store), "R1")
    assert made.length_m == 120.0
    assert made.web_width_mm == pytest.approx(1200)
    (told,) = json.loads(json.dumps(reports.to_dict(made)))["calibrations"]
    assert (told["number"], told["kind"], told["serial"], told["made_by"]) == (numbers[0], "scale", "2411", "ann")
    assert (told["residual"], told["residual_unit"]) == (0.125, "px")
    text = reports.to_text(made)
    assert "Sizes          verified" in text
    assert f"scale no. {numbers[0]} of " in text
    assert "by ann, residual 0.125 px; no shading" in text


def test_pdf_holds_the_summary_and_the_pictures(store: Store, tmp_path: Path) -> None:
    record(store, "R<1>&", recipe())
    reports.to_pdf(reports.report(History(store), "R<1>&"), tmp_path / "r.pdf")
    data = (tmp_path / "r.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    streams = re.findall(rb"FlateDecode[^>]*>>\s*stream\s*(.*?)~>", data, re.DOTALL)
    text = b"".join(zlib.decompress(base64.a85decode(stream)) for stream in streams)
    text = re.sub(rb"\) Tj \(", b"", text)  # a line may be shown in pieces
    for words in (b"Roll R<1>&", b"10.00 m", b"camera gone", b"four-point v1", b"Highest scores"):
        assert words in text, words
    assert data.count(b"/Subtype /Image") == 3  # the rejects; what passed is not shown


def test_a_file_that_cannot_be_written_is_told(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe())
    made = reports.report(History(store), "R1")
    for write in (reports.to_csv, reports.to_pdf):
        with pytest.raises(reports.ReportError, match=r"cannot be written to .*; name another file"):
            write(made, tmp_path / "nowhere" / "r.out")


def test_unknown_rolls_and_rules_are_told(store: Store) -> None:
    with pytest.raises(RecordsError, match="no roll 'R9'"):
        reports.report(History(store), "R9")
    record(store, "R1", recipe(grading_rule="seven-point"))
    with pytest.raises(reports.ReportError, match="R1 cannot be graded: There is no grading rule 'seven-point'"):
        reports.report(History(store), "R1")
