"""Pauses with their reasons and splices, on record in order, once, and through a disk that took nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from station.contract import Ledger, MarkKind, RollEnded, RollMark, Stretch, StretchClosed, UninspectedReason
from station.quality import report as reports
from station.records.history import History
from station.records.roll_life.marks import keep_marks
from station.records.roll_life.table import RollMarkTable
from station.records.rolls import Entry
from station.records.safety.codec import as_line, content_of, entry_content, entry_of
from station.records.schema import EventTable, RollTable, now
from station.records.store import Store
from tests.rigs.records import database_locked, eventually, make_recipe

PAUSED = UninspectedReason.PAUSED
WAY = [
    RollMark(MarkKind.PAUSED, 1000, "shift change", "ann"),
    RollMark(MarkKind.RESUMED, 1400, "", "ann"),
    RollMark(MarkKind.SPLICED, 2000, "lot 3 to lot 4", "bo"),
    RollMark(MarkKind.PAUSED, 2600, "", "bo"),
]
STRETCHES = [Stretch(0, 980), Stretch(980, 1400, PAUSED), Stretch(1400, 2600), Stretch(2600, 3000, PAUSED)]


def record(store: Store, name: str = "R1") -> None:
    """A roll of 1.5 m that was paused twice; the second pause lasts to its end."""
    store.begin_roll(name, make_recipe(), "cam")
    for mark in WAY:
        store.write(mark)
    for stretch in STRETCHES:
        store.write(StretchClosed(stretch))
    store.write(RollEnded(name, Ledger(3000, 2180, 820)))
    assert store.flush()


def test_marks_are_on_record_in_order_and_in_the_audit(store: Store, history: History) -> None:
    record(store)
    roll = history.roll("R1")
    assert [RollMark(one.kind, one.line, one.note, one.by) for one in history.marks(roll.id)] == WAY
    query = select(EventTable.new, EventTable.who).where(EventTable.action == "roll paused").order_by(EventTable.id)
    with Session(store.read_engine) as session:
        assert [tuple(row) for row in session.execute(query)] == [("R1: shift change", "ann"), ("R1", "bo")]


def test_the_report_says_why_cloth_passed_in_a_pause_and_where_cloths_are_joined(
    store: Store, history: History
) -> None:
    record(store)
    made = reports.report(history, "R1")
    assert [stretch.reason for stretch in made.stretches] == [None, "paused: shift change", None, "paused"]
    assert [(one.line, one.end_line, one.at_m, one.why, one.by) for one in made.way.pauses] == [
        (1000, 1400, 0.5, "shift change", "ann"),
        (2600, None, 1.3, "", "bo"),
    ]
    assert [(one.at_m, one.note) for one in made.way.splices] == [(1.0, "lot 3 to lot 4")]
    text = reports.to_text(made)
    assert "0.500 m  paused: shift change (ann)" in text
    assert "1.000 m  spliced: lot 3 to lot 4 (bo)" in text
    assert made.lines_inspected + made.lines_uninspected == made.lines_acquired
    told = reports.to_dict(made)
    assert told["splices"][0]["line"] == 2000
    assert (told["order"], told["target_m"], told["ended_why"], told["resumed"]) == ("", None, "", 0)


@pytest.mark.slow
def test_a_mark_waits_for_a_disk_like_all_that_the_line_tells(home: Path, store: Store, history: History) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")
    with database_locked(home):
        assert store.write(WAY[0])
        assert eventually(lambda: store.failure is not None)
    assert store.flush()
    (mark,) = history.marks(history.roll(name).id)
    assert (mark.note, mark.by) == ("shift change", "ann")


def test_a_mark_in_a_spill_file_is_the_same_again_and_goes_on_record_once(home: Path, store: Store) -> None:
    entry = Entry(1, WAY[0], now())
    content = content_of(as_line(entry_content(entry, 7)))
    assert content is not None
    again = entry_of(content)
    assert (again.event, again.at) == (entry.event, entry.at)
    store.begin_roll("R1", make_recipe(), "cam")

    for _ in range(2):
        store.call(lambda session: keep_marks(session, session.get_one(RollTable, 1), [(again.event, again.at)]))
    with Session(store.read_engine) as session:
        assert session.scalar(select(func.count()).select_from(RollMarkTable)) == 1
