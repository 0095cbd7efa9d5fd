"""This module puts defects on record that the station missed: marked, graded like others, never counted as found.

Their numbers are negative, so that they never meet those of the line, which may still count on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from model.durable import sync_folder
from station.contract import Defect
from station.local_time import local
from station.records import audit
from station.records.defects.keeping import TOLD, values_of
from station.records.defects.standing import stand_anew
from station.records.defects.tally import Tally
from station.records.defects.words import Missed
from station.records.images import FOLDER, save_pictures, set_orphans_aside
from station.records.locks import FileLock
from station.records.rating.kept import rate
from station.records.rows import RecordsError, Verdict
from station.records.schema import DefectTable, EventTable, ReviewTable, RollTable, now, storable

Call = Callable[[Callable[[Session], Any]], Any]
"""This function runs another one in a write transaction and returns its answer; it raises RecordsError."""

COLUMNS = "columns inspected"
COMING = Path("locks", "missed.lock")
"""Whoever puts a missed defect on record holds this lock, with the roll's number in it until the row is on disk: the
roll may have ended long ago, and no start looks through all rolls for a picture that never got its row."""
PATIENCE_S = 10.0
MARGIN_S = 60.0

log = logging.getLogger("station.records")


def put_missed(home: Path, call: Call, missed: Missed, who: str) -> int:
    """Put a missed defect on record; return its id.  Raises RecordsError."""
    with _coming(home) as lock:
        _settle(home, lock, call)
        number = int(call(lambda session: _put(session, home, missed, who, lock)))
        lock.write(b"")
    return number


def settle_missed(home: Path, call: Call) -> None:
    """Set aside a picture that never got its row, as its program was killed; not while another program puts one there.

    Raises:
        OSError, RecordsError: the disk or the database refuses.
    """
    lock = FileLock(home / COMING)
    if (home / COMING).exists() and lock.take():
        try:
            _settle(home, lock, call)
        finally:
            lock.free()


@contextmanager
def _coming(home: Path) -> Iterator[FileLock]:
    lock = FileLock(home / COMING)
    try:
        is_held = lock.take(PATIENCE_S)
    except OSError as error:
        raise RecordsError(f"No defect can be put on record in {home}: {error.strerror or error}.") from error
    if not is_held:
        raise RecordsError("Another program puts a missed defect on record just now; try again.")
    try:
        yield lock
    finally:
        lock.free()


def _settle(home: Path, lock: FileLock, call: Call) -> None:
    number = (home / COMING).read_bytes()
    if not number.isdigit():
        return
    roll_id = int(number)

    def pictures(session: Session) -> set[str] | None:
        roll = session.get(RollTable, roll_id)
        if roll is not None and roll.ended_how == "":
            return None  # the line's own pictures come before their rows; it is looked at again
        query = select(DefectTable.crop_file, DefectTable.heat_file).where(DefectTable.roll_id == roll_id)
        return {file for row in session.execute(query) for file in row if file is not None}

    on_record = call(pictures)
    if on_record is not None:
        since = (home / COMING).stat().st_mtime - MARGIN_S
        if count := set_orphans_aside(home, roll_id, on_record, since):
            log.warning("%d pictures of roll number %d never got their rows and were set aside", count, roll_id)
        lock.write(b"")


def _put(session: Session, home: Path, missed: Missed, who: str, lock: FileLock) -> int:
    roll = session.scalar(select(RollTable).where(RollTable.name == missed.roll))
    if roll is None:
        raise RecordsError(f"There is no roll {missed.roll!r} on record; `station rolls` lists those that are.")
    lowest = session.scalar(select(func.min(DefectTable.number)).where(DefectTable.roll_id == roll.id)) or 0
    defect = _defect(session, roll, missed, min(lowest, 0) - 1)
    at = now()
    lock.write(str(roll.id).encode())
    crop, _ = save_pictures(home, roll.id, defect)
    if crop is not None:
        sync_folder(home / FOLDER / str(roll.id))
    session.flush()
    row = DefectTable(
        roll_id=roll.id,
        number=defect.number,
        found_at=at,
        changed_at=at,
        hour=local(at).hour,
        crop_file=crop,
        missed=True,
        keep=False,
        disputed=False,
        needs_review=False,
        **(dict(zip(TOLD, values_of(defect), strict=True)) | {"ratio": 0.0}),
    )
    session.add(row)
    session.flush()
    rate(session, row)
    tally = Tally()
    tally.count_in(row)
    tally.write(session)
    place = f"roll {roll.name}, {defect.kind} at {missed.position:g}, {missed.across:g} across"
    note = storable(missed.note.strip())
    act = audit.append(session, "missed defect put on record", "", f"defect {row.id}: {place}", who, note)
    values = {"defect_id": row.id, "verdict": str(Verdict.CONFIRMED), "note": note, "at": at, "who": who, "act": act}
    session.execute(insert(ReviewTable), [values])
    stand_anew(session, [row])
    return row.id


def withdraw(session: Session, rows: Iterable[DefectTable], act: int) -> list[int]:
    """Withdraw those that this act put on record as missed, so that they are nowhere counted or listed any more; the
    number stays taken.  Returns their ids."""
    missed = [row for row in rows if row.missed]
    of = ReviewTable
    firsts = select(of.defect_id, func.min(of.act).label("act")).where(of.defect_id.in_([row.id for row in missed]))
    put_by = {row.defect_id: row.act for row in session.execute(firsts.group_by(of.defect_id))}
    gone = [row for row in missed if put_by[row.id] == act]
    tally = Tally()
    for row in gone:
        tally.count_out(row)
        row.is_reject = False
        row.merged_into = row.number
        rate(session, row)
    tally.write(session)
    return [row.id for row in gone]


def _defect(session: Session, roll: RollTable, missed: Missed, number: int) -> Defect:
    along, across = roll.mm_per_line or 1.0, roll.mm_per_px or 1.0
    first_line = round(missed.position / along)
    if first_line >= roll.lines_acquired:
        unit = "px" if roll.mm_per_line is None else "mm"
        end = roll.lines_acquired * along
        raise RecordsError(
            f"Roll {roll.name} ends at {end:.0f} {unit}, so nothing was missed at {missed.position:.0f}."
        )
    first_px = _left_px(session, roll.id) + round(max(0.0, missed.across - missed.width / 2) / across)
    return Defect(
        number=number,
        first_line=first_line,
        end_line=first_line + max(1, round(missed.length / along)),
        first_px=first_px,
        end_px=first_px + max(1, round(missed.width / across)),
        length_mm=missed.length,
        width_mm=missed.width,
        area_mm2=missed.length * missed.width,
        position_mm=missed.position,
        across_mm=missed.across,
        score=0.0,
        threshold=1.0,
        kind=missed.kind,
        is_reject=True,
        closed=True,
        crop=missed.picture,
    )


def _left_px(session: Session, roll_id: int) -> int:
    """Return the column at which the web began on most lines of the roll, 0 where that is not on record."""
    query = select(EventTable.new).where(EventTable.action == COLUMNS, EventTable.why == f"roll number {roll_id}")
    text = session.scalar(query.order_by(EventTable.id.desc()).limit(1)) or ""
    first = text.partition(" ")[0]
    return int(first) if first.isdecimal() else 0
