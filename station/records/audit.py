"""The audit: an append-only chain in which every row's hash covers the row and the hash before it.

A changed, inserted, removed or cut-off row breaks the chain at its number.  The chain shows tampering; it does not
hinder somebody who may write to the file.  Not found are a chain rebuilt from the changed row to its head, and rows cut
off its end where the head is set back to match; where rows are rebuilt and the head is not, the last row is named.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, Text, select, type_coerce
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from station.records.schema import EventHeadTable, EventTable, now

GENESIS = "0" * 64
NO_HEAD = (None, None)
ROWS_AT_ONCE = 500
"""Rows in memory during a check; the largest, recipes, have some ten kilobytes."""


class AuditCheck(NamedTuple):
    """Outcome of a check: rows read (up to the bad one), whether all is well, number of the first bad row (None if
    none)."""

    rows: int
    ok: bool
    first_bad_row: int | None


def chain_hash(previous: str, number: int, at: datetime, fields: tuple[str, ...]) -> str:
    """sha256 (hex) over the previous hash and the row."""
    body = json.dumps([previous, number, at.isoformat(timespec="microseconds"), *fields], ensure_ascii=True)
    return hashlib.sha256(body.encode("ascii")).hexdigest()


def append(session: Session, action: str, old: str, new: str, by: str, why: str) -> int:
    """Add a row inside the session's write transaction; returns its number."""
    head = session.get(EventHeadTable, 1, with_for_update=True)
    if head is None:
        head = EventHeadTable(id=1, last_id=0, last_hash=GENESIS)
        session.add(head)
    number, at = head.last_id + 1, now()
    digest = chain_hash(head.last_hash, number, at, (by, action, old, new, why))
    session.add(EventTable(id=number, at=at, who=by, action=action, old=old, new=new, why=why, hash=digest))
    head.last_id = number
    head.last_hash = digest
    session.flush()
    return number


def verify(engine: Engine, progress: Callable[[int], None] | None = None) -> AuditCheck:
    """Check the whole chain from its first row, a few rows in memory at a time; ``progress`` is told, every so
    often, how many are done.

    A row that is missing, and what a lost or unreadable head leaves unknown, is named by the number it would have.
    Without its table, or a column of it, the chain is bad from row 1.
    """
    with engine.connect() as connection, _texts_as_they_are(connection):
        heads = _heads(connection)
        last, last_hash = heads[0] if len(heads) == 1 else NO_HEAD
        number, previous = 0, GENESIS
        at_last = GENESIS if last == 0 else None  # hash of the row that the head calls the last one
        for row in _rows(connection):
            number += 1
            if row is None:
                return AuditCheck(0, False, 1)
            if type(row.id) is not int or row.id != number:
                return AuditCheck(number, False, min(row.id, number) if type(row.id) is int else number)
            if _hash_of(previous, number, row) != row.hash:
                return AuditCheck(number, False, number)
            previous = row.hash
            if number == last:
                at_last = previous
            if progress is not None and number % ROWS_AT_ONCE == 0:
                progress(number)
    if (last, last_hash) == (number, previous) or (not heads and not number):  # before the first row there is no head
        return AuditCheck(number, True, None)
    if last is None or last > number:
        return AuditCheck(number, False, number + 1)
    return AuditCheck(number, False, last + 1 if at_last == last_hash else max(last, 1))


@contextmanager
def _texts_as_they_are(connection: Connection) -> Iterator[None]:
    """Meanwhile a text that is not UTF-8 is read as some other text, since a row spoilt that way is to be named, not to
    stop the check."""
    raw = connection.connection.dbapi_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    before = raw.text_factory
    raw.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = before


def _heads(connection: Connection) -> list[tuple[int, str] | tuple[None, None]]:
    """Last row and its hash, of each head: one if all is well, none before the first row of the chain.  NO_HEAD stands
    for one that means nothing or has lost its table."""
    query = select(EventHeadTable.id, EventHeadTable.last_id, EventHeadTable.last_hash).limit(2)
    try:
        heads = connection.execute(query).all()
    except OperationalError as error:
        if not _is_gone(error):
            raise
        return [NO_HEAD]
    return [
        (last, digest) if number == 1 and type(last) is int and type(digest) is str else NO_HEAD
        for number, last, digest in heads
    ]


def _rows(connection: Connection) -> Iterator[Any]:
    """The rows by number; None if their table, or a column of it, is gone."""
    query = select(
        EventTable.id,
        type_coerce(EventTable.at, Text).label("at"),  # raw: a spoilt time must not stop the check
        EventTable.who,
        EventTable.action,
        EventTable.old,
        EventTable.new,
        EventTable.why,
        EventTable.hash,
    ).order_by(EventTable.id)
    try:
        rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    except OperationalError as error:
        if not _is_gone(error):
            raise
        yield None
        return
    yield from rows


def _is_gone(error: OperationalError) -> bool:
    return str(error.orig).startswith(("no such table", "no such column"))


def _hash_of(previous: str, number: int, row: Row[Any]) -> str | None:
    """The hash the row should have; None where a value is not of the kind that was written."""
    fields = (row.who, row.action, row.old, row.new, row.why)
    at = _moment(row.at)
    if at is None or not all(type(field) is str for field in fields):
        return None
    return chain_hash(previous, number, at, fields)


def _moment(at: object) -> datetime | None:
    """The time of a row; None unless it is written as the station writes it, since a zone behind it, say, would make it
    another time to whoever reads it."""
    if isinstance(at, datetime):  # from a server
        return at.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    if moment.tzinfo is not None or moment.isoformat(" ", "microseconds") != at:
        return None
    return moment.replace(tzinfo=UTC)
