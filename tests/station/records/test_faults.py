"""A disk or a database that refuses is told in one sentence, and nothing accepted is lost."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

import station.records.engine as engine_module
from station.contract import DefectChanged, Ledger, RollEnded, Stretch, StretchClosed
from station.records import audit
from station.records.engine import default_url, make_engine, make_home, open_database
from station.records.history import History
from station.records.rolls import Entry, new_roll
from station.records.rows import DefectFilter, RecordsError, RollMeasures, Verdict
from station.records.safety.backlog import Backlog
from station.records.schema import now
from station.records.store import Store
from station.records.writer import BATCH_PICTURED, Writer
from tests.rigs.records import eventually, make_defect, make_recipe, picture, run_on_disk, run_python

PATIENT_MS = 60_000
"""Busy timeout where nobody may give up: a loaded machine can let the one who holds the lock stand for long."""

UNVERIFIED = RollMeasures.uncalibrated(make_recipe())


def one_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and "Traceback" not in text and "sqlalche" not in text


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    for home in (tmp_path / "home", tmp_path / "home" / "below"):
        with pytest.raises(RecordsError, match="is a file, not a folder") as told:
            Store.open(home)
        assert one_sentence(str(told.value))
        assert str(home) in str(told.value)


def test_a_database_that_is_a_folder(home: Path) -> None:
    (home / "station.db").mkdir(parents=True)
    with pytest.raises(RecordsError) as told:
        Store.open(home)
    assert one_sentence(str(told.value))


def test_a_read_only_disk(tmp_path: Path) -> None:
    code = """
try:
    Store.open(home / "station")
except RecordsError as error:
    print(error)
"""
    outcome = run_on_disk("ro", code, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    assert "the disk is read-only; name a home folder" in outcome.stdout


FULL_DISK = """
(home / "ballast").write_bytes(bytes(1 << 20))
store = Store.open(home)
name = store.begin_roll(None, make_recipe(), "cam")
noise = np.random.default_rng(0)
told = 0
while store.failure is None and told < 3000:
    told += 1
    crop = noise.integers(0, 255, (64, 64), dtype=np.uint8)
    store.write(DefectChanged(make_defect(told, crop=crop)))
    if told % 20 == 0:
        store.flush(1)
assert store.failure is not None, told
print(store.failure)
assert not store.flush(1)
try:
    store.audit("a", "", "", "me", "x" * (1 << 20))
except RecordsError as error:
    print(error)
