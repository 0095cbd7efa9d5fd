"""This module carries over into a fresh database what inspection needs of a bad one and of its copies.

Fabrics, recipes, models and calibrations go over row by row; a stop of the machine that nobody released, and the names
that rolls have by day and number, go into the audit as its first rows.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from station.contract import StopStep
from station.records import audit
from station.records.engine import as_it_lies, raw_connection
from station.records.roll_life.identity import NAMES_TAKEN

CARRIED = ("fabric", "model_version", "recipe_version", "calibration", "kept_recording", "person", "setting")
"""These tables are needed to inspect, each after those it refers to, to keep what is to be kept, and to let only those
inspect who may."""

OF_ONE = ("person", "setting")
"""Of these what the newest source has counts alone: who was removed must not come back from an older one."""

DAYS = 31
"""So many of the last days on which rolls were named keep their numbers."""
CHUNK = 1 << 20
DAILY_NAME = re.compile(r"(\d{4}-\d\d-\d\d-)(\d{3,9})")
DAILY_NAME_IN_BYTES = re.compile(rb"\d{4}-\d\d-\d\d-\d{3}")
"""In a file that SQLite cannot read, only three digits are surely the name's; others may follow it there."""

log = logging.getLogger("station.records")

Row = dict[str, object]


class Stop(NamedTuple):
    """A stop of the machine that was asked for: its cause, by whom, and the file that says so."""

    cause: str
    by: str
    source: Path


def carry_over(fresh: Path, engine: Engine, sources: Sequence[Path]) -> list[str]:
    """Carry over into a fresh database what its sources have, the best first; return what to tell people, in sentences.

    Raises:
        sqlite3.Error, SQLAlchemyError: the fresh database cannot be written.
    """
    if not sources:
        return []
    names = highest_names(sources)
    stop, is_known = last_stop(sources)
    with Session(engine) as session, session.begin():
        audit.append(session, NAMES_TAKEN, "", ", ".join(names), "station", "in the database before and its copies")
        if stop is not None:
            why = f"taken over from {stop.source.name}"
            audit.append(session, f"stop {StopStep.REQUESTED}", "", stop.cause, stop.by, why)
    told = [_carry_tables(fresh, sources)]
    if stop is not None:
        told.append(f"A stop of the machine is not released yet ({stop.cause}).")
    elif not is_known:
        told.append("Whether a stop of the machine is still to be released could not be read; look at the machine.")
    return told


def _carry_tables(fresh: Path, sources: Sequence[Path]) -> str:
    carried: dict[str, int] = {}
    from_where = {table: _sources_of(table, sources) for table in CARRIED}
    with closing(sqlite3.connect(fresh, timeout=5.0)) as target:
        for source in sources:
            tables = [table for table in CARRIED if source in from_where[table]]
            count = sum(_carry_table(source, target, table) for table in tables)
            target.commit()
            if count:
                carried[source.name] = count
    if not carried:
        return "No recipe could be taken over; teach the fabrics again or go back to a copy."
    places = ", ".join(f"{count} rows from {name}" for name, count in carried.items())
    return f"Fabrics, recipes, models and calibrations were taken over: {places}."


def _sources_of(table: str, sources: Sequence[Path]) -> Sequence[Path]:
    """Return the sources to take a table from: all, or the first one alone in which it can be read to its end; all of
    them, too, if there is no such one, so that not everybody is shut out."""
    if table not in OF_ONE:
        return sources
    whole = next((source for source in sources if _is_whole(source, table)), None)
    return sources if whole is None else [whole]


def _is_whole(source: Path, table: str) -> bool:
    try:
        with _opened(source) as database:
            for _ in database.execute(f"SELECT * FROM {table}"):
                pass
    except sqlite3.Error:
        return False
    return True


