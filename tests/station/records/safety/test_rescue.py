"""A bad database stops no inspection: it is kept aside, a fresh one takes over what is needed, and a copy is named."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from station.contract import DefectChanged, Ledger, RollEnded, StopChanged, StopStep
from station.records.history import History
from station.records.rows import DefectFilter, RecordsError
from station.records.safety.copies import KEPT, SHARE, CopyFailed, copies, damage_in, make_copy
from station.records.store import Store
from tests.rigs.records import make_defect, make_recipe, picture


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def gone(file: Path) -> None:
    file.unlink()


def overwritten_with_text(file: Path) -> None:
    file.write_bytes(b"Dear diary, " * 500)


def somebody_elses(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE songs (title TEXT)")


def pages_of_noise(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for at in range(4096 * 3, len(data), 4096):
        data[at : at + 64] = os.urandom(64)
    file.write_bytes(data)


def without_a_revision(file: Path) -> None:
    changed(file, "DELETE FROM alembic_version")


def changed(file: Path, *statements: str) -> None:
    """Do as another program would; what it wrote is in the file itself after that."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def without_tables(file: Path) -> None:
    file.unlink()
    changed(file, "PRAGMA journal_mode = WAL", "CREATE TABLE one (x)", "DROP TABLE one")


def without_a_table(file: Path) -> None:
    changed(file, "DROP TABLE defect")


def without_rolls(file: Path) -> None:
    changed(file, "PRAGMA foreign_keys = OFF", "DROP TABLE roll")


def without_a_column(file: Path) -> None:
    changed(file, "ALTER TABLE roll DROP COLUMN events_lost")


BAD = (
    cut_short, emptied, gone, overwritten_with_text, somebody_elses, pages_of_noise, without_a_revision,
    without_tables, without_a_table, without_rolls, without_a_column,
)  # fmt: skip


@pytest.fixture
def used_home(home: Path) -> Path:
    """A home with a taught fabric, a roll with a picture, and today's verified copy."""
    with Store.open(home) as store:
        store.save_recipe(make_recipe(), "ann", "taught")
        (home / "models").mkdir()
        (home / "models" / "linen.safetensors").write_bytes(b"m")
        name = store.begin_roll("first", make_recipe(), "cam")
        store.write(DefectChanged(make_defect(1, crop=picture())))
        store.write(RollEnded(name, Ledger(10, 10, 0)))
        assert store.flush()
    for old in copies(home):
        old.unlink()
    assert make_copy(home, home / "station.db", threading.Event()) is not None  # the store's own copier has ended
    return home


@pytest.mark.field("f16")
@pytest.mark.field("r09")
@pytest.mark.parametrize("spoil", BAD, ids=lambda one: one.__name__)
def test_a_bad_database_is_kept_aside_and_inspection_goes_on(
    used_home: Path, spoil: Callable[[Path], None], record_property: Callable[[str, object], None]
) -> None:
    file = used_home / "station.db"
    before = file.read_bytes()
    spoil(file)
    spoilt = file.read_bytes() if file.exists() else b""
    with Store.open(used_home) as store:
        told = " ".join(notice.text for notice in store.take_notices())
        assert "A fresh one was opened, and inspection goes on" in told
        assert str(copies(used_home)[0]) in told
        assert "taken over" in told
        recipe = History(store).recipe("linen")
        assert recipe == make_recipe()
        name = store.begin_roll("first", recipe, "cam")
        store.write(DefectChanged(make_defect(1, crop=picture())))
        store.write(RollEnded(name, Ledger(10, 10, 0)))
        assert store.flush()
        roll = History(store).roll("first")
        assert roll.id > 1  # the picture of the old roll 1 is not written over
        (defect,) = History(store).defects(DefectFilter(roll.id))
        assert defect.crop_file is not None
        assert defect.crop_file.parent.name == str(roll.id)
        with store.read_engine.connect() as connection:
            actions = connection.exec_driver_sql("SELECT action FROM event").scalars().all()
        assert "database put aside" in actions
    assert (used_home / "images" / "1" / "1-crop.png").is_file()
    aside = list(used_home.glob("station-damaged-*.db"))
    assert [one.read_bytes() for one in aside] == ([spoilt] if spoilt else [])
    assert damage_in(copies(used_home)[0]) == ""
    assert before
    record_property(
        "now",
        f"{len(BAD)} ways to spoil a database (cut short, emptied, deleted, text, somebody else's, noise in pages, "
        "no revision, no tables, a table or column missing): each is found at the start and kept aside; a fresh one "
        "has the recipes, and a copy is named.",
    )


