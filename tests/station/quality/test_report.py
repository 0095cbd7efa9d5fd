"""A roll's report, from real records to text and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from station.contract import ClothDiffers, DefectChanged, DefectKind, Ledger, RollEnded
from station.quality import report as reports
from station.records.defects.words import Missed
from station.records.history import History
from station.records.rolls import Entry
from station.records.rows import DefectFilter, NewCalibration, RecordsError, RollMeasures, Verdict
from station.records.safety.codec import entry_content, entry_of
from station.records.store import Store
from tests.rigs.reported_roll import long_line, recipe, record, spot

CONTRACT = {
    "roll", "fabric", "length_m", "inspected_m", "uninspected_m", "defects", "points", "points_per_100_m2", "grade",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


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


def test_what_passed_for_its_size_alone_is_counted_apart(store: Store) -> None:
    record(store, "R1", recipe(min_length_mm=15.0))
    made = reports.report(History(store), "R1")
    assert (made.defects, made.rejects, made.too_small) == (4, 3, 1)
    assert "4 on record, 3 rejects, 1 passed for their size alone" in reports.to_text(made)


def test_an_area_says_how_many_spots_it_has_in_every_report(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe(), ended=False)
    area = replace(spot(5, 40_000, 60), kind=DefectKind.AREA, parts=28)
    entry = Entry(1, DefectChanged(area), datetime(2026, 1, 2, tzinfo=UTC))
    back = entry_of(json.loads(json.dumps(entry_content(entry, 1)))).event
    assert isinstance(back, DefectChanged)
    assert back.defect.parts == 28
    store.write(back)
    assert store.flush()
    made = reports.report(History(store), "R1")
    assert [one["parts"] for one in reports.to_dict(made)["defect_list"]] == [1, 1, 1, 1, 28]
    assert "area of 28 spots" in reports.to_text(made)
    reports.to_csv(made, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["parts"] for row in csv.DictReader(file)] == ["1", "1", "1", "1", "28"]
    reports.to_pdf(made, tmp_path / "r.pdf")
    words = " ".join(" ".join(page.extract_text() for page in PdfReader(tmp_path / "r.pdf").pages).split())
    assert "area of 28 spots" in words


def test_the_look_is_said_where_it_is_not_the_fine_one(store: Store) -> None:
    record(store, "R1", recipe(), ended=False)
    store.write(DefectChanged(long_line(5, 95_000, 900)))
    store.write(DefectChanged(replace(long_line(6, 96_000, 10), is_reject=False)))
    assert store.flush()
    made = reports.report(History(store), "R1")
    *others, last, _ = made.defect_list
    assert ([one.look for one in others], last.look, last.threshold) == (["fine"] * 4, "long, faint", 0.5)
    lines = reports.to_text(made).splitlines()
    assert [line.split("mm  ")[-1].split("  ")[0] for line in lines[-6:]] == [
        *["spot"] * 4,
        *["long, faint: warp-wise line"] * 2,
    ]
    assert made.too_small == 2, "the last scores less than the fine look's threshold, and above its own"


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


def test_what_was_missed_is_graded_like_others_but_never_counted_as_found(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe())
    before = reports.report(History(store), "R1")
    store.reviews.put_missed(Missed("R1", 70_000.0, 300.0, 100.0, 5.0, DefectKind.WARP_LINE), "ann")
    made = reports.report(History(store), "R1")
    assert before.points is not None
    assert made.points == before.points + 2, "100 mm in the warp are two points"
    assert (made.defects, made.rejects, made.unreviewed) == (before.defects, before.rejects, before.unreviewed)
    assert reports.to_dict(made)["missed"] == 1
    text = reports.to_text(made)
    assert "Missed         1 beside these by the station, put on record by hand (M)" in text
    assert any(line.split()[:2] == ["M1", "70.000"] for line in text.splitlines())
    assert any(line.startswith("  no M1 at 70.000 m: ") for line in text.splitlines()), "so its points are told, too"


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


def test_sizes_are_marked_where_no_calibration_vouches_for_them(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe(), measures=RollMeasures(0.5, 0.5, "the scale of camera cam is stale"))
    made = reports.report(History(store), "R1")
    assert reports.to_dict(made)["unverified"] == "the scale of camera cam is stale"
    assert "Sizes          unverified: the scale of camera cam is stale" in reports.to_text(made)
    reports.to_csv(made, tmp_path / "r.csv")
    heading = (tmp_path / "r.csv").read_text(encoding="utf-8-sig").splitlines()[0].split(",")
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
    made = reports.report(History(store), "R1")
    assert (made.grade, made.points, made.grading_rule) == ("not graded", None, "seven-point")
    assert made.grade_reasons[0].startswith("There is no grading rule 'seven-point'; known rules: four-point,")
    assert "will not be graded" in store.take_notices()[0].text


def test_cloth_that_differs_as_a_whole_is_in_every_report(store: Store, tmp_path: Path) -> None:
    store.begin_roll("R1", recipe(), "cam")
    for event in (
        ClothDiffers(1000, None, 0.6, "light?"),
        ClothDiffers(1000, 5000, 0.7, "light?"),
        ClothDiffers(9000, None, 0.8, "density?"),
    ):
        assert store.write(event)
    store.write(RollEnded("R1", Ledger(10_000, 10_000, 0)))
    assert store.flush()
    made = reports.report(History(store), "R1")
    told = json.loads(json.dumps(reports.to_dict(made)))["differing"]
    assert [(one["first_line"], one["end_line"], one["from_m"], one["to_m"]) for one in told] == [
        (1000, 5000, 0.5, 2.5),
        (9000, 10_000, 4.5, 5.0),
    ]
    text = reports.to_text(made)
    assert "Cloth that differs from what was taught" in text
    assert "0.500 to 2.500 m  over 70% of the width: light?" in text
    reports.to_pdf(made, tmp_path / "r.pdf")
    pages = "".join(page.extract_text() for page in PdfReader(tmp_path / "r.pdf").pages)
    assert "4.500 to 5.000 m" in pages
    assert "bar below" in pages


def test_what_the_line_told_of_other_cloth_survives_a_spill(store: Store) -> None:
    entry = Entry(3, ClothDiffers(1000, None, 0.6, "light?"), datetime.now(UTC))
    assert entry_of(entry_content(entry, 1)).event == entry.event


def test_every_point_is_explained_in_text_and_json_with_what_the_cap_took(store: Store) -> None:
    """In metre 9 lie 100 mm (2 points), 230 mm (3) and 20 mm (1): the cap of four takes one, then another."""
    record(store, "R1", recipe(), ended=False)
    store.write(DefectChanged(spot(5, 9300, 230)))
    store.write(DefectChanged(spot(6, 9700, 20)))
    store.write(RollEnded("R1", Ledger(200_000, 180_000, 20_000)))
    assert store.flush()
    made = reports.report(History(store), "R1")
    told = {one["number"]: one for one in json.loads(json.dumps(reports.to_dict(made)))["points_explained"]}
    assert [(number, one["charged"], one["cap_took"], one["counted"]) for number, one in told.items()] == [
        (1, 1, 0, 1), (2, 2, 0, 2), (5, 3, 1, 2), (6, 1, 1, 0), (3, 4, 0, 4),
    ]  # fmt: skip
    assert sum(one["counted"] for one in told.values()) == made.points == 9
    assert told[5]["spans"] == [{"from_m": 9.0, "to_m": 10.0, "charged": 3, "counted": 2}]
    text = reports.to_text(made)
    assert "  no 5 at 9.300 m: 230.0 mm along, up to 230 mm: 3 points; the cap of 4 in each metre took 1 (" in text
    assert "  no 3 at 20.000 m: 300.0 mm along, over 230 mm: 4 points" in text
    assert "Severity       2 major, 3 minor" in text
    assert "90.00 m (inspected length) × 1500 mm (full width, mean where inspected)" in text
    assert "says nothing of the 10.00 m (20000 lines) not inspected" in text
