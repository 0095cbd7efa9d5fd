"""What a fresh database takes over of people and of what is kept."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from station.records.defects.words import Keep
from station.records.history import History
from station.records.safety.copies import copies, make_copy
from station.records.store import Store
from station.state.person import Role


@pytest.fixture
def damaged(home: Path) -> Path:
    """A home whose database lacks a table; its copy still has a person who was removed, and lacks what is kept."""
    with Store.open(home) as store:
        store.people.add("ann", Role.ADMIN, "483920", "x")
        store.people.add("gone", Role.ADMIN, "583921", "x")
        assert store.flush()
        for old in copies(home):
            old.unlink()
        assert make_copy(home, home / "station.db", threading.Event()) is not None
        store.people.switch(on=True, by="ann")
        store.people.remove("gone", "ann")
        (home / "recordings" / "1").mkdir(parents=True)
        store.reviews.keep(Keep(recording=home / "recordings" / "1"), "ann")
        assert store.flush()
    do(home, "DROP TABLE width")
    return home


def do(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "station.db", isolation_level=None)) as database:
        database.execute(statement)


def test_a_person_who_was_removed_does_not_come_back_from_a_copy(damaged: Path) -> None:
    with Store.open(damaged) as store:
        history = History(store)
        assert [person.name for person in history.people()] == ["ann"]
        assert history.people_on()


def test_people_come_from_a_copy_if_the_database_cannot_say_who_they_are(damaged: Path) -> None:
    do(damaged, "DROP TABLE person")
    with Store.open(damaged) as store:
        assert [person.name for person in History(store).people()] == ["ann", "gone"]


def test_recordings_that_are_kept_stay_so_after_a_rescue(damaged: Path) -> None:
    with Store.open(damaged) as store:
        assert History(store).kept_recordings() == [damaged / "recordings" / "1"]
