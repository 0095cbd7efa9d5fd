"""This module keeps a bad database from stopping the inspection: it is kept aside, and a fresh one takes its place.

What is needed to inspect goes over to the fresh one: fabrics, recipes, models and calibrations, from the bad file as
far as it can be read, else from the newest verified copy.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from station.records.engine import open_database, shown, sqlite_file
from station.records.errors import records_error
from station.records.locks import FileLock
from station.records.rows import RecordsError
from station.records.safety.copies import copies, damage_in, newest_copy
from station.records.safety.place import put_aside

BUDGET_S = 3.0
"""A start spends at most so long on the check; the daily copy is checked as a whole."""

CARRIED = ("fabric", "model_version", "recipe_version", "calibration")
"""These tables are needed to inspect, each after those it refers to."""

SIGNS_OF_USE = ("models", "images", "backups")

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
    except (OSError, sqlite3.Error) as error:
        raise records_error(error, shown(url)) from error


def _renewed(home: Path, url: str | URL, file: Path) -> list[str]:
    wrong = wrong_with(file, home)  # again: another program may have put it right meanwhile
    if not wrong:
        return []
    aside, told = set_aside(file, wrong, home)
    log.error("%s", told)
    for engine in open_database(home, url):
        engine.dispose()
    return [told, *filter(None, [carry_over(file, aside, home)])]


def wrong_with(file: Path, home: Path) -> str:
    """Say in a few words what is wrong with a database file before it is opened, '' if nothing is.

    A file that is missing or of 0 bytes is new, unless the home shows that a station worked there.

    Raises:
        OSError, sqlite3.OperationalError: it cannot be opened, or another program holds it.
    """
    if not file.exists() or file.stat().st_size == 0:
        used = [name for name in SIGNS_OF_USE if any((home / name).glob("*"))]
        return f"is {'empty' if file.exists() else 'gone'}, though {home} has {' and '.join(used)}" if used else ""
    started = time.monotonic()
    damage = damage_in(file, BUDGET_S)
    if damage:
        return "is not a database" if "not a database" in damage else f"is damaged ({damage})"
    if time.monotonic() - started >= BUDGET_S:
        log.info("the check of %s was cut short after %.0f s", file, BUDGET_S)
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "alembic_version" not in tables:
            return "is a database, but not one of the station"
        if tables:
            try:
                revision = database.execute("SELECT version_num FROM alembic_version").fetchone()
            except sqlite3.Error as error:
                return f"is damaged ({error})"
            if len(tables) > 1 and not (revision and re.fullmatch(r"\w{1,32}", str(revision[0]))):
                return "is damaged (it does not say which station made it)"
    return ""


def set_aside(file: Path, why: str, home: Path) -> tuple[Path | None, str]:
    """Put a bad database aside; return its new name (None if there was no file) and the sentence that tells of it.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = put_aside(file, "damaged") if file.exists() and file.stat().st_size else None
    file.unlink(missing_ok=True)
    kept = f" It is kept as {aside}." if aside is not None else ""
    return aside, (
        f"The database {file} {why}.{kept} A fresh one was opened, and inspection goes on; {newest_copy(home)}. "
        "To go back to a copy, end the station and put it in place of the database."
    )


def carry_over(fresh: Path, aside: Path | None, home: Path) -> str:
    """Copy fabrics, recipes, models and calibrations into a fresh database; return in a sentence what came from where.

    Raises:
        sqlite3.Error: the fresh database cannot be written.
    """
    carried: dict[str, int] = {}
    sources = [source for source in (aside, *copies(home)) if source is not None]
    with closing(sqlite3.connect(fresh, timeout=5.0)) as target:
        for source in sources:
            count = sum(_carry_table(source, target, table) for table in CARRIED)
            target.commit()
            if count:
                carried[source.name] = count
    if not carried:
        return "No recipe could be taken over; teach the fabrics again or go back to a copy." if sources else ""
    places = ", ".join(f"{count} rows from {name}" for name, count in carried.items())
    return f"Fabrics, recipes, models and calibrations were taken over: {places}."


def _carry_table(source: Path, target: sqlite3.Connection, table: str) -> int:
    """Copy the readable rows of a table that the target lacks; return their number."""
    count = 0
    known = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
    for names, row in _readable(source, table):
        columns = [name for name in names if name in known]
        values = [row[names.index(name)] for name in columns]
        marks = ", ".join("?" * len(columns))
        try:
            done = target.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        except sqlite3.Error as error:
            log.warning("a row of %s in %s was left out: %s", table, source, error)
        else:
            count += max(done.rowcount, 0)
    return count


def _readable(source: Path, table: str) -> Iterator[tuple[list[str], tuple[object, ...]]]:
    """Yield column names and values of the rows up to the first that cannot be read, without a change to the source."""
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as database:
            cursor = database.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield names, row
    except sqlite3.Error as error:
        log.warning("table %s of %s cannot be read any further: %s", table, source, error)
