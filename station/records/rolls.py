"""This module records what the line tells of a roll: defects, stretches, the score profile, the end.

Everything here runs inside a write transaction of the writer's thread and may run again after one that failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from station.contract import (
    Acknowledged,
    ClothDiffers,
    ColumnsInspected,
    Defect,
    DefectChanged,
    Event,
    Fault,
    Notice,
    RollEnded,
    RollMark,
    RowJudged,
    StopChanged,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.recipe import Recipe
from station.records import audit
from station.records.alarms.keeping import acknowledge, end_alarms, keep_alarms
from station.records.calibrations import link_calibrations
from station.records.defects.keeping import Pictures, keep_defects
from station.records.rating.kept import BROKEN_OFF as BROKEN_OFF
from station.records.rating.kept import keep_grade
from station.records.recipes import recipe_row
from station.records.roll_life.identity import columns_of, next_name, told
from station.records.roll_life.marks import keep_marks
from station.records.rows import RecordsError, RollMeasures
from station.records.schema import ProfileTable, RollTable, StretchTable, now, storable
from station.records.traces.profile import keep_profile
from station.records.traces.width import keep_width
from station.state.roll import RollIdentity

KEPT = (
    DefectChanged, StretchClosed, RowJudged, RollEnded, StopChanged, ColumnsInspected, ClothDiffers, RollMark, Notice,
    Fault, Acknowledged,
)  # fmt: skip
"""Only these events are kept; whoever tells the records may tell them all."""

ENDED = "ended"
COLUMNS = "columns inspected"
DIFFERS = "cloth differs"
SIGNED = "report signed"
PLACE = "roll number "
NO_ROLL = 0
COUNTERS = (
    "lines_acquired", "lines_inspected", "lines_uninspected", "lines_repeated", "judged_lines", "judged_line_px",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An entry holds an event, the roll it belongs to and when it was told.  ``clock_shift_s`` is by how many seconds
    the computer's clock was set forward (negative: back) since the entry before."""

    roll_id: int
    event: Event
    at: datetime
    clock_shift_s: float = 0.0


def new_roll(
    session: Session,
    name: str | None,
    recipe: Recipe,
    camera_id: str,
    measures: RollMeasures,
    station: str,
    by: str,
    *,
    above_id: int = 0,
    identity: RollIdentity | None = None,
) -> RollTable:
    """Put a new roll on record, with an id above ``above_id``.

    Raises:
        RecordsError: the name is taken or another recipe has the version.
    """
    started = now()
    highest = session.scalar(select(func.max(RollTable.id))) or 0
    roll = RollTable(
        id=max(highest, above_id) + 1,
        name=name or next_name(session, started),
        recipe_id=recipe_row(session, recipe, by, "put on record with its first roll").id,
        camera_id=storable(camera_id),
        station=station,
        started_at=started,
        touched_at=started,
        ended_how="",
        mm_per_px=measures.mm_per_px,
        mm_per_line=measures.mm_per_line,
        unverified=measures.unverified,
        clock_shift_s=0.0,
        **dict.fromkeys((*COUNTERS, "events_lost"), 0),
        **columns_of(identity or RollIdentity()),
    )
    if session.scalar(select(RollTable.id).where(RollTable.name == roll.name)) is not None:
        raise RecordsError(f"There is already a roll {roll.name}; choose another name.")
    session.add(roll)
    session.flush()
    link_calibrations(session, roll.id, measures.calibration_ids)
    what = ", ".join(filter(None, (f"{recipe.fabric} version {recipe.version}", told(identity or RollIdentity()))))
    audit.append(session, "roll begun", "", f"{roll.name}: {what}", by, "")
    return roll


