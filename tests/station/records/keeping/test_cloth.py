"""The shelf knows whose roll a recording is of, whatever names rolls have had; what is kept stays."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from station.contract import Ledger, RollEnded
from station.records.defects.words import Keep
from station.records.keeping import round as round_module
from station.records.keeping.cloth import RecordedCloth, Shelf
from station.records.keeping.settings import RetentionSettings
from station.records.store import Store
from tests.rigs.records import make_recipe
from tests.station.records.keeping.conftest import Look, record_cloth, weave


def owners(store: Store, home: Path) -> dict[str, int | None]:
    """The rolls of the recordings, by the names of their folders."""
    shelf = Shelf(home, home / "recordings")
    return {one.folder.name: one.roll_id for one in shelf.recordings(store.read_engine)}


def test_a_roll_that_takes_the_old_name_of_another_gets_not_its_recording(store: Store, home: Path, look: Look) -> None:
    store.begin_roll("4711", make_recipe(), "cam")
    first = record_cloth(home / "recordings", "1", "4711", 90, told=store)
    store.rolls.rename("4710", "ann")
    store.write(RollEnded("4710", Ledger(100, 100, 0)))
    assert store.flush()
    weave(store, "4711", ".")
    assert owners(store, home) == {"1": 1}
    store.reviews.keep(Keep(roll="4710"), "ann")
    look(settings=RetentionSettings(recordings_days=3))
    assert first.exists()


def test_a_recording_of_which_nothing_was_told_is_of_no_roll_that_began_later(store: Store, home: Path) -> None:
    weave(store, "a", ".")
    record_cloth(home / "recordings", "1", "a", 90)
    assert owners(store, home) == {"1": None}


def test_a_recording_of_which_nothing_was_told_is_of_the_roll_of_its_name_that_was_open_then(
    store: Store, home: Path
) -> None:
    first = weave(store, "a", ".", is_open=True)
    record_cloth(home / "recordings", "1", "a", 0)
    assert owners(store, home) == {"1": first}, "while it is open"
    store.write(RollEnded("a", Ledger(100, 100, 0)))
    weave(store, "b", ".", is_open=True)
    assert owners(store, home) == {"1": first}


def test_what_is_told_later_is_heard_too(store: Store, home: Path) -> None:
    weave(store, "a", ".")
    shelf = Shelf(home, home / "recordings")
    record_cloth(home / "recordings", "1", "a", 90, told=store)
    assert [one.roll_id for one in shelf.recordings(store.read_engine)] == [1]
    weave(store, "b", ".")
    record_cloth(home / "recordings", "2", "b", 80, told=store)
    assert [one.roll_id for one in shelf.recordings(store.read_engine)] == [1, 2]


def test_a_recording_of_a_roll_that_was_renamed_is_found_by_its_time(store: Store, home: Path) -> None:
    roll = weave(store, "new name", ".")
    folder = record_cloth(home / "recordings", "1", "old name", 0)
    with sqlite3.connect(home / "station.db") as database:
        began = (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None).isoformat(" ")
        later = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None).isoformat(" ")
        database.execute("UPDATE roll SET started_at = ?, ended_at = ?", (began, later))
    (found,) = Shelf(home, home / "recordings").recordings(store.read_engine)
    assert (found.folder, found.roll_id) == (folder, roll)


def test_recordings_that_somebody_keeps_are_known(store: Store, home: Path, look: Look) -> None:
    weave(store, "a", ".")
    near = record_cloth(home / "recordings", "1", "a", 90, told=store)
    assert Shelf(home, home / "recordings").kept(store.read_engine) == set()
    far = record_cloth(home.parent / "far", "2", "a", 90)
    for folder in (near, far):
        store.reviews.keep(Keep(recording=folder), "ann", "for the customer")
    assert Shelf(home, home / "recordings").kept(store.read_engine) == {near, far}
    look()
    look(2)
    assert near.exists()


def test_the_recording_of_a_kept_roll_is_kept_from_the_recorders_limit_too(store: Store, home: Path) -> None:
    weave(store, "a", ".")
    weave(store, "b", ".")
    of_kept = record_cloth(home / "recordings", "1", "a", 90, told=store)
    record_cloth(home / "recordings", "2", "b", 90, told=store)
    shelf = Shelf(home, home / "recordings")
    store.reviews.keep(Keep(roll="a"), "ann")
    assert shelf.kept(store.read_engine) == {of_kept}
    store.reviews.keep(Keep(roll="a"), "ann", keep=False)
    assert shelf.kept(store.read_engine) == set()


@pytest.mark.parametrize("what", ["recording", "roll"])
def test_a_recording_that_was_decided_to_be_kept_in_the_last_moment_stays(
    store: Store, home: Path, look: Look, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The decision falls between the choice and the removal."""
    weave(store, "a", ".")
    folder = record_cloth(home / "recordings", "1", "a", 90, told=store)
    keep = Keep(recording=folder) if what == "recording" else Keep(roll="a")
    choose = round_module.removable

    def choose_too_early(*words: Any) -> list[RecordedCloth]:
        chosen = choose(*words)
        store.reviews.keep(keep, "ann")
        return chosen

    monkeypatch.setattr(round_module, "removable", choose_too_early)
    look(settings=RetentionSettings(recordings_days=3))
    assert folder.exists()
    with store.read_engine.connect() as connection:
        said = connection.exec_driver_sql("SELECT new FROM event WHERE action = 'evidence removed'").fetchall()
    assert said == []
