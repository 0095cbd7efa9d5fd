"""Whoever changes the audit is found out at the row."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from station.contract import Notice, Severity, StopChanged, StopStep
from station.records.audit import GENESIS, AuditCheck, chain_hash, verify
from station.records.engine import make_engine
from station.records.history import History
from station.records.rows import NewCalibration
from station.records.store import Store
from tests.rigs.records import make_recipe

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


def loosen(database: Path, *tables: str) -> None:
    """Rebuild tables without keys and constraints, as somebody may who writes to the file: all values fit then."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table in tables or ("event", "event_head"):
            connection.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE loose RENAME TO {table}")


def relink(database: Path, first: int) -> None:
    """Rebuild all hashes from a row on, as somebody may who knows how; the head is left alone."""
    with closing(sqlite3.connect(database)) as connection, connection:
        found = connection.execute("SELECT hash FROM event WHERE id = ?", [first - 1]).fetchone()
        previous = found[0] if found else GENESIS
        query = "SELECT id, at, who, action, old, new, why FROM event WHERE id >= ? ORDER BY id"
        for number, at, *fields in connection.execute(query, [first]).fetchall():
            previous = chain_hash(previous, number, datetime.fromisoformat(at).replace(tzinfo=UTC), tuple(fields))
            connection.execute("UPDATE event SET hash = ? WHERE id = ?", [previous, number])


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
    assert outcome.first_bad_row == 5


@pytest.mark.parametrize(
    "spoilt",
    [
        "who = NULL",
        "at = NULL",
        "hash = NULL",
        "at = 5",
        "at = 5.5",
        "at = x'00'",
        "at = at || '+05:00'",
        "at = replace(at, ' ', 'T')",
        "at = substr(at, 1, 10)",
        "at = CAST(at AS BLOB)",
        "who = CAST(x'ff' AS TEXT)",
        "hash = CAST(x'ff' AS TEXT)",
        "at = CAST(x'ff' AS TEXT)",
        "why = CAST(why AS BLOB)",
        "hash = CAST(hash AS BLOB)",
        "hash = upper(hash)",
        "new = new || x'00'",
        "old = ''",
        "who = why, why = who",
        "id = 'five'",
        "id = x'05'",
    ],
)
def test_a_value_of_any_kind_is_found_at_its_row(database: Path, spoilt: str) -> None:
    loosen(database)
    assert check(database) == (ROWS, True, None)
    change(database, f"UPDATE event SET {spoilt} WHERE id = 5")
    assert check(database)[1:] == (False, 5)


def test_a_number_that_is_none_is_found(database: Path) -> None:
    loosen(database)
    change(database, "UPDATE event SET id = NULL WHERE id = 5")
    assert check(database)[1:] == (False, 1), "what has no number comes first"


@pytest.mark.parametrize(
    ("gone", "bad"), [("id = 3", 3), ("id = 1", 1), (f"id = {ROWS}", ROWS), ("id > 2", 3), ("1", 1)]
)
def test_a_row_that_is_gone_is_missed(database: Path, gone: str, bad: int) -> None:
    change(database, f"DELETE FROM event WHERE {gone}")
    outcome = check(database)
    assert not outcome.ok
    assert outcome.first_bad_row == bad


def test_two_rows_swapped_are_found(database: Path) -> None:
    change(database, "UPDATE event SET new = 9 - new, old = 7 - old WHERE id IN (4, 5)")
    assert check(database).first_bad_row == 4


def test_a_row_put_in_at_the_end_is_found(database: Path) -> None:
    change(
        database, f"INSERT INTO event SELECT {ROWS + 1}, at, who, action, old, new, why, hash FROM event WHERE id = 1"
    )
    assert check(database).first_bad_row == ROWS + 1


@pytest.mark.parametrize("number", [0, -3])
def test_a_row_put_in_before_the_first_is_found(database: Path, number: int) -> None:
    change(database, f"INSERT INTO event SELECT {number}, at, who, action, old, new, why, hash FROM event WHERE id = 1")
    assert check(database)[1:] == (False, number)


def test_a_row_put_in_between_is_found(database: Path) -> None:
    change(database, "UPDATE event SET id = -id - 1 WHERE id >= 4")
    change(database, "UPDATE event SET id = -id WHERE id < 0")
    change(database, "INSERT INTO event SELECT 4, at, who, action, old, new, why, hash FROM event WHERE id = 3")
    assert check(database)[1:] == (False, 4)


def test_a_row_that_is_there_twice_is_found(database: Path) -> None:
    loosen(database)
    change(database, "INSERT INTO event SELECT * FROM event WHERE id = 4")
    assert check(database)[1:] == (False, 4)


@pytest.mark.parametrize("more", [1, 2])
def test_well_linked_rows_put_in_at_the_end_are_found(database: Path, more: int) -> None:
    for number in range(ROWS + 1, ROWS + 1 + more):
        change(
            database, f"INSERT INTO event SELECT {number}, at, who, action, old, new, why, '' FROM event WHERE id = 1"
        )
    relink(database, ROWS + 1)
    assert check(database) == (ROWS + more, False, ROWS + 1)


def test_a_well_linked_last_row_is_found_by_the_head(database: Path) -> None:
    change(database, f"UPDATE event SET who = 'me' WHERE id = {ROWS}")
    relink(database, ROWS)
    assert check(database) == (ROWS, False, ROWS)