def keep(session: Session, entries: Sequence[Entry], pictures: Pictures) -> None:
    """Record the entries of one or more rolls, in order."""
    for roll_id in dict.fromkeys(entry.roll_id for entry in entries):
        mine = [entry for entry in entries if entry.roll_id == roll_id]
        _keep_notices(session, mine)
        keep_alarms(session, None if roll_id == NO_ROLL else roll_id, mine)
        if roll_id == NO_ROLL:
            _acknowledge(session, None, mine)
            continue
        roll = session.get_one(RollTable, roll_id)
        roll.touched_at = max(roll.touched_at, mine[-1].at)
        _keep_clock(session, roll, mine)
        told = {number: one for (_, number), one in latest_defects(mine).items()}
        if told:
            keep_defects(session, roll, told, mine[-1].at, pictures)
        _acknowledge(session, roll_id, mine)
        _keep_stretches(session, roll, [e.event.stretch for e in mine if isinstance(e.event, StretchClosed)])
        judged = [e.event for e in mine if isinstance(e.event, RowJudged)]
        keep_profile(session, roll, judged)
        keep_width(session, roll, judged)
        keep_marks(session, roll, ((entry.event, entry.at) for entry in mine))
        for entry in mine:
            if isinstance(entry.event, RollEnded):
                _end(session, roll, entry.event, entry.at)
        keep_grade(session, roll_id)


def _acknowledge(session: Session, roll_id: int | None, entries: Sequence[Entry]) -> None:
    """Put on record what a person answered, once the rejects it is about are."""
    for entry in entries:
        if isinstance(entry.event, Acknowledged):
            acknowledge(session, roll_id, entry.event, entry.at)


def _keep_notices(session: Session, entries: Sequence[Entry]) -> None:
    """Add notices, columns, faults and what became of stops to the audit, in order."""
    for entry in entries:
        where = "" if entry.roll_id == NO_ROLL else place_of(entry.roll_id)
        if isinstance(entry.event, Notice):
            audit.append(session, f"notice: {entry.event.severity}", "", entry.event.text, "line", where)
        elif isinstance(entry.event, StopChanged):
            audit.append(session, f"stop {entry.event.step}", "", entry.event.cause, entry.event.by, where)
        elif isinstance(entry.event, ColumnsInspected):
            audit.append(session, COLUMNS, "", str(entry.event), "line", where)
        elif isinstance(entry.event, ClothDiffers):
            audit.append(session, DIFFERS, "", json.dumps(asdict(entry.event)), "line", where)
        elif isinstance(entry.event, Fault):
            why = ", ".join(part for part in (entry.event.where, entry.event.kind, where) if part)
            audit.append(session, "fault", "", entry.event.text, "station", why)
        elif isinstance(entry.event, Acknowledged):
            audit.append(session, "alarms acknowledged", "", str(entry.event), entry.event.by, where)


def place_of(roll_id: int) -> str:
    """Return how the audit names a roll in what the line told of it."""
    return f"{PLACE}{roll_id}"


def roll_at(place: str) -> int | None:
    """Return the number of the roll that the audit names so, None if it names none."""
    number = place.removeprefix(PLACE)
    return int(number) if number != place and number.isdecimal() else None


def _keep_clock(session: Session, roll: RollTable, entries: Sequence[Entry]) -> None:
    """Note that the computer's clock was set: times before and after do not compare."""
    for entry in entries:
        if entry.clock_shift_s:
            roll.clock_shift_s += entry.clock_shift_s
            audit.append(session, "clock set", "", clock_text(entry.clock_shift_s), "station", place_of(roll.id))


