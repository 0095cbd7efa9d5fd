"""This module opens a home folder's records for commands that only read: nothing in the home is written, so that it may
be read-only or full, and a station may run beside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from station.records.engine import as_it_lies, migrate, schema_revision
from station.records.errors import records_error
from station.records.history import History
from station.records.locks import is_held
from station.records.read_only import open_read_only
from station.records.roll_life.unfinished import CRASH
from station.records.rolls import break_off
from station.records.schema import HEAD, RollTable


@contextmanager
def open_history(home: Path) -> Iterator[History]:
    """Open the history of a home as the next start of its station would show it.

    Records of an older station, and rolls that a crash left open, are brought up to date in a copy in memory.

    Raises:
        NoRecords: there is no database yet.
        RecordsError: it is not one of a station, of a newer station, damaged, or cannot be opened.
    """
    with open_read_only(home) as engine:
        if schema_revision(engine, None) == HEAD and not _abandoned(engine, home):
            yield History(engine, home)
            return
        try:
            copy = _copy_in_memory(engine)
            _bring_up_to_date(copy, home)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise records_error(error, str(home)) from error
        try:
            yield History(copy, home)
        finally:
            copy.dispose()


def _abandoned(engine: Engine, home: Path) -> list[int]:
    """Return the numbers of open rolls whose program no longer runs."""
    with Session(engine) as session:
        open_rolls = session.scalars(select(RollTable.id).where(RollTable.ended_how == "")).all()
    return [number for number in open_rolls if not is_held(home / "locks" / f"roll-{number}.lock")]


def _copy_in_memory(engine: Engine) -> Engine:
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with closing(engine.raw_connection()) as source:
        raw = source.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.backup(memory)
    memory.execute("PRAGMA journal_mode = MEMORY")
    memory.text_factory = as_it_lies
    return create_engine("sqlite://", creator=lambda: memory, poolclass=StaticPool)


def _bring_up_to_date(copy: Engine, home: Path) -> None:
    if schema_revision(copy, None) != HEAD:
        migrate(copy)
    with Session(copy) as session, session.begin():
        for number in _abandoned(copy, home):
            break_off(session, session.get_one(RollTable, number), CRASH)