def test_rows_rebuilt_up_to_a_forgotten_head_name_the_last_row(database: Path) -> None:
    change(database, "UPDATE event SET who = 'me' WHERE id = 3")
    relink(database, 3)
    assert check(database) == (ROWS, False, ROWS)


@pytest.mark.parametrize(
    ("spoilt", "bad"),
    [
        ("DELETE FROM event_head", ROWS + 1),
        ("UPDATE event_head SET id = 2", ROWS + 1),
        ("UPDATE event_head SET last_id = last_id + 2", ROWS + 1),
        ("UPDATE event_head SET last_id = 5", 5),
        ("UPDATE event_head SET last_id = 5, last_hash = (SELECT hash FROM event WHERE id = 5)", 6),
        (f"UPDATE event_head SET last_id = 0, last_hash = '{GENESIS}'", 1),
        ("UPDATE event_head SET last_id = -4", 1),
        ("UPDATE event_head SET last_hash = upper(last_hash)", ROWS),
        ("UPDATE event_head SET last_hash = NULL", ROWS + 1),
        ("UPDATE event_head SET last_hash = CAST(x'ff' AS TEXT)", ROWS),
        ("UPDATE event_head SET last_hash = CAST(last_hash AS BLOB)", ROWS + 1),
        ("UPDATE event_head SET last_id = NULL", ROWS + 1),
        ("UPDATE event_head SET last_id = 'eight'", ROWS + 1),
        ("UPDATE event_head SET last_id = x'08'", ROWS + 1),
        ("UPDATE event_head SET last_id = 5.5", ROWS + 1),
        ("UPDATE event_head SET last_id = 9223372036854775807", ROWS + 1),
        ("INSERT INTO event_head SELECT * FROM event_head", ROWS + 1),
        ("INSERT INTO event_head SELECT 2, last_id, last_hash FROM event_head", ROWS + 1),
    ],
)
def test_a_changed_head_is_found(database: Path, spoilt: str, bad: int) -> None:
    loosen(database)
    assert check(database) == (ROWS, True, None)
    change(database, spoilt)
    assert check(database) == (ROWS, False, bad)


@pytest.mark.parametrize(
    ("sql", "bad"),
    [
        ("DROP TABLE event", 1),
        ("DROP TABLE event_head", ROWS + 1),
        ("ALTER TABLE event DROP COLUMN why", 1),
        ("ALTER TABLE event_head DROP COLUMN last_hash", ROWS + 1),
    ],
)
def test_a_table_or_a_column_that_is_gone_is_missed(database: Path, sql: str, bad: int) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(sql)
    assert check(database)[1:] == (False, bad)


def test_a_chain_cut_back_with_its_head_looks_whole(database: Path) -> None:
    """Not a promise but the limit the docstring tells of."""
    change(database, "DELETE FROM event WHERE id > 5")
    change(database, "UPDATE event_head SET last_id = 5, last_hash = (SELECT hash FROM event WHERE id = 5)")
    assert check(database) == (5, True, None)


COLUMNS = ("at", "who", "action", "old", "new", "why", "hash")
VALUES = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.datetimes().map(str),
)


@pytest.fixture
def loose(database: Path) -> bytes:
    """The database without constraints, as one file."""
    loosen(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return database.read_bytes()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whichever_row_is_tampered_with_is_named(tmp_path: Path, loose: bytes, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, ROWS), "rows")
    row = data.draw(st.integers(1, rows), "row")
    deed = data.draw(st.sampled_from(["removed", "put in", *COLUMNS]), "deed")
    copy = tmp_path / "copy.db"
    copy.write_bytes(loose)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("DELETE FROM event WHERE id > ?", [rows])
        connection.execute(
            "UPDATE event_head SET last_id = ?, last_hash = (SELECT hash FROM event WHERE id = ?)", [rows, rows]
        )
        assert check(copy) == (rows, True, None)

        if deed == "removed":
            connection.execute("DELETE FROM event WHERE id = ?", [row])
        elif deed == "put in":
            connection.execute("UPDATE event SET id = id + 1 WHERE id >= ?", [row])
            query = "INSERT INTO event SELECT ?, at, 'me', action, old, new, why, hash FROM event LIMIT 1"
            connection.execute(query, [row])
        else:
            written = f"SELECT typeof({deed}), CAST({deed} AS BLOB) FROM event WHERE id = {row}"
            before = connection.execute(written).fetchone()
            connection.execute(f"UPDATE event SET {deed} = ? WHERE id = ?", [data.draw(VALUES, "value"), row])
            assume(connection.execute(written).fetchone() != before)
    assert check(copy)[1:] == (False, row)


def test_a_long_chain_is_checked_in_little_memory(database: Path) -> None:
    rows, at, text = 6_000, datetime(2026, 1, 31, tzinfo=UTC), "x" * 4000
    previous = GENESIS
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM event")
        for number in range(1, rows + 1):
            previous = chain_hash(previous, number, at, ("me", "a", "", text, ""))
            values = (number, f"{at:%Y-%m-%d %H:%M:%S.%f}", "me", "a", "", text, "", previous)
            connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("UPDATE event_head SET last_id = ?, last_hash = ?", [rows, previous])
    told: list[int] = []
    engine = make_engine(f"sqlite:///{database}", read_only=True)
    tracemalloc.start()
    try:
        assert verify(engine, told.append) == (rows, True, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        engine.dispose()
    assert peak < rows * len(text) / 4
    assert told == sorted(set(told))
    assert told[-1] > rows / 2


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
