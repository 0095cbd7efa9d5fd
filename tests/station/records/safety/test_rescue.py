"""A bad database stops no inspection: it is kept aside, a fresh one takes over what is needed, and a copy is named."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from station.contract import DefectChanged, Ledger, RollEnded
from station.records.history import History
from station.records.rows import DefectFilter, RecordsError
from station.records.safety.copies import KEPT, CopyFailed, copies, damage_in, make_copy
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
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM alembic_version")


BAD = (cut_short, emptied, gone, overwritten_with_text, somebody_elses, pages_of_noise, without_a_revision)


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
        assert make_copy(home, home / "station.db", threading.Event()) is not None
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
        "no revision): each is found at the start and kept aside; a fresh one has the recipes, and a copy is named.",
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
