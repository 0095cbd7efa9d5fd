"""A roll that a crash left: closed with that reason, and resumed or left closed as people choose."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from station.contract import DefectChanged, Ledger, RollEnded, RowJudged, Stretch, StretchClosed
from station.quality import report as reports
from station.records.audit import verify
from station.records.history import History
from station.records.roll_life import unfinished as module
from station.records.rows import RecordsError, RollMeasures
from station.records.schema import now
from station.records.store import Store
from station.state.grade import Grade
from tests.rigs.records import make_defect, make_recipe, run_python

CRASHED = """
import os
from station.state.roll import RollIdentity
store = Store.open(home)
store.begin_roll("doomed", make_recipe(), "cam", identity=RollIdentity(loom="9"))
store.write(StretchClosed(Stretch(0, 100)))
store.write(DefectChanged(make_defect(3)))
store.write(DefectChanged(make_defect(4, is_reject=False)))
assert store.flush()
os._exit(1)
"""
MEASURES = RollMeasures.uncalibrated(make_recipe())


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("crashed") / "home"
    run_python(CRASHED, home, check=False)
    return home


@pytest.fixture
def home(crashed: Path) -> Iterator[Path]:
    """A home in which a program was killed in the middle of a roll, as it was then.  It cannot be a copy elsewhere: a
    station is named after its folder."""
    kept = (crashed / "station.db").read_bytes()
    wal = crashed / "station.db-wal"
    before = wal.read_bytes() if wal.exists() else b""
    yield crashed
    for file in crashed.glob("station.db*"):
        file.unlink()
    (crashed / "station.db").write_bytes(kept)
    if before:
        wal.write_bytes(before)


def test_it_is_closed_with_the_reason_crash_and_never_graded(store: Store, history: History) -> None:
    roll = history.roll("doomed")
    assert (roll.state, roll.ended_why, roll.broken_off, roll.resumed) == ("broken off", "crash", True, 0)
    assert reports.report(history, "doomed").grade == "not graded"
    left = store.rolls.unfinished("cam")
    assert left is not None
    assert (left.roll, left.fabric, left.recipe_version, left.length_m) == ("doomed", "linen", 1, 0.05)
    assert left.identity.loom == "9"
    assert store.rolls.unfinished("another camera") is None


def test_it_goes_on_where_its_record_ends_and_is_never_graded(store: Store, history: History) -> None:
    back = store.resume_roll("doomed", make_recipe(), "cam", MEASURES, "ann")
    assert (back.ledger, back.number, back.defects, back.rejects) == (Ledger(100, 100, 0), 4, 2, 1)
    roll = history.roll("doomed")
    assert (roll.state, roll.grading.grade, roll.grading.points) == ("open", None, None), "what it had ended with"
    assert store.recover() == [], "it is held by this program"
    store.write(StretchClosed(Stretch(100, 150)))
    store.write(DefectChanged(make_defect(5)))
    store.write(RollEnded("doomed", Ledger(150, 150, 0)))
    assert store.flush()
    roll = history.roll("doomed")
    assert (roll.ledger, roll.defects, roll.state, roll.resumed, roll.events_lost) == (
        Ledger(150, 150, 0), 3, "ended", 1, 0,
    )  # fmt: skip
    assert roll.grading.grade is Grade.NOT_GRADED, "summaries of shifts ask the record, not the report"
    made = reports.report(history, "doomed")
    assert (made.grade, made.incomplete) == ("not graded", True)
    assert "resumed after a crash" in made.incomplete_because[0]
    assert verify(store.read_engine).ok


def test_its_grade_is_none_on_record_and_while_it_runs_too(store: Store, history: History) -> None:
    store.resume_roll("doomed", make_recipe(), "cam", MEASURES, "ann")
    store.write(RowJudged(100, 20_000, np.ones(1, np.float32), width_px=2000))
    store.write(StretchClosed(Stretch(100, 20_000)))
    running = store.rating.grade()
    assert running is not None
    assert (running.grade, running.points is None) == (Grade.NOT_GRADED, False)
    assert "resumed after a crash" in running.reasons[0]
    store.write(RollEnded("doomed", Ledger(20_000, 20_000, 0)))
    assert store.flush()
    kept, made = history.roll("doomed").grading, reports.report(history, "doomed")
    assert (str(kept.grade), kept.points) == (made.grade, made.points)
    assert kept.grade is Grade.NOT_GRADED


CRASHED_AGAIN = """
import os
store = Store.open(home)
store.resume_roll("doomed", make_recipe(), "cam", RollMeasures.uncalibrated(make_recipe()), "ann")
store.rolls.rename("renamed", "ann")
store.write(RollMark(MarkKind.SPLICED, 120, "lot 4", "ann"))
store.write(StretchClosed(Stretch(100, 150)))
store.write(RowJudged(150, 200, np.ones(2, np.float32)))
store.write(RowJudged(200, 260, np.ones(2, np.float32)))
assert store.flush()
os._exit(1)
"""


def test_a_second_crash_keeps_its_name_its_marks_and_the_ledger_law(home: Path) -> None:
    outcome = run_python(CRASHED_AGAIN, home, check=False)
    assert outcome.returncode == 1, outcome.stderr
    with Store.open(home) as store:
        history = History(store)
        roll = history.roll("renamed")
        assert (roll.state, roll.ended_why, roll.resumed) == ("broken off", "crash", 1)
        assert roll.ledger == Ledger(260, 200, 60)
        assert sum(one.end_line - one.first_line for one in history.stretches(roll.id)) == 260
        assert [(one.line, one.note) for one in history.marks(roll.id)] == [(120, "lot 4")]
        left = store.rolls.unfinished("cam")
        assert left is not None
        assert left.roll == "renamed"
        assert verify(store.read_engine).ok


def test_people_may_leave_it_closed(store: Store, history: History) -> None:
    store.rolls.close_unfinished("doomed", "cam", "ann", "the roller was changed")
    assert history.roll("doomed").ended_why == "crash, closed by ann"
    assert store.rolls.unfinished("cam") is None
    with pytest.raises(RecordsError, match="no roll was left by a crash"):
        store.resume_roll("doomed", make_recipe(), "cam", MEASURES, "ann")


def test_once_another_roll_was_begun_it_stays_closed(store: Store) -> None:
    store.begin_roll("next", make_recipe(), "cam")
    assert store.rolls.unfinished("cam") is None
    with pytest.raises(RecordsError, match="Roll doomed cannot be resumed or closed"):
        store.resume_roll("doomed", make_recipe(), "cam", MEASURES, "ann")


def test_it_is_not_resumed_by_another_scale_and_stays_closed(store: Store, history: History) -> None:
    with pytest.raises(RecordsError, match="another scale"):
        store.resume_roll("doomed", make_recipe(), "cam", RollMeasures(0.4, 0.4, ""), "ann")
    assert history.roll("doomed").ended_why == "crash"
    assert store.resume_roll("doomed", make_recipe(), "cam", MEASURES, "ann").name == "doomed", "its lock is free"


def test_after_a_day_nobody_knows_what_lies_on_the_roller(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now", lambda: now() + timedelta(days=1))
    assert store.rolls.unfinished("cam") is None


def test_only_what_a_crash_left_is_offered(store: Store) -> None:
    store.begin_roll("ended", make_recipe(), "cam 2")
    store.write(RollEnded("ended", Ledger(), "it was interrupted"))
    assert store.flush()
    assert store.rolls.unfinished("cam 2") is None
