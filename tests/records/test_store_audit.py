"""Whoever changes the audit is found out at the row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from records_rig import make_recipe

from station.contract import Notice, Severity, StopChanged, StopStep
from station.records.audit import AuditCheck, verify
from station.records.engine import make_engine
from station.records.history import History
from station.records.rows import NewCalibration
from station.records.store import Store

ROWS = 8


@pytest.fixture
def database(home: Path) -> Path:
    with Store.open(home) as store:
        for i in range(ROWS):
            store.audit("tuned", str(i), str(i + 1), "Jürgen", "für Leinen")
    return home / "station.db"


def check(database: Path) -> AuditCheck:
    engine = make_engine(f"sqlite:///{database}", read_only=True)
    try:
        return verify(engine)
    finally:
        engine.dispose()


def change(database: Path, sql: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        assert connection.execute(sql).rowcount >= 1
    connection.close()


def test_an_untouched_chain_is_well(database: Path) -> None:
    assert check(database) == (ROWS, True, None)


def test_an_empty_chain_is_well(home: Path) -> None:
    Store.open(home).close()
    assert check(home / "station.db") == (0, True, None)


@pytest.mark.parametrize("column", ["at", "who", "action", "old", "new", "why", "hash"])
def test_a_changed_value_is_found_at_its_row(database: Path, column: str) -> None:
    change(database, f"UPDATE event SET {column} = 'x' || {column} WHERE id = 5")
    outcome = check(database)
    assert not outcome.ok
    assert outcome.first_bad_id == 5


@pytest.mark.parametrize(("gone", "bad"), [("id = 3", 3), ("id = 1", 1), (f"id = {ROWS}", ROWS), ("id > 2", 3)])
def test_a_row_that_is_gone_is_missed(database: Path, gone: str, bad: int) -> None:
    change(database, f"DELETE FROM event WHERE {gone}")
    outcome = check(database)
    assert not outcome.ok
    assert outcome.first_bad_id == bad


def test_two_rows_swapped_are_found(database: Path) -> None:
    change(database, "UPDATE event SET new = 9 - new, old = 7 - old WHERE id IN (4, 5)")
    assert check(database).first_bad_id == 4


def test_a_row_put_in_at_the_end_is_found(database: Path) -> None:
    change(
        database, f"INSERT INTO event SELECT {ROWS + 1}, at, who, action, old, new, why, hash FROM event WHERE id = 1"
    )
    assert check(database).first_bad_id == ROWS + 1


def test_what_people_and_rolls_do_is_on_the_chain(store: Store, home: Path) -> None:
    recipe = store.save_recipe(make_recipe(), "ann", "taught")
    store.add_model(recipe.model_sha256, home / "models" / "m.safetensors", {"tiles": 3}, "ann")
    store.add_calibrations([NewCalibration("scale", "cam", {"mm_per_px": 0.5})], "ann", "new lens")
    store.begin_roll("a", recipe, "cam", by="bob")
    store.begin_roll("b", recipe, "cam", by="bob")
    with sqlite3.connect(home / "station.db") as connection:
        rows = connection.execute("SELECT action, who, why FROM event ORDER BY id").fetchall()
    assert rows == [
        ("recipe saved", "ann", "taught"),
        ("model added", "ann", ""),
        ("calibration added", "ann", "new lens"),
        ("roll begun", "bob", ""),
        ("roll broken off", "station", "another roll was begun"),
        ("roll begun", "bob", ""),
    ]
    assert verify(store.read_engine).ok


def test_a_stop_that_nobody_released_is_known_to_the_next_program(home: Path) -> None:
    def next_program(*steps: StopStep) -> str:
        with Store.open(home) as store:
            known = History(store).unreleased_stop()
            for step in steps:
                store.write(StopChanged(step, f"cause {step}", "station"))
            store.write(Notice(Severity.WARNING, "another word"))
            return known

    assert next_program(StopStep.ANNOUNCED, StopStep.REQUESTED, StopStep.VETOED) == ""
    assert next_program() == "cause requested"
    assert next_program(StopStep.RELEASED, StopStep.ANNOUNCED) == "cause requested"
    assert next_program() == ""


def test_what_becomes_of_a_stop_is_on_record_with_the_name_and_the_roll(home: Path) -> None:
    with Store.open(home) as store:
        store.write(StopChanged(StopStep.REQUESTED, "running defect 3 at 1.0 m", "station"))
        store.begin_roll("r", make_recipe(), "camera")
        store.write(StopChanged(StopStep.VETOED, "critical defect 5 at 2.0 m", "Jürgen"))
        store.flush()
    connection = sqlite3.connect(home / "station.db")
    rows = connection.execute(
        "SELECT who, action, new, why FROM event WHERE action LIKE 'stop %' ORDER BY id"
    ).fetchall()
    connection.close()
    assert rows == [
        ("station", "stop requested", "running defect 3 at 1.0 m", ""),
        ("Jürgen", "stop vetoed", "critical defect 5 at 2.0 m", "roll number 1"),
    ]
    assert check(home / "station.db").ok
