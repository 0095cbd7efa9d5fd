"""This module puts right at a start what a crash or a bad disk left: rolls still open, events that wait in files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from station.records import images
from station.records.locks import RollLocks
from station.records.rolls import break_off
from station.records.safety.spilled import read_spilled
from station.records.safety.take_in import RefusedError, take_in
from station.records.schema import DefectTable, RollTable

Call = Callable[[Callable[[Session], Any]], Any]
"""This function runs another one in a write transaction and returns its answer; it raises RecordsError."""

log = logging.getLogger("station.records")


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


def break_off_left_open(home: Path, engine: Engine, call: Call, station: str | None) -> list[str]:
    """Break off rolls whose program is gone, and sweep pictures that never got their rows; return the rolls' names.

    Args:
        station: only rolls of this station, on a server; None for all.
    """
    with Session(engine) as session:
        query = select(RollTable.id, RollTable.name).where(RollTable.ended_how == "")
        if station is not None:
            query = query.where(RollTable.station == station)
        left = [(row.id, row.name) for row in session.execute(query)]
    recovered = [(roll_id, name) for roll_id, name in left if _break_off_if_free(home, roll_id, call)]
    if recovered:
        images.sweep(home)
        log.warning("rolls broken off by a crash: %s", ", ".join(name for _, name in recovered))
    for roll_id, _ in recovered:
        images.sweep_orphans(home, roll_id, _pictures_on_record(engine, roll_id))
    return [name for _, name in recovered]


def break_off_open(session: Session, roll_id: int, why: str) -> bool:
    """Break off a roll in a write transaction; return False if it has ended by itself."""
    roll = session.get(RollTable, roll_id)
    if roll is None or roll.ended_how != "":
        return False
    break_off(session, roll, why)
    return True


def _break_off_if_free(home: Path, roll_id: int, call: Call) -> bool:
    lock = RollLocks(home).of(roll_id)
    if not lock.take():
        return False
    try:
        return bool(call(lambda session: break_off_open(session, roll_id, "the program ended without it")))
    finally:
        lock.free(remove=True)


def _pictures_on_record(engine: Engine, roll_id: int) -> set[str]:
    query = select(DefectTable.crop_file, DefectTable.heat_file).where(DefectTable.roll_id == roll_id)
    with Session(engine) as session:
        return {file for row in session.execute(query) for file in row if file is not None}
