"""This module takes spill files in at the next start: what an earlier run could not write goes on record now.

All steps may be done again after one that failed, and on events that are on record already.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from station.bugs import one_line
from station.contract import RollEnded, RowJudged, Stretch, StretchClosed, UninspectedReason
from station.recipe import Recipe
from station.recipe.names import NAME_LIMIT
from station.records import audit
from station.records.errors import is_environment, plainly
from station.records.images import save_pictures
from station.records.recipes import next_recipe, recipe_row
from station.records.roll_life.identity import columns_of
from station.records.rolls import BROKEN_OFF, COUNTERS, ENDED, NO_ROLL, Entry, keep, latest_defects, note_loss
from station.records.rows import RecordsError, RollMeasures
from station.records.safety.laying import laid_over, without_gaps
from station.records.safety.spill import RollHeader
from station.records.safety.spilled import Spilled, spill_files
from station.records.schema import EventTable, FabricTable, ProfileTable, RecipeTable, RollTable, StretchTable
from station.state.roll import RollIdentity

__all__ = ["RefusedError", "roll_header", "spill_files", "take_in"]

TAKEN = "events taken in"
AT_ONCE = 64
"""So many go on record in one transaction, so that each is short."""

T = TypeVar("T")
Call = Callable[[Callable[[Session], Any]], Any]

log = logging.getLogger("station.records")


class RefusedError(RecordsError):
    """What the files hold does not fit the record, and will not at the next start either."""


@dataclass(frozen=True, slots=True)
class _Roll:
    id: int
    name: str
    told_as: str


def roll_header(
    name: str,
    recipe: Recipe,
    camera_id: str,
    station: str,
    started_at: datetime,
    measures: RollMeasures,
    identity: RollIdentity | None = None,
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
        "identity": asdict(identity or RollIdentity()),
    }


def take_in(spilled: Spilled, home: Path, call: Call) -> list[str]:
    """Put the events of one run on record and remove its files; return what was done, in sentences.

    A damaged line counts as a lost event of every roll of the run.  Files of which something could not be placed are
    kept under another name.

    Raises:
        RefusedError: what the files hold does not fit the record.
        RecordsError: the database refuses now.
    """
    fresh = call(partial(_guarded, run=partial(_is_new, spilled=spilled)))
    if not fresh or spilled.is_empty:
        return spilled.remove()
    rolls: dict[int, _Roll | None] = call(partial(_guarded, run=partial(_rolls_for, spilled=spilled)))
    entries = [entry for entry in spilled.entries if entry.roll_id == NO_ROLL or rolls.get(entry.roll_id) is not None]
    unfit: list[Entry] = []
    for start in range(0, len(entries), AT_ONCE):
        placed = [
            replace(entry, roll_id=NO_ROLL if (roll := rolls.get(entry.roll_id)) is None else roll.id)
            for entry in entries[start : start + AT_ONCE]
        ]
        unfit += call(partial(_guarded, run=partial(_keep, home=home, entries=placed)))
    done = _done(spilled, rolls, len(entries) - len(unfit), len(unfit))
    call(partial(_guarded, run=partial(_finish, spilled=spilled, rolls=rolls, unfit=unfit, done=done)))
    if len(entries) == len(spilled.numbered) and not unfit and not spilled.torn:
        return [done, *spilled.remove()]
    return [f"{done} What could not be read or placed is kept in {spilled.rename('.kept')}."]


def _guarded(session: Session, run: Callable[[Session], T]) -> T:
    try:
        return run(session)
    except Exception as error:
        if is_environment(error):
            raise
        raise RefusedError(f"It does not fit the record ({one_line(plainly(error))})") from error


def _is_new(session: Session, spilled: Spilled) -> bool:
    """Say whether one of the files is not on record yet: a crash may have come before they were removed."""
    known = " ".join(session.scalars(select(EventTable.old).where(EventTable.action == TAKEN)))
    return any(digest not in known for _, _, digest in spilled.files)


def _rolls_for(session: Session, spilled: Spilled) -> dict[int, _Roll | None]:
    first: dict[int, datetime | None] = dict.fromkeys(spilled.headers)
    first |= dict.fromkeys(roll_id for roll_id, _, _ in spilled.losses)
    for entry in reversed(spilled.entries):
        first[entry.roll_id] = entry.at
    return {old: _roll_for(session, old, spilled.headers.get(old), at) for old, at in first.items() if old != NO_ROLL}


def _roll_for(session: Session, old: int, header: RollHeader | None, at: datetime | None) -> _Roll | None:
    """Return a roll, open to be written on; put there again if the database does not know it.  Without its header it is
    known by its number only if it was open at the time of the event."""
    if header is None:
        roll = session.get(RollTable, old)
        if roll is None or at is None or not roll.started_at <= at or (roll.ended_how == ENDED and at > _end_of(roll)):
            return None
        told_as = roll.name
    else:
        told_as = header["name"]
        started = datetime.fromisoformat(header["started_at"])
        same = session.scalars(select(RollTable).where(RollTable.started_at == started).order_by(RollTable.id)).all()
        names = [told_as, *_numbered(told_as, len(same) + MOST_NAMES)]
        roll = next((one for one in same if one.id == old or one.name in names), None)
        if roll is not None and roll.id == old:
            told_as = roll.name  # it may have been renamed after its header was written
        roll = roll or _put_again(session, old, header)
    if roll.ended_how == BROKEN_OFF:
        roll.ended_why = ""
        roll.ended_how = ""  # who broke it off did not know of these events; if they do not end it, it is again
        roll.ended_at = None
    return _Roll(roll.id, roll.name, told_as)


def _end_of(roll: RollTable) -> datetime:
    return roll.ended_at or roll.touched_at


def _put_again(session: Session, old: int, header: RollHeader) -> RollTable:
    recipe = Recipe.model_validate_json(header["recipe"])
    name = _free_name(session, header["name"])
    started = datetime.fromisoformat(header["started_at"])
    highest = session.scalar(select(func.max(RollTable.id))) or 0
    taken = session.get(RollTable, old) is not None
    roll = RollTable(
        id=max(highest, old) + 1 if taken else old,
        name=name,
        recipe_id=_recipe_again(session, recipe).id,
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
        **columns_of(RollIdentity(**header.get("identity", {}))),
    )
    session.add(roll)
    session.flush()
    audit.append(session, "roll put on record again", "", roll.name, "station", "the database did not know it")
    note_loss(session, roll.id, 1, "what was on record before is not here")
    return roll


MOST_NAMES = 100


def _numbered(name: str, most: int) -> Iterator[str]:
    """Yield names beside one that is taken: ``NAME (2)`` and so on."""
    for number in range(2, most):
        ending = f" ({number})"
        yield name[: NAME_LIMIT - len(ending)] + ending


def _free_name(session: Session, name: str) -> str:
    for one in (name, *_numbered(name, 10 * MOST_NAMES)):
        if session.scalar(select(RollTable.id).where(RollTable.name == one)) is None:
            return one
    raise RecordsError(f"There are too many rolls named {name}")


def _recipe_again(session: Session, recipe: Recipe) -> RecipeTable:
    """Return the recipe's row; where another is on record as its version, that of the same one under a later version,
    added if need be."""
    why = "put on record again with its roll"
    try:
        return recipe_row(session, recipe, "station", why)
    except RecordsError as error:
        log.warning("%s", error)
    query = select(RecipeTable).join(FabricTable, RecipeTable.fabric_id == FabricTable.id)
    query = query.where(FabricTable.name == recipe.fabric).order_by(RecipeTable.version)
    for row in session.scalars(query):
        if row.body == recipe.model_copy(update={"version": row.version}).model_dump_json():
            return row
    saved = next_recipe(session, recipe, "station", f"{why}; another is on record as version {recipe.version}")
    return recipe_row(session, saved, "station", why)


def _keep(session: Session, home: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Put entries on record; return those that do not fit it, found by halving."""
    try:
        with session.begin_nested():
            _keep_fit(session, home, entries)
    except Exception as error:
        if is_environment(error):
            raise
        if len(entries) == 1:
            log.error("event not taken in: %s", entries[0].event, exc_info=error)
            return list(entries)
        half = len(entries) // 2
        return _keep(session, home, entries[:half]) + _keep(session, home, entries[half:])
    return []


