"""This module opens the database: it sets file rights and pragmas, and migrates old records after a backup.

SQLite is the default; any SQLAlchemy URL works for a server shared by the mill, which must make its own backups.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from model.durable import keep_from_others, make_private
from station.records.errors import records_error
from station.records.locks import FileLock
from station.records.rows import RecordsError
from station.records.schema import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

DATABASE = "station.db"
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 5000
CACHE_KIB = 65_536
"""A connection keeps so much of the database in memory: lists over years of rolls read the same pages again."""
MOST_PATH_BYTES = 500
"""SQLite keeps 512 bytes for a path, and its side files have longer names than the database."""

log = logging.getLogger("station.records")


def default_url(home: Path) -> URL:
    """Return the URL of the database in the home folder, whatever signs its path has.

    Raises:
        RecordsError: the path is longer than SQLite can open.
    """
    file = home.absolute() / DATABASE
    size = len(os.fsencode(file))
    if size > MOST_PATH_BYTES:
        raise RecordsError(
            f"The path of the home folder is too long: {size} bytes with its database, SQLite opens at most "
            f"{MOST_PATH_BYTES}; name another home folder (--home or STATION_HOME): {home}"
        )
    return URL.create("sqlite", database=str(file))  # never a pasted string: a path may hold %, ? and #


def make_home(home: Path) -> None:
    """Create the home folder with rights for its owner only.  Raises RecordsError if it cannot be written to."""
    try:
        is_ours = (home / DATABASE).exists() or (home / "models").is_dir()
        make_private(home)
        if is_ours:
            keep_from_others(home)
        probe = home / f".writable-{os.getpid()}"
        probe.touch(0o600)
        probe.unlink()
    except OSError as error:
        raise records_error(error, f"home folder {home}") from error


def make_engine(url: str | URL, *, read_only: bool) -> Engine:
    """Make an engine for one writer or for many readers.  SQLite: WAL, synchronous FULL, foreign keys, busy timeout.

    Raises:
        RecordsError: the URL is not valid, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True)
        pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 4 if read_only else 1}
        engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}, **pool)
    except (SQLAlchemyError, ImportError) as error:
        raise RecordsError(
            f"The database address {shown(url)} cannot be used ({error}); use for example sqlite:///station.db."
        ) from error
    event.listen(engine, "connect", _reader_pragmas if read_only else _writer_pragmas)
    event.listen(engine, "begin", _begin if read_only else _begin_immediate)
    return engine


def raw_connection(file: Path, mode: str = "ro", **options: Any) -> sqlite3.Connection:
    """Open a SQLite file as it lies, without SQLAlchemy; ``mode`` is SQLite's: ro, or rw, never made anew.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, **{"timeout": 2.0, **options})


def open_database(home: Path, url: str | URL) -> tuple[Engine, Engine]:
    """Bring the database up to date and return the writer's and the readers' engine.

    Raises:
        RecordsError: not writable, not a database, not one of a station, newer than this program, locked, disk full.
    """
    file = sqlite_file(url)
    try:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own side files inherit the mode
            file.chmod(0o600)
        writer = make_engine(url, read_only=False)
        if schema_revision(writer, file) != HEAD:
            with _migrating(home):
                _migrate(home, writer, file)
        return writer, make_engine(url, read_only=True)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        raise records_error(error, shown(url)) from error


def shown(url: str | URL) -> str:
    """Return a database's name for messages: its file, or its address without the password."""
    return str(sqlite_file(url) or make_url(url).render_as_string(hide_password=True))


def sqlite_file(url: str | URL) -> Path | None:
    """Return the file of a SQLite URL, None for a server.  Raises RecordsError for an invalid URL and for memory."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise RecordsError("The database address is not a SQLAlchemy URL; use for example sqlite:///FILE.") from error
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise RecordsError("Records in memory would be lost at the end; name a database file.")
    if parsed.database.startswith("file:"):
        return Path(url2pathname(urlsplit(parsed.database).path))
    return Path(parsed.database)


def schema_revision(engine: Engine, file: Path | None) -> str | None:
    """Return the schema revision; None for an empty database.  Raises RecordsError if it is not one of a station."""
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            if tables and file is not None:
                raise RecordsError(
                    f"{file} is a database, but not one of the station (no revision in it); name another home folder."
                )
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _migrating(home: Path) -> Iterator[None]:
    lock = FileLock(home / "locks" / "migration.lock")
    if not lock.take(timeout_s=60.0):
        raise RecordsError(f"Another program is upgrading the records in {home}; wait until it is done.")
    try:
        yield
    finally:
        lock.free()


def _migrate(home: Path, engine: Engine, file: Path | None) -> None:
    revision = schema_revision(engine, file)  # again: another process may have migrated first
    if revision == HEAD:
        return
    if revision is not None and revision not in _known_revisions():
        raise RecordsError(
            f"The records in {file or 'the database'} were made by a newer station (revision {revision}; this one "
            f"knows up to {HEAD}); upgrade the station, or name another home folder."
        )
    if revision is not None and file is not None:
        log.info("backup before migration: %s", backup(home, file, revision))
    migrate(engine)


def migrate(engine: Engine) -> None:
    """Bring a database of an older station up to the present schema, in one transaction."""
    from alembic import command  # only needed for a new or an old database

    config = _alembic()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def backup(home: Path, file: Path, label: str) -> Path:
    """Make a consistent copy of a SQLite database under ``home/backups`` and return its path."""
    folder = home / "backups"
    folder.mkdir(exist_ok=True, mode=0o700)
    target = folder / f"station-{label}-{datetime.now():%Y%m%d-%H%M%S-%f}.db"
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def _pragmas(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # our code begins transactions; the driver would guess
    # One text that is not UTF-8 would fail a whole list; read so, it is found and named where it is taken.
    connection.text_factory = as_it_lies
    # SQLite's own knows no capitals but A to Z, and names are searched in any script.
    connection.create_function("lower", 1, _without_case, deterministic=True)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = ON")


def _writer_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    _pragmas(connection)
    mode = _write_ahead(connection)
    if mode != "wal":
        raise RecordsError(
            f"The database cannot keep a write-ahead log where it lies (it offers {mode}); keep it on a local disk, "
            "never on a network share."
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def _write_ahead(connection: sqlite3.Connection) -> str:
    """Switch to a write-ahead log and return the journal mode after that.  SQLite's busy timeout does not cover the
    switch, so programs that open a new database at the same time wait for one another here."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _reader_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    _pragmas(connection)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def as_it_lies(data: bytes) -> str:
    """Decode a text of the database; bytes that are not UTF-8 stay in it as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _without_case(value: str | bytes | int | float | None) -> str | bytes | int | float | None:
    return value.casefold() if isinstance(value, str) else value


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