def _carry_table(source: Path, target: sqlite3.Connection, table: str) -> int:
    """Copy the readable rows of a table that the target lacks; return their number."""
    count = 0
    known = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
    for row in _readable(source, table):
        try:
            if table == "recipe_version":
                row["fabric_id"] = _fabric_of(row, target)
            if table in ("fabric", "recipe_version") and _is_taken(row.get("id"), target, table):
                del row["id"]  # databases that parted may have given it to another one
            columns = [name for name in row if name in known]
            marks = ", ".join("?" * len(columns))
            values = [row[name] for name in columns]
            done = target.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        except (sqlite3.Error, ValueError, LookupError, TypeError) as error:
            log.warning("a row of %s in %s was left out: %s", table, source, error)
        else:
            count += max(done.rowcount, 0)
    return count


def _fabric_of(recipe: Row, target: sqlite3.Connection) -> int:
    """Return the number that the target has for a recipe's fabric, which is put there if it is not.

    Raises:
        LookupError, ValueError, TypeError, sqlite3.Error: the recipe does not say, or the target refuses.
    """
    name = str(json.loads(str(recipe["body"]))["fabric"])
    values = (name, recipe["created_at"])
    target.execute("INSERT OR IGNORE INTO fabric (name, created_at) VALUES (?, ?)", values)
    return int(target.execute("SELECT id FROM fabric WHERE name = ?", (name,)).fetchone()[0])


def _is_taken(number: object, target: sqlite3.Connection, table: str) -> bool:
    return target.execute(f"SELECT 1 FROM {table} WHERE id = ?", (number,)).fetchone() is not None


def last_stop(sources: Iterable[Path]) -> tuple[Stop | None, bool]:
    """Return the last stop of the machine that nobody released, as the first source knows it that can be read, and
    whether there is such a source."""
    steps = [f"stop {step}" for step in (StopStep.REQUESTED, StopStep.RELEASED)]
    query = "SELECT action, new, who FROM event WHERE action IN (?, ?) ORDER BY id DESC LIMIT 1"
    for source in sources:
        try:
            with _opened(source) as database:
                found = database.execute(query, steps).fetchone()
                if found is None and database.execute("SELECT 1 FROM event LIMIT 1").fetchone() is None:
                    continue
        except sqlite3.Error as error:
            log.warning("stops of the machine cannot be read from %s: %s", source, error)
            continue
        if found is not None and found[0] == steps[0]:
            return Stop(str(found[1]), str(found[2]), source), True
        return None, True
    return None, False


def highest_names(sources: Iterable[Path]) -> list[str]:
    """Return the highest name of a roll by day and number, such as ``2026-11-22-017``, for each of the last days."""
    highest: dict[str, int] = {}
    for source in sources:
        for name in _names(source):
            if match := DAILY_NAME.fullmatch(name):
                highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))
    return [f"{day}{number:03d}" for day, number in sorted(highest.items())[-DAYS:]]


def _names(source: Path) -> Iterator[str]:
    """Yield the names of rolls in a database; what looks like one in the bytes of a file that cannot be read."""
    try:
        with _opened(source) as database:
            for (name,) in database.execute("SELECT name FROM roll"):
                yield str(name)
    except sqlite3.Error as error:
        log.warning("names of rolls in %s are looked for byte by byte: %s", source, error)
        for file in (source, source.with_name(f"{source.name}-wal")):
            yield from _names_in_bytes(file)


def _names_in_bytes(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as stream:
            before = b""
            while chunk := stream.read(CHUNK):
                for name in DAILY_NAME_IN_BYTES.findall(before + chunk):
                    yield name.decode("ascii")
                before = chunk[-16:]
    except OSError as error:
        log.warning("%s cannot be read: %s", file, error)


def _opened(source: Path) -> closing[sqlite3.Connection]:
    """Open a database to read, without a change to it.  Raises sqlite3.Error."""
    database = raw_connection(source)
    database.text_factory = as_it_lies
    return closing(database)


def _readable(source: Path, table: str) -> Iterator[Row]:
    """Yield the rows up to the first that cannot be read."""
    try:
        with _opened(source) as database:
            cursor = database.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
    except sqlite3.Error as error:
        log.warning("table %s of %s cannot be read any further: %s", table, source, error)
