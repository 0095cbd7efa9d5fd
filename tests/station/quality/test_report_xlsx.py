"""The report as a workbook, read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from station.local_time import local, zone
from station.quality import report as reports
from station.records.history import History
from station.records.store import Store
from tests.rigs.reported_roll import recipe, record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


@pytest.mark.field("f18")
def test_a_workbook_has_numbers_as_numbers_and_text_as_text(store: Store, tmp_path: Path) -> None:
    record(store, "=1+1 卷布", recipe())
    made = reports.report(History(store), "=1+1 卷布")
    first = replace(made.defect_list[0], position=333.20000000000005, piece="https://a.b/\udcff", score=float("nan"))
    reports.to_xlsx(replace(made, defect_list=(first, *made.defect_list[1:])), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert book.sheetnames == ["Roll", "Figures", "Defects", "Stretches", "Width"]
    summary = {row[0]: row[1] for row in book["Roll"].iter_rows(values_only=True)}
    assert summary["Roll"] == "=1+1 卷布"
    assert book["Roll"]["B2"].data_type == "s"
    assert summary["Inspected"] == "90.00 m (180000 lines)"
    head, row, *others = book["Defects"].iter_rows(values_only=True)
    told = dict(zip(head, row, strict=True))
    assert len(others) == 3
    assert (told["position_mm_unverified"], told["length_mm_unverified"], told["is_reject"]) == (333.2, 20, True)
    assert isinstance(told["found_at"], datetime)
    assert told["found_at_zone"] == zone(first.found_at)
    figures = {row[0]: row[1] for row in book["Figures"].iter_rows(values_only=True)}
    assert (figures["inspected_m"], figures["points"], figures["may_be_signed"]) == (90, 7, True)
    begun = local(made.started_at).replace(tzinfo=None)
    assert abs((figures["started_at"] - begun).total_seconds()) < 1
    assert figures["started_at_zone"].startswith("UTC")
    assert (told["look"], told["threshold"]) == ("fine", 2)
    assert told["piece"] == "https://a.b/\\udcff"
    assert [row[-1] for row in book["Stretches"].iter_rows(min_row=2, values_only=True)] == [None, "camera gone", None]


def test_a_workbook_that_cannot_be_written_is_told(store: Store, tmp_path: Path) -> None:
    record(store, "R1", recipe())
    with pytest.raises(reports.ReportError, match=r"cannot be written to .*; name another file"):
        reports.to_xlsx(reports.report(History(store), "R1"), tmp_path / "nowhere" / "r.xlsx")