def clock_text(shift_s: float) -> str:
    """Say by how much the computer's clock was set, and which way."""
    minutes, seconds = divmod(round(abs(shift_s)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    by = " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
    return f"the clock of this computer was set {'back' if shift_s < 0 else 'forward'} by {by}"


def note_loss(session: Session, roll_id: int, events: int, why: str) -> None:
    """Put on record that so many events of a roll (``NO_ROLL``: of none) are lost for good; it is incomplete then."""
    roll = None if roll_id == NO_ROLL else session.get(RollTable, roll_id)
    if roll is not None:
        roll.events_lost += events
        keep_grade(session, roll_id)
    whose = "no roll" if roll is None else roll.name
    audit.append(session, "events lost", "", f"{whose}: {events} events are not on record", "station", why)


def break_off(session: Session, roll: RollTable, why: str) -> None:
    """Close a roll that nobody ended: at the time of its last event, with the ledger that its stretches give.

    Lines judged after the last stretch told count as inspected if the score profile shows them; only the last row of
    the profile does not (line aborted), as the line had no time to tell its defects.
    """
    told = session.scalar(select(func.max(StretchTable.end_line)).where(StretchTable.roll_id == roll.id)) or 0
    query = select(ProfileTable.rows).where(ProfileTable.roll_id == roll.id, ProfileTable.end_line > told)
    rows = np.frombuffer(b"".join(session.scalars(query.order_by(ProfileTable.id))), "<i8").reshape(-1, 3)
    _keep_stretches(session, roll, stretches_of_rows(rows[:, :2], told))
    roll.ended_at = max(roll.touched_at, roll.started_at)
    roll.ended_how = BROKEN_OFF
    roll.ended_why = why
    keep_grade(session, roll.id)
    end_alarms(session, roll.id, roll.ended_at)
    audit.append(session, "roll broken off", "open", f"{roll.name}: {_ledger_text(roll)}", "station", why)


def stretches_of_rows(rows: NDArray[np.int64], told: int) -> list[Stretch]:
    """Return the stretches from line ``told`` on that judged rows ``[n, 2]`` (first, end line) prove; see break_off."""
    stretches: list[Stretch] = []
    reach = told
    for first, end in sorted(map(tuple, rows[:-1].tolist())):
        if first > reach:
            stretches.append(Stretch(reach, first, UninspectedReason.ABORTED))
            reach = first
        if end > reach:
            stretches.append(Stretch(reach, end))
            reach = end
    last = int(rows[:, 1].max()) if len(rows) else told
    if last > reach:
        stretches.append(Stretch(reach, last, UninspectedReason.ABORTED))
    return stretches


def _end(session: Session, roll: RollTable, event: RollEnded, at: datetime) -> None:
    ledger = event.ledger
    told = (roll.lines_inspected, roll.lines_uninspected)
    if told != (ledger.lines_inspected, ledger.lines_uninspected) or ledger.lines_in_flight != 0:
        why = f"its stretches give {told[0]} inspected and {told[1]} uninspected lines"
        audit.append(session, "ledger disagrees", "", f"{roll.name}: {ledger}", "station", why)
        note_loss(session, roll.id, 1, "its stretches do not cover the roll")
    roll.lines_acquired = ledger.lines_acquired
    roll.lines_inspected = ledger.lines_inspected
    roll.lines_uninspected = ledger.lines_uninspected
    roll.lines_repeated = ledger.lines_repeated
    roll.ended_at = max(at, roll.started_at)  # the clock may have been set back meanwhile
    roll.ended_how = BROKEN_OFF if event.broken_off else ENDED
    roll.ended_why = event.broken_off
    end_alarms(session, roll.id, roll.ended_at)
    done = f"{roll.name}: {_ledger_text(roll)}"
    audit.append(session, f"roll {roll.ended_how}", "open", done, "station", event.broken_off)


def _ledger_text(roll: RollTable) -> str:
    return f"{roll.lines_inspected} lines inspected, {roll.lines_uninspected} uninspected"


def latest_defects(entries: Iterable[Entry]) -> dict[tuple[int, int], tuple[Defect, datetime]]:
    """Return each defect's last state and when it was first told, by (roll id, number); a growing one is one row."""
    latest: dict[tuple[int, int], tuple[Defect, datetime]] = {}
    for entry in entries:
        if isinstance(entry.event, DefectChanged):
            key = (entry.roll_id, entry.event.defect.number)
            latest[key] = (entry.event.defect, latest[key][1] if key in latest else entry.at)
    return latest


def _keep_stretches(session: Session, roll: RollTable, stretches: Sequence[Stretch]) -> None:
    """Append stretches; one that goes on where the last ended, with the same reason, lengthens it."""
    if not stretches:
        return
    query = select(StretchTable).where(StretchTable.roll_id == roll.id).order_by(StretchTable.id.desc()).limit(1)
    last = session.scalar(query)
    for stretch in stretches:
        first, end = int(stretch.first_line), int(stretch.end_line)
        reason = None if stretch.reason is None else str(stretch.reason)
        if last is not None and last.end_line == first and last.reason == reason:
            last.end_line = end
        else:
            last = StretchTable(roll_id=roll.id, first_line=first, end_line=end, reason=reason)
            session.add(last)
            session.flush()  # ids are in the order told
        if reason is None:
            roll.lines_inspected += end - first
        else:
            roll.lines_uninspected += end - first
        roll.lines_acquired += end - first
