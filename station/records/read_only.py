"""Opens the records of a home folder to look at them only: nothing is made, brought up to date or written back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, inspect
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from station.records.engine import DATABASE, make_engine, schema_revision
from station.records.errors import records_error
from station.records.rows import RecordsError
from station.records.schema import HEAD


class NoRecords(RecordsError):  # noqa: N818 - told like any fault of the records
    """There is no database in the home folder, or an empty one."""


@contextmanager
def open_read_only(home: Path) -> Iterator[Engine]:
    """Readers' engine on a home's records, also where nothing may be written and beside a running station.

    While a station runs, and after a crash, the write-ahead log holds what the file lacks; opened ``mode=ro`` SQLite
    reads both and leaves the log where it is.  Without a log SQLite makes one for the time being, and only ``mode=rw``
    takes it away again; the file itself is not written to.  Where none can be made the file is read alone, and somebody
    who writes to it from elsewhere is noticed by the log that is there afterwards.

    Raises:
        NoRecords: there is no database yet.
        RecordsError: it is not a station's, a newer one's, damaged, or cannot be opened.
    """
    file = Path(home).absolute() / DATABASE
    try:
        if not file.is_file():
            raise NoRecords(f"There are no records in {home}; name the home folder of a station (--home).")
        pending = _has_log(file)
        alone = False
        try:
            engine = _looked_at(file, mode="ro" if pending else "rw")
        except OperationalError as error:
            if "unable to open" not in str(error.orig):
                raise
            if pending:
                raise RecordsError(
                    f"The records in {file} were not closed properly and cannot be read where nothing may be written; "
                    "copy the home folder to where it may be written and name the copy (--home)."
                ) from error
            engine, alone = _looked_at(file, immutable="1"), True
        try:
            yield engine
        finally:
            engine.dispose()
            if alone and _has_log(file):
                raise RecordsError(f"A station began to write to {file} meanwhile; try again.")
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise records_error(error, str(file)) from error


def _has_log(file: Path) -> bool:
    """Whether there is more than the file: a write-ahead log that is not empty."""
    log = file.with_name(f"{file.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _looked_at(file: Path, **how: str) -> Engine:
    """Engine on the file, after a first look at what it is."""
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
