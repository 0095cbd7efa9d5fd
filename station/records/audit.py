"""The audit: an append-only chain in which every row's hash covers the row and the hash before it.

A changed, inserted, removed or cut-off row breaks the chain at its number.  The chain shows tampering; it does not
hinder somebody who may write to the file and rebuilds the whole chain.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Engine, Text, select, type_coerce
from sqlalchemy.orm import Session

from station.records.schema import EventHeadTable, EventTable, now

GENESIS = "0" * 64


class AuditCheck(NamedTuple):
    """Outcome of a check: rows read, whether all is well, number of the first bad row (None if none)."""

    rows: int
    ok: bool
    first_bad_id: int | None


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
    head.last_id, head.last_hash = number, digest
    session.flush()
    return number


def verify(engine: Engine) -> AuditCheck:
    """Check the whole chain from its first row."""
    previous, number = GENESIS, 0
    with Session(engine) as session:
        rows = session.execute(
            select(
                EventTable.id,
                type_coerce(EventTable.at, Text).label("at"),  # raw: a spoilt time must not stop the check
                EventTable.who,
                EventTable.action,
                EventTable.old,
                EventTable.new,
                EventTable.why,
                EventTable.hash,
            ).order_by(EventTable.id),
            execution_options={"yield_per": 1000},
        )
        for row in rows:
            number += 1
            fields = (row.who, row.action, row.old, row.new, row.why)
            if row.id != number:
                return AuditCheck(number - 1, False, min(row.id, number))
            if _hash_of(previous, number, row.at, fields) != row.hash:
                return AuditCheck(number, False, number)
            previous = row.hash
        head = session.get(EventHeadTable, 1)
    expected = (0, GENESIS) if head is None else (head.last_id, head.last_hash)
    if expected != (number, previous):
        return AuditCheck(number, False, number + 1 if number < expected[0] else max(number, 1))
    return AuditCheck(number, True, None)


def _hash_of(previous: str, number: int, at: object, fields: tuple[str, ...]) -> str | None:
    try:
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    except ValueError:
        return None
    return chain_hash(previous, number, moment.replace(tzinfo=UTC), fields)