def _keep_fit(session: Session, home: Path, entries: Sequence[Entry]) -> None:
    new = _not_on_record(session, entries)
    pictures = {
        key: save_pictures(home, key[0], defect)
        for key, (defect, _) in latest_defects(new).items()
        if defect.crop is not None or defect.crop_scores is not None
    }
    stretches: dict[int, list[Stretch]] = {}
    for entry in new:
        if isinstance(entry.event, StretchClosed):
            stretches.setdefault(entry.roll_id, []).append(entry.event.stretch)
    for roll_id, told in stretches.items():
        _lay_over(session, session.get_one(RollTable, roll_id), told)
    keep(session, [entry for entry in new if not isinstance(entry.event, StretchClosed)], pictures)


def _not_on_record(session: Session, entries: Sequence[Entry]) -> list[Entry]:
    """Leave out rows and ends that are on record, and stretches of a roll that has ended; defects may be written again,
    and notices are only once more in the audit."""
    rolls = {entry.roll_id for entry in entries} - {NO_ROLL}
    query = select(func.max(ProfileTable.end_line))
    judged = {one: session.scalar(query.where(ProfileTable.roll_id == one)) or 0 for one in rolls}
    ended = {one for one in rolls if session.get_one(RollTable, one).ended_how == ENDED}
    new: list[Entry] = []
    for entry in entries:
        event = entry.event
        if entry.roll_id in ended and isinstance(event, StretchClosed | RowJudged | RollEnded):
            continue
        if isinstance(event, RowJudged):
            if event.end_line <= judged[entry.roll_id]:
                continue
            judged[entry.roll_id] = event.end_line
        new.append(entry)
    return new


