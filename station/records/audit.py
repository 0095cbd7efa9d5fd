"""This module keeps the audit: an append-only chain in which every row's hash covers the row and the hash before it.

A changed, inserted, removed or cut-off row breaks the chain at its number.  The chain shows tampering; it does not
prevent it by somebody who may write to the file.  The check does not find a chain that was rebuilt from the changed row
to its head, nor rows cut off the end if the head was set back to match.  If rows were rebuilt but the head was not, it
names the last row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, Text, select, type_coerce
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from station.records.schema import EventHeadTable, EventTable, now, storable

GENESIS = "0" * 64
NO_HEAD = (None, None)
ROWS_AT_ONCE = 500
"""A check holds this many rows in memory; the largest, recipes, have about ten kilobytes."""


class AuditCheck(NamedTuple):
    """The outcome of a check holds the number of rows read (up to the bad one), whether all are good, and the number of
    the first bad row (None if there is none)."""

    rows: int
    ok: bool
    first_bad_row: int | None


def chain_hash(previous: str, number: int, at: datetime, fields: tuple[str, ...]) -> str:
    """Return the SHA-256 (hex) of the previous hash and the row."""
    body = json.dumps([previous, number, at.isoformat(timespec="microseconds"), *fields], ensure_ascii=True)
    return hashlib.sha256(body.encode("ascii")).hexdigest()


def append(session: Session, action: str, old: str, new: str, by: str, why: str) -> int:
    """Add a row inside the session's write transaction and return its number."""
    head = session.get(EventHeadTable, 1, with_for_update=True)
    if head is None:
        head = EventHeadTable(id=1, last_id=0, last_hash=GENESIS)
        session.add(head)
    number, at = head.last_id + 1, now()
    by, action, old, new, why = map(storable, (by, action, old, new, why))
    digest = chain_hash(head.last_hash, number, at, (by, action, old, new, why))
    session.add(EventTable(id=number, at=at, who=by, action=action, old=old, new=new, why=why, hash=digest))
    head.last_id = number
    head.last_hash = digest
    session.flush()
    return number


def verify(engine: Engine, progress: Callable[[int], None] | None = None) -> AuditCheck:
    """Check the whole chain from its first row, with a few rows in memory at a time; now and then call ``progress``
    with the number of rows done.

    A missing row is named by the number it would have; so is a row that a lost or unreadable head leaves unknown.
    Without its table, or a column of it, the chain is bad from row 1.
    """
    with engine.connect() as connection:
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


def _heads(connection: Connection) -> list[tuple[int, str] | tuple[None, None]]:
    """Return the last row's number and hash for each head: one head if all is well, none before the first row of the
    chain.  NO_HEAD stands for a head that makes no sense or has lost its table."""
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
    """Yield the rows by number; None if their table, or a column of it, is missing."""
    query = select(
        EventTable.id,
        type_coerce(EventTable.at, Text).label("at"),  # raw: a damaged time must not stop the check
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
    """Return the hash the row should have; None if a value does not have the type that the station writes."""
    fields = (row.who, row.action, row.old, row.new, row.why)
    at = _moment(row.at)
    if at is None or not all(type(field) is str for field in fields):
        return None
    return chain_hash(previous, number, at, fields)


def _moment(at: object) -> datetime | None:
    """Return the time of a row; None unless it has the format the station writes.  With a time zone after it, for
    example, it would be another time to whoever reads it."""
    if isinstance(at, datetime):  # from a server
        return at.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    if moment.tzinfo is not None or moment.isoformat(" ", "microseconds") != at:
        return None
    return moment.replace(tzinfo=UTC)
