"""This module opens the records of a home folder for reading only: it creates, migrates and writes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Engine, inspect
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from station.records.engine import DATABASE, make_engine, schema_revision
from station.records.errors import records_error
from station.records.rows import RecordsError
from station.records.schema import HEAD

_NO_LOG_CAN_BE_MADE = ("unable to open", "disk I/O error", "disk is full", "readonly database")


class NoRecords(RecordsError):  # noqa: N818 - reported like any fault of the records
    """The home folder has no database, or an empty one."""


@contextmanager
def open_read_only(home: Path) -> Iterator[Engine]:
    """Open a readers' engine on a home's records, also in a read-only folder and beside a running station.

    While a station runs, and after a crash, the write-ahead log holds what the file lacks; opened with ``mode=ro``
    SQLite reads both and leaves the log as it is.  Without a log SQLite makes a temporary one, and only ``mode=rw``
    removes it again; the file itself is not written to.  If no log can be made, as on a full or read-only disk, the
    file is read alone; if somebody else writes to it meanwhile, the log that is there afterwards shows it.  What a
    crash left, file and log, is then read from a copy in the system's folder for temporary files.

    Raises:
        NoRecords: there is no database yet.
        RecordsError: it is not one of a station, of a newer station, damaged, or cannot be opened.
    """
    file = Path(home).absolute() / DATABASE
    try:
        if not file.is_file():
            raise NoRecords(f"There are no records in {home}; name the home folder of a station (--home).")
        pending = _has_log(file)
        with ExitStack() as at_end:
            try:
                engine = _looked_at(file, mode="ro" if pending else "rw")
            except OperationalError as error:
                if not any(words in str(error.orig) for words in _NO_LOG_CAN_BE_MADE):
                    raise
                if pending:
                    engine = _looked_at(at_end.enter_context(_copied(file)), mode="rw")
                else:
                    at_end.callback(_check_unwritten, file)
                    engine = _looked_at(file, immutable="1")
            at_end.callback(engine.dispose)
            yield engine
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise records_error(error, str(file)) from error


@contextmanager
def _copied(file: Path) -> Iterator[Path]:
    """Copy a database and its log to where they may be written, meanwhile."""
    with TemporaryDirectory(prefix="station-") as folder:
        try:
            for side in ("", "-wal"):
                shutil.copy(file.with_name(f"{file.name}{side}"), folder)
        except OSError as error:
            raise RecordsError(
                f"The records in {file} were not closed properly and cannot be read where nothing may be written; "
                "copy the home folder to where it may be written and name the copy (--home). A copy to "
                f"{folder} failed: {error.strerror or error}."
            ) from error
        yield Path(folder) / file.name


def _check_unwritten(file: Path) -> None:
    if _has_log(file):
        raise RecordsError(f"A station began to write to {file} meanwhile; try again.")


def _has_log(file: Path) -> bool:
    """Return whether the file has a write-ahead log that is not empty."""
    log = file.with_name(f"{file.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _looked_at(file: Path, **how: str) -> Engine:
    """Open an engine on the file and check that it holds records this program can read."""
    engine = make_engine(URL.create("sqlite", database=file.as_uri(), query={**how, "uri": "true"}), read_only=True)
    try:
        revision = schema_revision(engine, file)
        if revision is None and not _tables(engine):
            raise NoRecords(f"The database {file} is empty; name the home folder of a station (--home).")
        if revision is None or str(revision) > HEAD:
            raise RecordsError(
                f"The records in {file} were made by a newer station (revision {revision or 'unknown'}; this one knows "
                f"up to {HEAD}); upgrade the station, or name another home folder."
            )
    except BaseException:
        engine.dispose()
        raise
    return engine


def _tables(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return inspect(connection).get_table_names()