def _lay_over(session: Session, roll: RollTable, told: Sequence[Stretch]) -> None:
    """Put stretches in the place of what is on record of the same lines: a break-off only inferred that, and no line
    counts twice."""
    query = select(StretchTable).where(StretchTable.roll_id == roll.id).order_by(StretchTable.first_line)
    there = [
        Stretch(row.first_line, row.end_line, None if row.reason is None else UninspectedReason(row.reason))
        for row in session.scalars(query)
    ]
    session.execute(delete(StretchTable).where(StretchTable.roll_id == roll.id))
    roll.lines_inspected = 0
    roll.lines_uninspected = 0
    for stretch in without_gaps(laid_over(there, told)):
        lines = stretch.end_line - stretch.first_line
        if stretch.inspected:
            roll.lines_inspected += lines
        else:
            roll.lines_uninspected += lines
        reason = None if stretch.reason is None else str(stretch.reason)
        session.add(
            StretchTable(roll_id=roll.id, first_line=stretch.first_line, end_line=stretch.end_line, reason=reason)
        )
        session.flush()  # ids are in the order of the cloth
    roll.lines_acquired = roll.lines_inspected + roll.lines_uninspected


def _finish(
    session: Session, spilled: Spilled, rolls: Mapping[int, _Roll | None], unfit: Sequence[Entry], done: str
) -> None:
    """Put on record what is lost, and that the files were taken in."""
    ids = [roll.id for roll in rolls.values() if roll is not None]
    for old, events, why in spilled.losses:
        roll = rolls.get(old)
        note_loss(session, NO_ROLL if roll is None else roll.id, events, why)
    for roll_id in (ids or [NO_ROLL]) if spilled.torn else ():
        note_loss(session, roll_id, spilled.torn, "lines of the file they waited in are damaged")
    for roll_id, events in Counter(entry.roll_id for entry in unfit).items():
        note_loss(session, roll_id, events, "they do not fit the record")
    if unplaced := _unplaced(spilled, rolls):
        note_loss(session, NO_ROLL, unplaced, "their roll is not known")
    digests = " ".join(digest for _, _, digest in spilled.files)
    audit.append(session, TAKEN, digests, done, "station", "they waited in a file")


def _unplaced(spilled: Spilled, rolls: Mapping[int, _Roll | None]) -> int:
    return sum(entry.roll_id != NO_ROLL and rolls.get(entry.roll_id) is None for entry in spilled.entries)


def _done(spilled: Spilled, rolls: Mapping[int, _Roll | None], taken: int, unfit: int) -> str:
    known = [roll for roll in rolls.values() if roll is not None]
    names = ", ".join(roll.name for roll in known) or "none"
    parts = [f"{taken} events of roll {names} that could not be written before are on record now"]
    parts += [
        f"roll {roll.told_as} is {roll.name} here, as another has its name"
        for roll in known
        if roll.name != roll.told_as
    ]
    lost = sum(events for _, events, _ in spilled.losses)
    if lost or unfit or spilled.torn:
        parts.append(f"{lost} are lost, {unfit} do not fit the record, {spilled.torn} lines are damaged")
    if unplaced := _unplaced(spilled, rolls):
        parts.append(f"{unplaced} are of a roll that is not known")
    return f"{'; '.join(parts)}."
