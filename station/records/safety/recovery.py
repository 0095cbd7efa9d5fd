"""This module puts right at a start what a crash or a bad disk left: rolls still open, events that wait in files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from station.records import images
from station.records.defects.missed import settle_missed
from station.records.errors import is_environment, plainly, records_error
from station.records.keeping.dropping import settle_removed
from station.records.locks import EVIDENCE, FileLock, RollLocks, remove_free_roll_locks
from station.records.roll_life.unfinished import CRASH
from station.records.rolls import break_off
from station.records.rows import RecordsError
from station.records.safety.spilled import read_spilled
from station.records.safety.take_in import RefusedError, take_in
from station.records.schema import DefectTable, RollTable

Call = Callable[[Callable[[Session], Any]], Any]
"""This function runs another one in a write transaction and returns its answer; it raises RecordsError."""

MARGIN_S = 60.0

log = logging.getLogger("station.records")


class _Spoilt(RecordsError):  # noqa: N818 - told in words
    """A value of a roll on record is none of its column's."""


def take_in_files(folders: Sequence[Path], home: Path, call: Call) -> list[str]:
    """Put on record what earlier runs left in spill files, and remove these; return what to tell people.

    Raises:
        RecordsError: the database refuses.
    """
    runs, told = read_spilled(folders)
    try:
        for spilled in runs:
            try:
                told += take_in(spilled, home, call)
            except RefusedError as error:
                told.append(f"{error}: events of an earlier run are kept in {spilled.rename('.refused')}.")
    finally:
        for spilled in runs:
            spilled.close()
    return told


def break_off_left_open(
    home: Path, engine: Engine, call: Call, station: str | None, tell: Callable[[str], None] = log.warning
) -> list[str]:
    """Break off rolls whose program is gone, remove the locks it left, set pictures aside that never got their rows;
    return the rolls' names.

    Args:
        home: the home folder.
        engine: reads the database.
        call: writes to it.
        station: only rolls of this station, on a server; None for all.
        tell: takes a sentence for each roll that cannot be broken off, as a value in it is spoilt; it stays open.

    Raises:
        RecordsError: the database cannot be read or written.
    """
    columns = [type_coerce(column, NullType()) for column in (RollTable.id, RollTable.name, RollTable.touched_at)]
    query = select(*columns).where(RollTable.ended_how == "")
    if station is not None:
        query = query.where(RollTable.station == station)
    try:
        with Session(engine) as session:
            left = [(int(number), str(name), at) for number, name, at in map(tuple, session.execute(query))]
        recovered: list[str] = []
        for roll_id, name, touched_at in left:
            if _break_off_if_free(home, roll_id, name, call, tell):
                recovered.append(name)
                _set_orphans_aside(home, engine, roll_id, touched_at)
        remove_free_roll_locks(home)
        _finish_removing(home, engine, call)
        settle_missed(home, call)
        images.bring_back(home, partial(_pictures_on_record, engine))
    except (OSError, SQLAlchemyError) as error:
        raise records_error(error, str(home)) from error
    if recovered:
        log.warning("rolls broken off by a crash: %s", ", ".join(recovered))
    return recovered


def _finish_removing(home: Path, engine: Engine, call: Call) -> None:
    """Remove pictures that retention was removing when it was killed, unless another program does that just now."""
    lock = FileLock(home / EVIDENCE)
    if lock.take():
        try:
            for failed in settle_removed(home, engine, call):
                log.warning("a picture that is no longer kept could not be removed: %s", failed)
        finally:
            lock.free()


def break_off_open(session: Session, roll_id: int, why: str) -> bool:
    """Break off a roll in a write transaction; return False if it has ended by itself."""
    roll = session.get(RollTable, roll_id)
    if roll is None or roll.ended_how != "":
        return False
    break_off(session, roll, why)
    return True


def _break_off_if_free(home: Path, roll_id: int, name: str, call: Call, tell: Callable[[str], None]) -> bool:
    lock = RollLocks(home).of(roll_id)
    if not lock.take():
        return False
    try:
        return bool(call(lambda session: _broken_off(session, roll_id)))
    except _Spoilt as spoilt:
        tell(f"The roll {name} was left open by a crash and cannot be broken off, as {spoilt}.")
        return False
    finally:
        lock.free(remove=True)


def _broken_off(session: Session, roll_id: int) -> bool:
    try:
        return break_off_open(session, roll_id, CRASH)
    except Exception as error:
        if is_environment(error):
            raise
        raise _Spoilt(f"a value on record is spoilt ({plainly(error)})") from error


def _set_orphans_aside(home: Path, engine: Engine, roll_id: int, touched_at: object) -> None:
    """Set a roll's orphans aside; those stay that are older than the last thing on record of it, less a minute."""
    try:
        touched = datetime.fromisoformat(str(touched_at)).replace(tzinfo=UTC).timestamp()
        images.set_orphans_aside(home, roll_id, _pictures_on_record(engine, roll_id), touched - MARGIN_S)
    except (OSError, ValueError) as error:
        log.warning("pictures without rows of roll number %d stay where they are: %s", roll_id, error)


def _pictures_on_record(engine: Engine, roll_id: int) -> set[str]:
    query = select(DefectTable.crop_file, DefectTable.heat_file).where(DefectTable.roll_id == roll_id)
    with Session(engine) as session:
        return {file for row in session.execute(query) for file in row if file is not None}
