"""The record tells the truth or says that it cannot: it lags, events wait and are spilled, what is lost is declared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import station.records.engine as engine_module
from station.contract import (
    DefectChanged,
    Event,
    Ledger,
    Notice,
    RollEnded,
    RowJudged,
    Severity,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.quality.report import report, to_text
from station.records import audit
from station.records import rolls as rolls_module
from station.records import store as store_module
from station.records.history import History
from station.records.rolls import Entry
from station.records.rows import DefectFilter, RecordsError
from station.records.safety.backlog import Backlog
from station.records.safety.codec import as_line, content_of, entry_content, entry_of
from station.records.safety.spill import Spill
from station.records.store import Store
from station.state.defect import Look
from tests.rigs.records import database_locked, eventually, make_defect, make_recipe, picture, run_on_disk, run_python


def row(number: int, lines: int = 100) -> RowJudged:
    return RowJudged(lines * number, lines * (number + 1), np.array([0.5, 1.5], np.float32), width_px=800)


def tell_cloth(store: Store, rows: int, first: int = 0) -> None:
    """Tell rows of 100 lines of 0.5 mm, each with a defect and its stretch."""
    for number in range(first, first + rows):
        store.write(row(number))
        store.write(DefectChanged(make_defect(number + 1, crop=picture())))
        store.write(StretchClosed(Stretch(100 * number, 100 * number + 100)))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", 50)


@pytest.mark.usefixtures("impatient")
def test_the_lag_is_counted_in_events_and_metres_until_all_is_on_disk(home: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll("a", make_recipe(), "cam")
        assert store.lag() is None
        with database_locked(home):
            tell_cloth(store, 10)
            assert eventually(lambda: (lag := store.lag()) is not None and lag.events == 30)
            lag = store.lag(limit_m=0.4)
            assert lag is not None
            assert lag.metres == pytest.approx(0.5)
            assert lag.is_over_limit
            assert not (store.lag() or lag).is_over_limit
            assert "locked by another program" in lag.why
            assert "30 events and 0.5 m of cloth are not on disk" in lag.text
        assert store.flush(10)
        assert eventually(lambda: store.lag() is None)
        told = store.take_notices()
        assert [notice.severity for notice in told] == [Severity.INFO]
        assert "up to 30 events and 1000 lines" in told[0].text
        assert store.flush(10)
        with store.read_engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT action, new FROM event").all()
        assert any(action == "records resumed" and "30 events and 1000 lines" in new for action, new in rows)


def test_pictures_that_cannot_be_written_make_the_record_lag(home: Path) -> None:
    with Store.open(home) as store:
        name = store.begin_roll("a", make_recipe(), "cam")
        (home / "images").write_bytes(b"a file where the folder should be")
        tell_cloth(store, 3)
        assert eventually(lambda: (lag := store.lag()) is not None and lag.events >= 8)  # the first row has no picture
        (home / "images").unlink()
        assert store.flush(10)
        assert eventually(lambda: store.lag() is None)
        assert History(store).roll(name).defects == 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.field("r06")
def test_what_the_disk_does_not_take_at_the_end_is_on_record_after_the_next_start(
    home: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    store = Store.open(home, spill=tmp_path / "second")
    name = store.begin_roll("a", make_recipe(), "cam")
    tell_cloth(store, 3)
    assert store.flush(10)
    with database_locked(home):
        tell_cloth(store, 4, first=3)
        store.write(RollEnded(name, Ledger(700, 700, 0)))
        with pytest.raises(RecordsError, match=r"13 events.*wait in .*second"):
            store.close(0.3)
    with Store.open(home, spill=tmp_path / "second") as again:
        (told,) = again.take_notices()
        assert "13 events of roll a" in told.text
        history = History(again)
        roll = history.roll("a")
        assert (roll.broken_off, roll.events_lost, roll.ledger) == (False, 0, Ledger(700, 700, 0))
        assert [one.number for one in history.defects(DefectFilter(roll.id))] == [1, 2, 3, 4, 5, 6, 7]
        assert history.profile(roll.id)[0].tolist() == [100 * n for n in range(7) for _ in range(2)]
        assert [(one.first_line, one.end_line) for one in history.stretches(roll.id)] == [(0, 700)]
        assert all(one.crop_file and one.crop_file.is_file() for one in history.defects(DefectFilter(roll.id)))
        assert audit.verify(again.read_engine).ok
    with Store.open(home, spill=tmp_path / "second") as once_more:
        assert once_more.take_notices() == []
    record_property(
        "now",
        "A database locked at a roll's end: tried until the time is over, then 13 events wait in a file; after the "
        "next start the roll has its end, all 7 defects and pictures, and no loss.",
    )


@pytest.mark.usefixtures("impatient")
def test_spilled_events_go_on_record_once_the_disk_is_back_in_the_order_they_were_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "Backlog", lambda spill: Backlog(spill, limit=5))
    with Store.open(home) as store:
        name = store.begin_roll("a", make_recipe(), "cam")
        with database_locked(home):
            tell_cloth(store, 20)
            assert eventually(lambda: (lag := store.lag()) is not None and lag.spilled == 55)
            assert list((home / "unrecorded").iterdir())
        tell_cloth(store, 5, first=20)
        store.write(RollEnded(name, Ledger(2500, 2500, 0)))
        assert store.flush(20)
        assert store.lost == 0
        roll = History(store).roll("a")
        assert roll.ledger == Ledger(2500, 2500, 0)
        assert roll.defects == 25
        assert [(one.first_line, one.end_line) for one in History(store).stretches(roll.id)] == [(0, 2500)]
        assert eventually(lambda: not list((home / "unrecorded").iterdir()))


@pytest.mark.usefixtures("impatient")
def test_a_program_takes_nothing_in_that_another_still_writes_to(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "Backlog", lambda spill: Backlog(spill, limit=2))
    with Store.open(home) as store:
        store.begin_roll("a", make_recipe(), "cam")
        with database_locked(home):
            tell_cloth(store, 4)
            assert eventually(lambda: (lag := store.lag()) is not None and lag.spilled == 10)
        with Store.open(home) as other:
            assert not any("could not be written before" in notice.text for notice in other.take_notices())
        assert store.flush(20)
        assert History(store).roll("a").defects == 4


LOST = (
    ("no room to wait", lambda store: None),
    ("unfit", lambda store: store.write(DefectChanged(make_defect(3, score=float("nan"))))),
)


@pytest.mark.usefixtures("impatient")
@pytest.mark.field("f01")
@pytest.mark.parametrize(("how", "spoil"), LOST, ids=[how for how, _ in LOST])
def test_a_roll_that_lost_an_event_is_incomplete_and_never_graded(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    spoil: Callable[[Store], None],
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr(store_module, "Backlog", lambda spill: Backlog(None, limit=6))
    with Store.open(home) as store:
        name = store.begin_roll("a", make_recipe(), "cam")
        tell_cloth(store, 2)
        assert store.flush(10)
        spoil(store)
        if how == "no room to wait":
            with database_locked(home):
                tell_cloth(store, 3, first=2)
        assert store.flush(10)
        lines = 500 if how == "no room to wait" else 200
        store.write(RollEnded(name, Ledger(lines, lines, 0)))
        assert store.flush(10)
        lost = store.lost_of(name)
        uncovered = int(how == "no room to wait")  # a stretch was lost: the ledger says so once more
        assert lost == (3 if how == "no room to wait" else 1)
        made = report(History(store), name)
        assert (made.incomplete, made.events_lost, made.grade) == (True, lost + uncovered, "not graded")
        assert "INCOMPLETE" in to_text(made)
        with store.read_engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT new FROM event WHERE action = 'events lost'").scalars().all()
        assert sorted(rows, reverse=True) == [f"a: {n} events are not on record" for n in (lost, uncovered) if n]
        assert audit.verify(store.read_engine).ok
    record_property(
        "now",
        "A piece whose name is not UTF-8 is on record with the odd bytes spelled out (K\\xf6per.png); an event dropped "
        "for any cause makes its roll incomplete: not graded, said in report, JSON and audit, exit code 1.",
    )


@pytest.mark.field("f01")
def test_names_that_no_database_takes_are_spelled_out(store: Store, history: History) -> None:
    name = store.begin_roll(None, make_recipe(), "cam\udcff")
    for number, piece in enumerate(("K\udcf6per.png", "half \ud800", "nul \0"), start=1):
        store.write(DefectChanged(make_defect(number, piece=piece)))
    store.write(Notice(Severity.WARNING, "K\udcf6per.png is damaged"))
    store.write(RollEnded(name, Ledger(10, 10, 0)))
    assert store.flush()
    assert store.lost == 0
    pieces = [row.piece for row in history.defects(DefectFilter(history.roll(name).id))]
    assert pieces == ["K\\xf6per.png", "half \\ud800", "nul \\x00"]
    assert audit.verify(store.read_engine).ok


@pytest.mark.field("f15")
def test_rolls_are_in_the_order_of_their_numbers_whatever_the_clock_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    shift = timedelta(0)

    def clock() -> datetime:
        return datetime.now(UTC) + shift

    monkeypatch.setattr(rolls_module, "now", clock)
    monkeypatch.setattr(store_module, "now", clock)
    with Store.open(home) as store:
        for name, at_start, at_end in (("set back", 0, -2), ("dead battery", 87_600, 87_600), ("today", 0, 0)):
            shift = timedelta(hours=at_start)
            store.begin_roll(name, make_recipe(), "cam")
            store.write(StretchClosed(Stretch(0, 10)))
            shift = timedelta(hours=at_end)
            store.write(RollEnded(name, Ledger(10, 10, 0)))
            assert store.flush()
        history = History(store)
        assert [roll.name for roll in history.rolls()] == ["today", "dead battery", "set back"]
        assert all(roll.ended_at is not None and roll.ended_at >= roll.started_at for roll in history.rolls())
        told = to_text(report(history, "set back"))
        assert "the clock of this computer was set back by 2 h" in told
        assert "clock" not in to_text(report(history, "today"))
        notices = " ".join(notice.text for notice in store.take_notices())
        assert "set back by 2 h" in notices
        assert "clock stands before the last roll's end" in notices
        with store.read_engine.connect() as connection:
            actions = connection.exec_driver_sql("SELECT action FROM event").scalars().all()
        assert {"clock set", "clock behind"} <= set(actions)
    record_property(
        "now",
        "A clock set back 2 h in a roll: its end is not before its start, report, screen and audit say by how much; a "
        "roll of 2036 is second of three, by number.",
    )


KILLED = """
import os
store = Store.open(home)
store.begin_roll("a", make_recipe(), "cam")
store.write(DefectChanged(make_defect(1, crop=picture())))
assert store.flush()
(home / "images" / "1" / "2-crop.png").write_bytes(b"a crash came between it and its row")
os._exit(9)
"""


@pytest.mark.field("r12")
def test_a_picture_whose_row_never_came_is_swept(home: Path, record_property: Callable[[str, object], None]) -> None:
    assert run_python(KILLED, home, check=False).returncode == 9
    with Store.open(home) as again:
        assert History(again).roll("a").broken_off
    assert [file.name for file in (home / "images" / "1").iterdir()] == ["1-crop.png"]
    record_property("now", "A picture that a crash left without its row is removed at the next start; others stay.")


EVENTS = st.one_of(
    st.builds(
        StretchClosed,
        st.builds(Stretch, st.integers(0, 9), st.integers(10, 99), st.sampled_from([None, *UninspectedReason])),
    ),
    st.builds(Notice, st.sampled_from(Severity), st.text()),
    st.builds(
        lambda n, score, look: DefectChanged(make_defect(n, score=score, crop=picture(), look=look)),
        st.integers(1, 9),
        st.floats(0, 9),
        st.sampled_from(Look),
    ),
    st.builds(lambda n: row(n), st.integers(0, 50)),
    st.builds(RollEnded, st.text(), st.builds(Ledger, st.integers(0, 9), st.integers(0, 9))),
)


def as_text(event: Event) -> str:
    return repr(entry_content(Entry(1, event, datetime(2026, 1, 1, tzinfo=UTC)), 7))


@settings(max_examples=60, deadline=None)
@given(event=EVENTS, cut=st.integers(1, 40))
def test_a_spilled_line_comes_back_as_it_was_and_a_torn_one_is_noticed(event: Event, cut: int) -> None:
    entry = Entry(3, event, datetime(2026, 1, 1, tzinfo=UTC), 2.5)
    line = as_line(entry_content(entry, 5))
    content = content_of(line)
    assert content is not None
    back = entry_of(content)
    assert (back.roll_id, back.at, back.clock_shift_s) == (3, entry.at, 2.5)
    assert as_text(back.event) == as_text(event)
    assert content_of(line[:-cut] if cut > 1 else line[:-2]) is None


def test_a_defect_spilled_before_looks_were_told_was_seen_by_the_fine_one() -> None:
    content = entry_content(Entry(3, DefectChanged(make_defect(look=Look.LONG)), datetime(2026, 1, 1, tzinfo=UTC)), 5)
    for name in ("look", "parts", "peak_line", "peak_px"):
        del content["event"]["defect"][name]
    event = entry_of(content).event
    assert isinstance(event, DefectChanged)
    assert (event.defect.look, event.defect.parts) == (Look.FINE, 1)


def test_a_spill_file_with_a_torn_end_costs_its_roll_the_grade(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll("a", make_recipe(), "cam")
        tell_cloth(store, 1)
        assert store.flush()
        spill = Spill([home / "unrecorded"], lambda _: None)
        assert all(spill.append(number, Entry(1, row(number), datetime.now(UTC))) for number in (1, 2))
        (file,) = spill.files
        spill.close()
        store.write(RollEnded("a", Ledger(100, 100, 0)))
    file.write_bytes(file.read_bytes()[:-10])
    with Store.open(home) as again:
        assert History(again).roll("a").events_lost == 1


FULL_DISK_AT_THE_END = """
import station.records.engine
(home / "ballast").write_bytes(bytes(1 << 20))
store = Store.open(home)
name = store.begin_roll("a", make_recipe(), "cam")
noise = np.random.default_rng(0)
told = 0
while store.failure is None and told < 3000:
    told += 1
    store.write(DefectChanged(make_defect(told, crop=noise.integers(0, 255, (64, 64), dtype=np.uint8))))
    store.flush(0.5)
assert store.lag() is not None and store.lag().events >= 1
try:
    store.close(1)
    print("no word")
except RecordsError as error:
    print(error)
(home / "ballast").unlink()
with Store.open(home) as again:
    from station.quality.report import report
    made = report(History(again), "a")
    print(made.incomplete, made.grade)
"""


@pytest.mark.slow
@pytest.mark.field("r01")
def test_a_full_disk_with_no_second_place_costs_the_roll_its_grade(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    outcome = run_on_disk("size=4m", FULL_DISK_AT_THE_END, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    told, incomplete = outcome.stdout.splitlines()[-2:]
    assert "the disk is full" in told
    assert "lost" in told
    assert incomplete == "True not graded"
    record_property(
        "now",
        "A disk that fills in a roll: from the first failed write the record lags (screen, lamp, coil, register), "
        "no heartbeat after 20 m; what is lost makes the roll incomplete, not graded.",
    )
