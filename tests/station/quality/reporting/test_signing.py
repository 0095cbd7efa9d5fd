"""No report is signed while a critical finding is unreviewed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from station.quality import report as reports
from station.quality.reporting.rows import ReportDefect
from station.quality.reporting.signing import hold_up, signing_words
from station.records.defects.words import Word
from station.records.history import History
from station.records.rows import DefectFilter, Verdict
from station.records.store import Store
from tests.rigs.reported_roll import recipe, record

FOUND = ReportDefect(
    number=1,
    position=10.0,
    across=5.0,
    length=20.0,
    width=5.0,
    kind="spot",
    score=3.0,
    is_reject=True,
    verdict=None,
    reviewed_by=None,
    counts=True,
    points=4,
    piece=None,
    crop_file=None,
    found_at=datetime(2026, 1, 1, tzinfo=UTC),
    threshold=2.0,
    look="fine",
)


def test_the_dearest_findings_wait_for_their_review_where_nothing_says_how_grave_they_are() -> None:
    found = (FOUND, replace(FOUND, number=2, points=3), replace(FOUND, number=3, points=8))
    assert hold_up(found, 4) == (1, 3)
    assert hold_up(found, None) == (1, 2, 3), "without points none is known to be slight"


def test_what_is_on_record_of_their_severity_counts_before_points() -> None:
    slight, grave = replace(FOUND, severity="minor"), replace(FOUND, number=2, points=1, severity="critical")
    assert hold_up((slight, grave), 4) == (2,)


def test_what_is_confirmed_or_does_not_count_holds_nothing_up() -> None:
    confirmed, refused = replace(FOUND, verdict="confirmed"), replace(FOUND, counts=False, verdict="false alarm")
    assert hold_up((confirmed, refused), 4) == ()
    assert hold_up((replace(FOUND, verdict="unsure"),), 4) == (1,)
    assert signing_words(()) == ""


def test_many_are_counted() -> None:
    assert signing_words((7,)) == "NOT TO BE SIGNED: 1 critical finding is not reviewed (no 7)."
    assert signing_words((-1,)).endswith("(no M1)."), "what was missed has the number that tables give it"
    assert signing_words(tuple(range(20)), most=2).endswith(
        "20 critical findings are not reviewed (no 0, no 1 and 18 more)."
    )


def test_a_report_is_signed_once_its_critical_findings_are_reviewed_and_a_later_change_is_told(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        record(store, "R1", recipe())
        history = History(store)
        found = history.defects(DefectFilter(history.roll("R1").id))
        store.reviews.say([found[2].id], Word(severity="critical"), "ann")
        with pytest.raises(
            reports.ReportError, match=r"NOT TO BE SIGNED: 1 critical finding is not reviewed \(no 3\)\."
        ):
            reports.sign(store, history, "R1", "ann")
        store.review(found[2].id, Verdict.CONFIRMED, "ann")
        (signature,) = reports.sign(store, history, "R1", "王 اسم").signatures
        assert (signature.by, signature.stands) == ("王 اسم", True)
        assert signature.said.startswith("pass, 7 points (rule four-point v1), 3 rejects, 0 false alarms, 90.00 m")
        store.review(found[0].id, Verdict.FALSE_ALARM, "bob")
        later = reports.report(history, "R1")
        assert [one.stands for one in later.signatures] == [False]
        assert "by 王 اسم" in reports.to_text(later)
        assert "it says something else now" in reports.to_text(later)
        assert [one.stands for one in reports.sign(store, history, "R1", "bob").signatures] == [False, True]


def test_an_open_roll_is_not_signed(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        record(store, "R1", recipe(), ended=False)
        with pytest.raises(reports.ReportError, match="Roll R1 is still open"):
            reports.sign(store, History(store), "R1", "ann")