assert store.waiting > 0
(home / "ballast").unlink()
assert store.flush() and store.failure is None and store.lost == 0, store.failure
roll = History(store).roll(name)
rows = History(store).defects(DefectFilter(roll.id, limit=10000))
assert [row.number for row in rows] == list(range(1, told + 1))
assert all(row.crop_file.stat().st_size for row in rows)
from station.records.audit import verify
assert verify(store.read_engine).ok
store.close()
print("all there")
"""


@pytest.mark.slow
def test_a_full_disk_is_told_and_waited_out(tmp_path: Path) -> None:
    outcome = run_on_disk("size=4m", FULL_DISK, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    lines = outcome.stdout.splitlines()
    assert all("the disk is full; free some space" in line and one_sentence(line) for line in lines[:2])
    assert lines[-1] == "all there"


NO_FILE_MAY_GROW = """
import resource
store = Store.open(home)
name = store.begin_roll(None, make_recipe(), "cam")
size = (home / "station.db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, resource.RLIM_INFINITY))
for number in range(1, 41):
    store.write(DefectChanged(make_defect(number, crop=picture(40, 40))))
assert not store.flush(1) and store.waiting
print(store.failure)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.flush()
assert store.failure is None
assert len(History(store).defects(DefectFilter(1))) == 40
store.close()
"""


@pytest.mark.slow
def test_files_that_may_not_grow(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    outcome = run_python(NO_FILE_MAY_GROW, tmp_path / "home", check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert one_sentence(outcome.stdout.strip())
    assert str(tmp_path / "home" / "station.db") in outcome.stdout


def test_a_full_database_is_refused_in_a_call(store: Store, home: Path) -> None:
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(RecordsError, match="the disk is full"):
        store.save_recipe(make_recipe(note="x" * 100_000), "me", "")
    assert History(store).fabrics() == []


def test_a_locked_database_is_told_and_waited_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", 50)
    with Store.open(home) as store:
        name = store.begin_roll(None, make_recipe(), "cam")
        other = sqlite3.connect(home / "station.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        store.write(DefectChanged(make_defect(1)))
        assert not store.flush(0.2)
        assert "locked by another program" in str(store.failure)
        with pytest.raises(RecordsError, match="locked by another program"):
            store.review(1, Verdict.CONFIRMED, "me")
        other.execute("ROLLBACK")
        other.close()
        assert eventually(store.flush)
        assert store.failure is None
        assert History(store).roll(name).defects == 1
        with sqlite3.connect(home / "station.db") as connection:
            resumed = connection.execute("SELECT old FROM event WHERE action = 'records resumed'").fetchall()
        assert len(resumed) == 1
        assert "locked" in resumed[0][0]


def test_closing_while_the_disk_refuses_says_what_is_lost(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", 50)
    store = Store.open(home)
    store.begin_roll("a", make_recipe(), "cam")
    other = sqlite3.connect(home / "station.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.write(DefectChanged(make_defect(1)))
    store.write(DefectChanged(make_defect(2)))
    with pytest.raises(
        RecordsError, match=r"2 events of the line could not be written.*locked.*2 of them wait in .*next"
    ):
        store.close(0.5)
    assert not store._writer._thread.is_alive()
    other.close()
    with Store.open(home) as again:
        roll = History(again).roll("a")
        assert roll.broken_off
        assert roll.defects == 2
        assert [notice.text for notice in again.take_notices()] == [
            "2 events of roll a that could not be written before are on record now."
        ]
    assert not list((home / "unrecorded").iterdir())


def test_a_persons_call_goes_before_pictures_that_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", PATIENT_MS)
    make_home(home)
    engine, reader = open_database(home, default_url(home))
    order: list[str] = []
    writer = Writer(engine, home, "here", on_kept=lambda _: order.append("event"))
    roll_id = writer.call(lambda session: new_roll(session, "a", make_recipe(), "cam", UNVERIFIED, "s", "me").id)
    other = sqlite3.connect(home / "station.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # holds the first batch up until the call is in the queue
    assert writer.put(Entry(roll_id, DefectChanged(make_defect(1, crop=picture())), now()))
    assert eventually(lambda: list(home.glob("images/*/*.png")))  # the first batch is under way
    for number in range(2, 61):
        assert writer.put(Entry(roll_id, DefectChanged(make_defect(number, crop=picture())), now()))
    person = threading.Thread(target=writer.call, args=(lambda _: order.append("call"),))
    person.start()
    assert eventually(lambda: writer._calls)
    other.close()
    person.join(30)
    assert eventually(lambda: writer.flush(30))
    assert order.count("event") == 60
    assert order.index("call") <= BATCH_PICTURED
    writer.stop(5)
    engine.dispose()
    reader.dispose()


def test_programs_that_open_a_new_database_together_wait_for_one_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", PATIENT_MS)
    make_home(home)
    failed: list[Exception] = []

    def first_use(url: str, start: threading.Barrier) -> None:
        engine = make_engine(url, read_only=False)
        start.wait(30)
        try:
            engine.connect().close()
        except SQLAlchemyError as error:
            failed.append(error)
        engine.dispose()

    for number in range(30):
        words = (f"sqlite:///{home}/{number}.db", threading.Barrier(4))
        together = [threading.Thread(target=first_use, args=words) for _ in range(4)]
        for one in together:
            one.start()
        for one in together:
            one.join()
    assert not failed


def test_a_full_queue_refuses_counts_and_declares(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", 50)
    make_home(home)
    engine, reader = open_database(home, default_url(home))
    kept: list[Entry] = []
    writer = Writer(engine, home, "here", on_kept=kept.append, backlog=Backlog(limit=3))
    roll_id = writer.call(lambda session: new_roll(session, "a", make_recipe(), "cam", UNVERIFIED, "s", "me").id)
    other = sqlite3.connect(home / "station.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    entries = [Entry(roll_id, DefectChanged(make_defect(i)), now()) for i in range(1, 6)]
    assert [writer.put(entry) for entry in entries] == [True] * 3 + [False] * 2
    assert (writer.waiting, writer.lost) == (3, 2)
    assert "could not be recorded in here" in str(writer.failure)
    other.close()
    assert eventually(lambda: writer.flush(5))
    assert [entry for entry in kept if entry.roll_id == roll_id] == entries[:3]
    assert writer.failure is not None  # what was lost stays lost
    writer.stop(5)
    engine.dispose()
    reader.dispose()


def test_a_lock_that_cannot_be_removed_does_not_end_the_writing(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    first = store.begin_roll(None, make_recipe(), "cam")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        store.write(RollEnded(first, Ledger(10, 10, 0)))
        assert store.flush()
    assert "not followed up" in caplog.text
    second = store.begin_roll(None, make_recipe(), "cam")
    store.write(DefectChanged(make_defect(1)))
    store.write(RollEnded(second, Ledger(20, 20, 0)))
    assert store.flush()
    assert store.failure is None
    assert [(roll.name, roll.ledger.lines_inspected) for roll in history.rolls()] == [(second, 20), (first, 10)]


def test_an_unfit_event_is_declared_and_the_others_are_kept(store: Store, history: History) -> None:
    name = store.begin_roll(None, make_recipe(), "cam")
    store.write(StretchClosed(Stretch(0, 10)))
    for number in range(1, 8):
        score = float("nan") if number == 4 else 3.0  # SQLite has no NaN
        store.write(DefectChanged(make_defect(number, score=score)))
    store.write(RollEnded(name, Ledger(10, 10, 0)))
    assert store.flush()
    assert store.lost == 1
    assert "DefectChanged" in str(store.failure)
    roll = history.roll(name)
    assert [row.number for row in history.defects(DefectFilter(roll.id))] == [1, 2, 3, 5, 6, 7]
    assert roll.ledger == Ledger(10, 10, 0)
    assert audit.verify(store.read_engine).ok