def test_a_new_home_is_no_emptied_one(home: Path) -> None:
    with Store.open(home) as store:
        assert store.take_notices() == []


def test_a_database_that_another_program_holds_is_left_alone(used_home: Path) -> None:
    other = sqlite3.connect(used_home / "station.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RecordsError, match="locked by another program"):
        Store.open(used_home)
    other.close()
    assert not list(used_home.glob("station-damaged-*"))


def test_a_copy_a_day_is_made_and_the_oldest_go(used_home: Path) -> None:
    file = used_home / "station.db"
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(KEPT + 3)]
    for old in copies(used_home):
        old.unlink()
    for day in days:
        assert make_copy(used_home, file, threading.Event(), day) is not None
        assert make_copy(used_home, file, threading.Event(), day) is None
    assert [one.stem.removeprefix("station-") for one in copies(used_home)] == [str(day) for day in days[:-8:-1]]
    with sqlite3.connect(copies(used_home)[0]) as copy:
        assert copy.execute("SELECT name FROM roll").fetchall() == [("first",)]


def test_a_damaged_database_makes_no_copy(used_home: Path) -> None:
    good = copies(used_home)
    pages_of_noise(used_home / "station.db")
    with pytest.raises((CopyFailed, sqlite3.DatabaseError)):
        make_copy(used_home, used_home / "station.db", threading.Event(), date(2030, 1, 1))
    assert copies(used_home) == good


def test_a_copy_is_given_up_when_the_station_ends(used_home: Path) -> None:
    end = threading.Event()
    end.set()
    assert make_copy(used_home, used_home / "station.db", end, date(2030, 1, 1)) is None
    assert not list((used_home / "backups" / "daily").glob("*partial*"))


