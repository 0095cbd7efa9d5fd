"""The pages, looked at: how many there are, and the code that leads back to the roll."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pypdf
import pytest

from station.contract import Ledger, Notice, RollEnded, RowJudged, Severity
from station.quality import report as reports
from station.quality.report import Report
from station.quality.report_differing import ReportDiffering
from station.quality.report_pdf import pages_as_png
from station.quality.report_way import RollWay
from station.quality.reporting.drawing import roll_map, width_trace
from station.quality.reporting.qr import qr_svg
from station.quality.reporting.rows import ReportStretch
from station.records.defects.words import Word
from station.records.history import History
from station.records.rows import DefectFilter
from station.records.store import Store
from station.state.roll import RollIdentity
from tests.rigs.reported_roll import recipe, record


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """A roll with a narrow spot at 75 m."""
    with Store.open(tmp_path_factory.mktemp("report") / "home") as store:
        record(store, "卷布 لفة 7", recipe(nominal_width_mm=1500.0, width_tolerance_mm=20.0), ended=False)
        for first in range(120_000, 200_000, 200):
            width = 2900 if first == 150_000 else 3000
            store.write(RowJudged(first, first + 200, np.ones(1, np.float32), width_px=width, cloth_px=width), 5.0)
        store.write(Notice(Severity.WARNING, "the lamp is dim"))
        store.write(RollEnded("卷布 لفة 7", Ledger(200_000, 180_000, 20_000)))
        assert store.flush()
        history = History(store)
        third = history.defects(DefectFilter(history.roll("卷布 لفة 7").id))[2]
        store.reviews.say([third.id], Word(severity="critical"), "ann")
        yield reports.report(history, "卷布 لفة 7")


def words(file: Path) -> tuple[int, str]:
    reader = pypdf.PdfReader(file)
    return len(reader.pages), " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.mark.parametrize("name", ["2026-11-22-001", "卷布-十二号 لفة قماش", "ä" * 64])
def test_the_code_leads_back_to_the_roll(name: str) -> None:
    assert cv2.QRCodeDetector().detectAndDecode(drawn(qr_svg(name)))[0] == name


def drawn(svg: str) -> np.ndarray:
    """The drawing as pixels, eight for each module."""
    side = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])
    modules = np.full((side, side), 255, np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg):
        modules[int(y), int(x)] = 0
    return np.kron(modules, np.ones((8, 8), np.uint8))


def test_the_page_has_the_code_the_grade_and_the_narrow_spot(made: Report, tmp_path: Path) -> None:
    page = cv2.imdecode(np.frombuffer(pages_as_png(made, 150)[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert cv2.QRCodeDetector().detectAndDecode(page)[0] == made.roll
    reports.to_pdf(made, tmp_path / "r.pdf")
    pages, text = words(tmp_path / "r.pdf")
    assert pages == 1
    assert "least 1450 mm at 75.00 m" in text
    assert "1500 ± 20 mm: 1 of 40 metres measured too narrow somewhere, 0 too wide" in text
    assert "NOT TO BE SIGNED: 1 critical finding is not reviewed (no 3)." in text
    assert "Inspected by" not in text


def test_a_report_without_critical_findings_has_room_for_signatures(made: Report, tmp_path: Path) -> None:
    reports.to_pdf(
        replace(made, to_review=(), way=RollWay(RollIdentity(order="4711", operator="Ann"))), tmp_path / "r.pdf"
    )
    _, text = words(tmp_path / "r.pdf")
    assert "NOT TO BE SIGNED" not in text
    assert "Inspected by, date (Ann)" in text
    assert "Order 4711" in text


def test_an_open_roll_is_not_to_be_signed_and_a_long_name_stays_on_the_page(made: Report, tmp_path: Path) -> None:
    reports.to_pdf(replace(made, to_review=(), ended_at=None, roll="W" * 64), tmp_path / "r.pdf")
    _, text = words(tmp_path / "r.pdf")
    assert "NOT TO BE SIGNED: the roll is still open." in text
    assert "W" * 64 in text


def test_however_much_there_is_to_tell_it_has_three_pages_at_most(made: Report, tmp_path: Path) -> None:
    long = "a sentence that goes on and on about the cloth " * 20
    first = made.defect_list[0]
    crowded = replace(
        made,
        defect_list=tuple(replace(first, number=n, position=n * 190.0, crop_file=None) for n in range(1, 501)),
        stretches=tuple(ReportStretch(n, n + 1, n / 100, n / 99, long[:200]) for n in range(90)),
        differing=tuple(ReportDiffering(n, n + 1, 0.0, 1.0, 0.5, long) for n in range(70)),
        warnings=tuple(f"{n} {long}" for n in range(70)),
        incomplete_because=(long,) * 30,
    )
    reports.to_pdf(crowded, tmp_path / "r.pdf")
    pages, text = words(tmp_path / "r.pdf")
    assert 2 <= pages <= 3
    assert "worst of 500; the others are" in text
    assert "no picture was kept" in text


def test_the_trace_stops_where_no_width_is_known(made: Report) -> None:
    assert made.width is not None
    gap = tuple(replace(part, mean=None) if part.part == 80 else part for part in made.width.parts)
    trace = width_trace(replace(made, width=replace(made.width, parts=gap)))
    assert trace is not None
    assert [len(run) for run in trace["runs"]] == [20, 19]
    assert len(trace["bounds"]) == 2
    assert width_trace(replace(made, width=replace(made.width, mean=None))) is None


def test_a_long_roll_is_drawn_in_few_columns_that_hide_no_narrow_spot(made: Report) -> None:
    assert made.width is not None
    part = made.width.parts[-1]
    parts = tuple(
        replace(part, part=n, first_line=2000 * n, end_line=2000 * n + 2000, least=900.0 if n == 1234 else 1400.0)
        for n in range(3000)
    )
    longer = replace(made, lines_acquired=6_000_000, width=replace(made.width, parts=parts, least=900.0))
    trace = width_trace(longer)
    assert trace is not None
    (run,) = trace["runs"]
    assert len(run) == 300
    least = [low for _, _, low, _ in run]
    assert min(least) < 0.5 * sorted(least)[1]
    assert trace["least"][0] == pytest.approx(1234 / 3000)


def test_dots_lie_where_defects_lie_and_are_larger_with_more_points(made: Report) -> None:
    assert roll_map(made)["dots"] == [(0.005, 0.2, 1), (0.09, 0.2, 2), (0.2, 0.2, 4)]
    assert roll_map(replace(made, length_m=0.0, defect_list=()))["dots"] == []
