"""This module keeps a bad database from stopping the inspection: it is kept aside, and a fresh one takes its place.

What is needed goes over to the fresh one, from the bad file as far as it can be read, else from files put aside before
and verified copies.  The fresh one gets its name last: a try that fails, as on a full disk, leaves all as it was.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from model.durable import sync_folder
from station.records.engine import open_database, raw_connection, shown, sqlite_file
from station.records.errors import records_error
from station.records.locks import FileLock
from station.records.rows import RecordsError
from station.records.safety.carrying import carry_over
from station.records.safety.copies import copies, damage_in, keep_newest, newest_copy, newest_first
from station.records.safety.place import SIDE_FILES, put_aside
from station.records.schema import HEAD, Base

BUDGET_S = 0.3
"""A start spends at most so long on the check; the daily copy is checked as a whole."""

SIGNS_OF_USE = ("models", "images", "backups")
LATER = (
    "roll_calibration", "roll_mark", "person", "setting", "grading_rule", "roll_grading", "opinion", "tally",
    "kind_tally", "kept_recording", "alarm", "alarm_step", "roll_evidence", "width",
)  # fmt: skip
"""These tables came after the first version of the schema."""
FRESH = ".fresh.db"
"""A fresh database is called so until all is in it; the name is no longer than the database's own."""
HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)

log = logging.getLogger("station.records")


def open_or_renew(home: Path, url: str | URL) -> list[str]:
    """See to it that the database can be opened: put a bad one aside and make a fresh one.  Return what to tell people,
    in sentences; nothing if all is well or the database is on a server.

    Raises:
        RecordsError: it cannot be opened or renamed, or another program holds it.
    """
    file = sqlite_file(url)
    if file is None:
        return []
    try:
        wrong = wrong_with(file, home)
        if not wrong:
            return []
        lock = FileLock(home / "locks" / "renewal.lock")
        if not lock.take(timeout_s=5.0):
            raise RecordsError(f"Another program is putting the database {file} right; try again.")
        try:
            return _renewed(home, url, file)
        finally:
            lock.free()
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise records_error(error, shown(url)) from error


def _renewed(home: Path, url: str | URL, file: Path) -> list[str]:
    wrong = wrong_with(file, home)  # again: another program may have put it right meanwhile
    if not wrong:
        return []
    there = file.exists() and file.stat().st_size > 0
    before = newest_first([*copies(home), *file.parent.glob(f"{file.stem}-damaged-*{file.suffix}")])
    fresh, told = _made_fresh(home, url, file, [*([file] if there else []), *before])
    try:
        keep_newest(home)
    except OSError as error:
        log.warning("the newest copy could not be kept from going: %s", error)
    aside = put_aside(file, "damaged") if there else None
    for left in (file, *beside(file)):  # SQLite would take them for the fresh one's
        left.unlink(missing_ok=True)
    fresh.rename(file)
    sync_folder(file.parent)
    kept = f" It is kept as {aside}." if aside is not None else ""
    text = (
        f"The database {file} {wrong}.{kept} A fresh one was opened, and inspection goes on; {newest_copy(home)}. "
        "To go back to a copy, end the station and put it in place of the database."
    )
    log.error("%s", text)
    return [text, *told]


def _made_fresh(home: Path, url: str | URL, file: Path, sources: list[Path]) -> tuple[Path, list[str]]:
    """Make a fresh database under another name and carry over into it; return it and what to tell people."""
    fresh = file.with_name(FRESH)
    for left in (fresh, *beside(fresh)):
        left.unlink(missing_ok=True)
    writer, reader = open_database(home, make_url(url).set(database=str(fresh)))
    try:
        return fresh, carry_over(fresh, writer, sources)
    finally:
        writer.dispose()
        reader.dispose()


def wrong_with(file: Path, home: Path) -> str:
    """Say in a few words what is wrong with a database file before it is opened, '' if nothing is.

    A file that is missing or of 0 bytes is new, unless the home shows that a station worked there.

    Raises:
        OSError, sqlite3.OperationalError: it cannot be opened, or another program holds it.
    """
    if not file.exists() or file.stat().st_size == 0:
        return _used(home, "empty" if file.exists() else "gone")
    started = time.monotonic()
    damage = damage_in(file, BUDGET_S)
    if damage:
        return "is not a database" if "not a database" in damage else f"is damaged ({damage})"
    if time.monotonic() - started >= BUDGET_S:
        log.info("the check of %s was cut short after %.0f s", file, BUDGET_S)
    with closing(raw_connection(file)) as database:
        try:
            return _lacks(database, home)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in HELD:
                raise
            return f"is damaged ({error})"


def _lacks(database: sqlite3.Connection, home: Path) -> str:
    """Say what of the station's tables a whole database lacks, '' if nothing or if it is new."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return _used(home, "empty")
    if "alembic_version" not in tables:
        return "is a database, but not one of the station"
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = str(row[0]) if row else ""
    if len(tables) == 1 and not row:
        return _used(home, "empty")
    if not re.fullmatch(r"\w{1,32}", revision):
        return "is damaged (it does not say which station made it)"
    if revision > HEAD:
        return ""  # a newer station's tables are its own
    for name, table in Base.metadata.tables.items():
        if name not in tables and (revision == HEAD or name not in LATER):
            return f"is damaged (its table {name} is missing)"
        has = {column[1] for column in database.execute(f"PRAGMA table_info({name})")}
        if revision == HEAD and not has.issuperset(column.name for column in table.columns):
            return f"is damaged (a column of its table {name} is missing)"
    return ""


def _used(home: Path, how: str) -> str:
    used = [name for name in SIGNS_OF_USE if any((home / name).glob("*"))]
    return f"is {how}, though {home} has {' and '.join(used)}" if used else ""


def beside(file: Path) -> list[Path]:
    """Return the names of the side files that SQLite keeps for a database."""
    return [file.with_name(f"{file.name}{end}") for end in (*SIDE_FILES, "-journal")]