def test_a_value_missing_in_a_row_puts_no_database_aside(used_home: Path) -> None:
    file = used_home / "station.db"
    with closing(sqlite3.connect(file)) as database:
        (made,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'defect'").fetchone()
    rewrite = "UPDATE sqlite_master SET sql = '{}' WHERE name = 'defect'"
    changed(file, "PRAGMA writable_schema = 1", rewrite.format(made.replace("NOT NULL", "").replace("'", "''")))
    changed(
        file,
        "UPDATE defect SET length_mm = NULL",
        "PRAGMA writable_schema = 1",
        rewrite.format(made.replace("'", "''")),
    )
    assert damage_in(file) == ""
    Store.open(used_home).close()
    assert not list(used_home.glob("station-damaged-*"))


def test_a_roll_left_open_with_a_spoilt_value_is_told_and_stays(used_home: Path) -> None:
    changed(used_home / "station.db", "UPDATE roll SET ended_how = '', touched_at = 'last week'")
    with Store.open(used_home) as store:
        (told,) = [notice.text for notice in store.take_notices()]
        assert "The roll first was left open by a crash and cannot be broken off" in told
        assert store.begin_roll("second", make_recipe(), "cam") == "second"


def test_a_rescue_that_fails_leaves_all_for_the_next_try(used_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = used_home / "station.db"
    for copy in copies(used_home):
        copy.unlink()
    without_a_table(file)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("station.records.safety.rescue.carry_over", refuse)
        with pytest.raises(RecordsError, match="disk is full"):
            Store.open(used_home)
    assert not list(used_home.glob("station-damaged-*"))
    with Store.open(used_home) as store:
        assert History(store).recipe("linen") == make_recipe()
    file.unlink()  # between two renames, for example
    with Store.open(used_home) as store:
        assert History(store).recipe("linen") == make_recipe()


@pytest.mark.parametrize("spoil", [without_a_table, pages_of_noise, gone])
def test_a_stop_and_the_numbers_of_the_day_outlive_the_database(used_home: Path, spoil: Callable[[Path], None]) -> None:
    with Store.open(used_home) as store:
        names = [store.begin_roll(None, make_recipe(), "cam") for _ in range(3)]
        store.write(StopChanged(StopStep.REQUESTED, "a slub at 71 m", "machine"))
        assert store.flush()
    for copy in copies(used_home):
        copy.unlink()
    made = make_copy(used_home, used_home / "station.db", threading.Event())
    assert made is not None
    spoil(used_home / "station.db")
    with Store.open(used_home) as store:
        assert History(store).unreleased_stop() == "a slub at 71 m"
        assert store.begin_roll(None, make_recipe(), "cam") == f"{names[-1][:-3]}004"


def test_the_last_copy_before_a_damage_is_never_pushed_out(used_home: Path) -> None:
    before = copies(used_home)[0].read_bytes()
    without_a_table(used_home / "station.db")
    Store.open(used_home).close()
    for number in range(KEPT + 2):
        assert make_copy(used_home, used_home / "station.db", threading.Event(), date(2031, 3, 1 + number))
    (kept,) = (used_home / "backups").glob("before-damage-*.db")
    assert kept.read_bytes() == before


def test_a_copy_made_after_the_clock_was_set_back_stays_and_is_the_newest(used_home: Path) -> None:
    daily = used_home / "backups" / "daily"
    for number in range(KEPT):
        assert make_copy(used_home, used_home / "station.db", threading.Event(), date(2031, 3, 1 + number))
    (daily / "station-2031-02-27.partial").write_bytes(b"left")
    made = make_copy(used_home, used_home / "station.db", threading.Event(), date(2020, 1, 1))
    assert made == copies(used_home)[0]
    assert len(list(daily.glob("*"))) == KEPT


def test_a_copy_gets_done_while_the_line_writes(used_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = used_home / "station.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as line:
        line.execute("CREATE TABLE filler (x)")
        line.execute("INSERT INTO filler VALUES (randomblob(2000000))")
        monkeypatch.setattr("station.records.safety.copies.PAGES", 16)
        steps = []

        class End(threading.Event):
            def is_set(self) -> bool:
                if threading.current_thread() is threading.main_thread():
                    steps.append(line.execute("INSERT INTO filler VALUES (1)"))
                assert len(steps) < 1000
                return False

        assert make_copy(used_home, file, End(), date(2031, 1, 1)) is not None
    assert len(steps) > 20


def test_a_copy_that_takes_too_long_is_told(used_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.records.safety.copies.MOST_S", 0.0)
    with pytest.raises(CopyFailed, match="longer than 0 s"):
        make_copy(used_home, used_home / "station.db", threading.Event(), date(2031, 1, 1))
    assert not list((used_home / "backups" / "daily").glob("*partial*"))


def test_pictures_whose_rows_lie_in_another_copy_are_set_aside_and_come_back(home: Path) -> None:
    file = home / "station.db"
    with Store.open(home) as store:
        name = store.begin_roll(None, make_recipe(), "cam")
        assert store.flush()
        copy = make_copy(home, file, threading.Event(), date(2031, 1, 1))
        assert copy is not None
        for number in range(1, 6):
            store.write(DefectChanged(make_defect(number, crop=picture())))
        store.write(RollEnded(name, Ledger(10, 10, 0)))
    pictures = {one.name: one.read_bytes() for one in (home / "images" / "1").glob("*.png")}
    today = file.rename(home / "today.db")
    copy.rename(file)
    Store.open(home).close()
    assert {one.name: one.read_bytes() for one in (home / "images" / "orphans" / "1").glob("*")} == pictures
    file.unlink()
    today.rename(file)
    Store.open(home).close()
    assert {one.name: one.read_bytes() for one in (home / "images" / "1").glob("*")} == pictures


def test_daily_copies_keep_to_their_share_of_the_disk_but_the_newest_always_stays(
    used_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = used_home / "station.db"
    size = file.stat().st_size
    disk = type(shutil.disk_usage(used_home))(int(3.5 * size / SHARE), size, 100 * size)
    monkeypatch.setattr("station.records.safety.copies.shutil.disk_usage", lambda _: disk)
    for day in range(1, 7):
        assert make_copy(used_home, file, threading.Event(), date(2031, 3, day)) is not None
    names = sorted(one.name for one in (used_home / "backups" / "daily").iterdir())
    assert names == [f"station-2031-03-0{day}.db" for day in (4, 5, 6)]
    monkeypatch.setattr("station.records.safety.copies.SHARE", 0.0)
    assert make_copy(used_home, file, threading.Event(), date(2031, 3, 7)) is not None
    names = sorted(one.name for one in (used_home / "backups" / "daily").iterdir())
    assert names == ["station-2031-03-06.db", "station-2031-03-07.db"], "the last whole one stays while one is made"
