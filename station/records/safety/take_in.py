"""This module takes spill files in at the next start: what an earlier run could not write goes on record now.

All steps may be done again after one that failed, and on events that are on record already.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from station.contract import RollEnded, RowJudged, StretchClosed
from station.recipe import Recipe
from station.records import audit
from station.records.images import save_pictures
from station.records.locks import keep_to_oneself
from station.records.recipes import recipe_row
from station.records.rolls import BROKEN_OFF, COUNTERS, ENDED, NO_ROLL, Entry, keep, latest_defects, note_loss
from station.records.rows import RollMeasures
from station.records.safety.codec import content_of, entry_of
from station.records.safety.spill import SUFFIX, RollHeader
from station.records.schema import ProfileTable, RollTable, StretchTable

log = logging.getLogger("station.records")


@dataclass(slots=True)
class Spilled:
    """What spill files of one run hold: entries in the order they were told, losses and roll headers by roll id."""

    entries: list[Entry] = field(default_factory=list)
    losses: list[tuple[int, int, str]] = field(default_factory=list)
    headers: dict[int, RollHeader] = field(default_factory=dict)
    torn: int = 0


def roll_header(
    name: str, recipe: Recipe, camera_id: str, station: str, started_at: datetime, measures: RollMeasures
) -> RollHeader:
    """Return all that puts a roll on record again, JSON-able."""
    return {
        "name": name,
        "recipe": recipe.model_dump_json(),
        "camera_id": camera_id,
        "station": station,
        "started_at": started_at.isoformat(),
        "mm_per_px": measures.mm_per_px,
        "mm_per_line": measures.mm_per_line,
        "unverified": measures.unverified,
    }


def spill_files(folders: Iterable[Path]) -> list[Path]:
    """Return the spill files in folders, oldest first, less those that a running program still writes to."""
    found: list[Path] = []
    for folder in folders:
        try:
            found += folder.glob(f"*{SUFFIX}")
        except OSError as error:
            log.error("events kept in %s cannot be looked for: %s", folder, error)
    return sorted(filter(_is_left, found), key=lambda path: path.name)


def _is_left(path: Path) -> bool:
    with suppress(OSError), path.open("rb+") as file:
        return keep_to_oneself(file.fileno())
    return True  # reading it says what is wrong


def read_spilled(files: Sequence[Path]) -> list[Spilled]:
    """Return what spill files hold, run by run.  Raises OSError."""
    runs: dict[str, tuple[Spilled, list[tuple[int, Entry]]]] = {}
    for path in files:
        run = path.name
        with path.open("rb") as stream:
            for line in stream:
                content = content_of(line)
                if content is not None and "run" in content:
                    run = str(content["run"])
                spilled, numbered = runs.setdefault(run, (Spilled(), []))
                _sort_in(content, spilled, numbered)
    for spilled, numbered in runs.values():
        spilled.entries = [entry for _, entry in sorted(numbered, key=lambda one: one[0])]
    return [spilled for spilled, _ in runs.values()]


def _sort_in(content: dict[str, Any] | None, spilled: Spilled, numbered: list[tuple[int, Entry]]) -> None:
    try:
        if content is None:
            spilled.torn += 1
        elif "event" in content:
            numbered.append((int(content["number"]), entry_of(content)))
        elif "header" in content:
            spilled.headers[int(content["roll"])] = content["header"]
        elif "lost" in content:
            spilled.losses.append((int(content["roll"]), int(content["lost"]), str(content["why"])))
    except (ValueError, KeyError, TypeError):
        spilled.torn += 1


def take_in(session: Session, home: Path, spilled: Spilled) -> str:
    """Put the events of one run on record, inside a write transaction; return what was done, in a sentence.

    A torn line counts as a lost event of every roll of the run.  Raises OSError, SQLAlchemyError.
    """
    numbers = dict.fromkeys(entry.roll_id for entry in spilled.entries)
    numbers |= dict.fromkeys(roll_id for roll_id, _, _ in spilled.losses) | dict.fromkeys(spilled.headers)
    rolls = {old: _roll_for(session, old, spilled.headers.get(old)) for old in numbers}
    names = [roll.name for roll in rolls.values() if roll is not None]
    here = [
        replace(entry, roll_id=roll.id if roll is not None else NO_ROLL)
        for entry in spilled.entries
        if (roll := rolls[entry.roll_id]) is not None or entry.roll_id == NO_ROLL
    ]
    new = _not_on_record(session, here)
    pictures = {
        key: save_pictures(home, key[0], defect)
        for key, (defect, _) in latest_defects(new).items()
        if defect.crop is not None or defect.crop_scores is not None
    }
    keep(session, new, pictures)
    for old, events, why in spilled.losses:
        if (roll := rolls[old]) is not None:
            note_loss(session, roll.id, events, why)
    for roll in rolls.values():
        if spilled.torn and roll is not None:
            note_loss(session, roll.id, spilled.torn, "the file they waited in was cut off")
    done = f"{len(spilled.entries)} events of roll {', '.join(names) or 'none'} that could not be written before"
    audit.append(session, "events taken in", "", done, "station", "they waited in a file")
    return f"{done} are on record now."


def _roll_for(session: Session, old: int, header: RollHeader | None) -> RollTable | None:
    """Return the row of a roll, open to be written on; put there again if the database does not know it."""
    if old == NO_ROLL:
        return None
    if header is None:
        roll = session.get(RollTable, old)
    else:
        roll = session.scalar(select(RollTable).where(RollTable.name == header["name"]))
        roll = roll if roll is not None else _put_again(session, old, header)
    if roll is not None and roll.ended_how == BROKEN_OFF:
        roll.ended_how = ""  # who broke it off did not know of these events; if they do not end it, it is again
        roll.ended_at = None
    return roll


def _put_again(session: Session, old: int, header: RollHeader) -> RollTable:
    recipe = Recipe.model_validate_json(header["recipe"])
    started = datetime.fromisoformat(header["started_at"])
    highest = session.scalar(select(func.max(RollTable.id))) or 0
    taken = session.get(RollTable, old) is not None
    roll = RollTable(
        id=max(highest, old) + 1 if taken else old,
        name=header["name"],
        recipe_id=recipe_row(session, recipe, "station", "put on record again with its roll").id,
        camera_id=header["camera_id"],
        station=header["station"],
        started_at=started,
        touched_at=started,
        ended_how="",
        mm_per_px=header["mm_per_px"],
        mm_per_line=header["mm_per_line"],
        unverified=header["unverified"],
        events_lost=0,
        clock_shift_s=0.0,
        **dict.fromkeys(COUNTERS, 0),
    )
    session.add(roll)
    session.flush()
    audit.append(session, "roll put on record again", "", roll.name, "station", "the database did not know it")
    return roll


def _not_on_record(session: Session, entries: Sequence[Entry]) -> list[Entry]:
    """Leave out stretches, rows and ends that are on record; defects may be written again, and notices are only once
    more in the audit."""
    rolls = {entry.roll_id for entry in entries} - {NO_ROLL}
    told = {one: _highest(session, StretchTable, one) for one in rolls}
    judged = {one: _highest(session, ProfileTable, one) for one in rolls}
    ended = {one for one in rolls if session.get_one(RollTable, one).ended_how == ENDED}
    new: list[Entry] = []
    for entry in entries:
        event = entry.event
        if isinstance(event, StretchClosed) and event.stretch.end_line <= told[entry.roll_id]:
            continue
        if isinstance(event, RowJudged) and event.end_line <= judged[entry.roll_id]:
            continue
        if entry.roll_id in ended and isinstance(event, StretchClosed | RowJudged | RollEnded):
            continue
        new.append(entry)
    return new


def _highest(session: Session, table: type[StretchTable] | type[ProfileTable], roll_id: int) -> int:
    return session.scalar(select(func.max(table.end_line)).where(table.roll_id == roll_id)) or 0
