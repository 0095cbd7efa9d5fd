"""Errors of the database in plain sentences."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, type_coerce
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from station.records.errors import is_environment, plainly, records_error
from station.records.history import History
from station.records.rows import RecordsError
from station.records.schema import UtcTime
from station.records.store import Store


def failed(run: Callable[[], object]) -> Exception:
    try:
        run()
    except Exception as error:
        return error
    raise AssertionError("nothing failed")


def of_damaged(file: Path) -> Exception:
    """What SQLAlchemy raises where pages of a database were written over."""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        connection.executemany("INSERT INTO t (b) VALUES (?)", [("x" * 500,)] * 400)
    data = bytearray(file.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        return failed(lambda: connection.exec_driver_sql("SELECT * FROM t WHERE b LIKE '%y'").all())


@pytest.mark.field("r10")
def test_a_damaged_database_is_an_environment_and_one_plain_sentence(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    error = of_damaged(tmp_path / "d.db")
    assert is_environment(error)
    sentence = str(records_error(error, "station.db"))
    assert sentence.startswith("The records in station.db failed: the database is damaged; ")
    assert not any(word in sentence for word in ("SELECT", "sqlalche", "http", "[", "\n", "sqlite3"))
    record_property("now", f"A database written over is told so: '{sentence}' It counts as a fault of the environment.")


@pytest.mark.field("r10")
def test_a_database_written_over_beside_a_running_station_is_told_plainly(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = Store.open(home)
    store.audit("tuned", "1", "2", "ann", "")
    for side in ("", "-wal", "-shm"):
        file = home / f"station.db{side}"
        size = file.stat().st_size
        with file.open("r+b") as opened:
            opened.write(b"\x00\xff" * (size // 2))
    for use in (History(store).rolls, lambda: store.audit("tuned", "2", "3", "ann", "")):
        with pytest.raises(RecordsError) as told:
            use()
        assert not any(word in str(told.value) for word in ("SELECT", "INSERT", "sqlalche", "http", "\n"))
    store.close()


def test_sql_values_and_web_addresses_are_left_out() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        wrong_value = failed(lambda: connection.execute(select(type_coerce("yesterday", UtcTime))).all())
    unique = IntegrityError(
        "INSERT INTO roll VALUES (?)", ("secret",), sqlite3.IntegrityError("UNIQUE constraint failed: roll.name")
    )
    for error in (wrong_value, unique, SQLAlchemyError("odd", code="e3q8")):
        sentence = str(records_error(error, "station.db"))
        assert not any(word in sentence for word in ("INSERT", "secret", "sqlalche", "http", "Background", "\n")), (
            sentence
        )
    assert "another program may have changed the database" in str(records_error(unique, "station.db"))
    assert not is_environment(unique)
    assert plainly(unique) == "UNIQUE constraint failed: roll.name"
