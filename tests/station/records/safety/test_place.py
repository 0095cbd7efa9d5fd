"""A database that is deleted, replaced or moved under a running station is noticed, and nothing of it is lost."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from station.contract import DefectChanged, Ledger, Notice, RollEnded, Stretch, StretchClosed
from station.records import audit
from station.records.history import History
from station.records.rows import DefectFilter, RecordsError
from station.records.store import Store
from tests.rigs.records import eventually, make_defect, make_recipe, picture

NOTICED_S = 1.5
"""A loaded machine is given half a second more than the second in which it is to be noticed."""


def wait_for_notice(store: Store) -> list[Notice]:
    told: list[Notice] = []
    assert eventually(lambda: told.extend(store.take_notices()) or told)
    return told


def delete(home: Path) -> None:
    for file in home.glob("station.db*"):
        file.unlink()


def delete_home(home: Path) -> None:
    shutil.rmtree(home)


def replace(home: Path) -> None:
    with Store.open(home.parent / "other") as other:
        other.save_recipe(make_recipe(fabric="other"), "bob", "")
    delete(home)
    shutil.copy(home.parent / "other" / "station.db", home / "station.db")


@pytest.mark.field("r02")
@pytest.mark.parametrize("spoil", [delete, delete_home, replace], ids=lambda one: one.__name__)
def test_a_database_that_is_gone_is_written_anew(
    home: Path, spoil: Callable[[Path], None], record_property: Callable[[str, object], None]
) -> None:
    with Store.open(home) as store:
        history = History(store)
        name = store.begin_roll("serge", make_recipe(), "cam")
        store.write(DefectChanged(make_defect(1)))
        assert store.flush()
        assert history.roll(name).defects == 1
        store.take_notices()
        spoil(home)
        started = time.monotonic()
        (told,) = wait_for_notice(store)
        waited_s = time.monotonic() - started
        assert "under the running station" in told.text
        store.write(DefectChanged(make_defect(2)))
        store.write(StretchClosed(Stretch(0, 100)))
        store.write(RollEnded(name, Ledger(100, 100, 0)))
        assert store.flush()
        assert store.failure is None
        assert history.roll(name).defects == 2
    with Store.open(home) as again:
        roll = History(again).roll("serge")
        assert [row.number for row in History(again).defects(DefectFilter(roll.id))] == [1, 2]
        assert (roll.broken_off, roll.events_lost, roll.incomplete) == (False, 0, "")
        assert audit.verify(again.read_engine).ok
    aside = list(home.glob("station-replaced-*.db"))
    assert len(aside) == (spoil is replace)
    record_property(
        "now",
        f"A database deleted, replaced, or gone with its whole home under a running roll: told after {waited_s:.1f} s, "
        "written anew from the open file, the roll wholly on record; a file put in its place is kept aside.",
    )


@pytest.mark.field("r02")
def test_a_home_that_is_renamed_is_told_and_waited_for(
    home: Path, record_property: Callable[[str, object], None]
) -> None:
    with Store.open(home) as store:
        name = store.begin_roll("serge", make_recipe(), "cam")
        assert store.flush()
        store.take_notices()
        elsewhere = home.with_name("elsewhere")
        home.rename(elsewhere)
        assert eventually(store.lag)
        told = store.lag()
        assert told is not None
        assert "was moved away under the running station" in told.why
        store.write(DefectChanged(make_defect(1)))
        assert not store.flush(0.5)
        lag = store.lag()
        assert lag is not None
        assert lag.events == 1
        assert not (home / "images").exists()
        elsewhere.rename(home)
        assert store.flush(10)
        assert eventually(lambda: store.lag() is None)
        store.write(RollEnded(name, Ledger()))
    with Store.open(home) as again:
        assert History(again).roll("serge").defects == 1
    record_property(
        "now", "A home renamed under a running roll is told with where it went; events wait until it is back."
    )


def overwrite(home: Path) -> None:
    with (home / "station.db").open("r+b") as file:
        file.write(b"Dear diary, " * 500)


def overwrite_the_log(home: Path) -> None:
    with (home / "station.db-wal").open("r+b") as file:
        file.write(b"Dear diary, " * 50)


def empty(home: Path) -> None:
    with (home / "station.db").open("r+b") as file:
        file.truncate(0)


@pytest.mark.field("r10")
@pytest.mark.parametrize("spoil", [overwrite, overwrite_the_log, empty], ids=lambda one: one.__name__)
def test_a_database_that_is_overwritten_in_place_is_told_and_what_comes_now_is_not_lost(
    home: Path, spoil: Callable[[Path], None]
) -> None:
    store = Store.open(home)
    name = store.begin_roll("serge", make_recipe(), "cam")
    store.write(DefectChanged(make_defect(1)))
    assert store.flush()
    spoil(home)
    assert eventually(store.lag)
    lag = store.lag()
    assert lag is not None
    assert "was overwritten under the running station" in lag.why
    store.write(DefectChanged(make_defect(2)))
    store.write(RollEnded(name, Ledger(100, 100, 0)))
    with pytest.raises(RecordsError, match="2 of them wait in"):
        store.close(0.5)
    with Store.open(home) as again:
        roll = History(again).roll("serge")
        assert 2 in [row.number for row in History(again).defects(DefectFilter(roll.id))]
        assert roll.incomplete


def test_of_two_programs_on_one_home_one_writes_the_database_anew_and_the_other_takes_it(home: Path) -> None:
    with Store.open(home) as one, Store.open(home) as other:
        one.begin_roll("a", make_recipe(), "cam")
        other.begin_roll("b", make_recipe(), "cam")
        assert one.flush()
        assert other.flush()
        delete(home)
        for number in range(1, 4):
            one.write(DefectChanged(make_defect(number)))
            other.write(DefectChanged(make_defect(number)))
        assert one.flush(20)
        assert other.flush(20)
        assert {roll.name: roll.defects for roll in History(one).rolls()} == {"a": 3, "b": 3}
        assert not list(home.glob("station-replaced*"))
        one.write(RollEnded("a", Ledger()))
        other.write(RollEnded("b", Ledger()))


def test_a_file_put_in_place_of_the_database_keeps_what_it_holds(home: Path) -> None:
    with Store.open(home.parent / "other") as other:
        other.save_recipe(make_recipe(fabric="other"), "bob", "")
    with Store.open(home) as store:
        name = store.begin_roll("serge", make_recipe(), "cam")
        assert store.flush()
        (home.parent / "other" / "station.db").rename(home / "station.db")
        store.write(RollEnded(name, Ledger()))
        assert store.flush(20)
    (aside,) = home.glob("station-replaced-*.db")
    with sqlite3.connect(aside) as kept:
        assert kept.execute("SELECT name FROM fabric").fetchall() == [("other",)]


def test_nothing_is_written_while_the_home_is_elsewhere_however_often_people_ask(home: Path) -> None:
    with Store.open(home) as store:
        store.begin_roll("serge", make_recipe(), "cam")
        assert store.flush()
        home.rename(home.with_name("elsewhere"))
        assert eventually(store.lag)
        store.write(DefectChanged(make_defect(1, crop=picture())))
        for _ in range(30):
            with pytest.raises(RecordsError, match="moved away"):
                store.audit("looked", "", "", "ann", "")
        assert not home.exists()
        home.with_name("elsewhere").rename(home)
        assert store.flush(20)
