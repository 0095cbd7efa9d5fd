"""This module knows which roll a crash left unfinished, and opens it again where people want to go on with it.

A roll whose program is gone is closed at the next start, whatever comes then: its record is true at any moment, and one
that nobody goes on with needs nothing more.  It may be opened again while no other roll was begun on its camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from station.contract import Ledger
from station.records import audit
from station.records.rating.kept import drop_grade
from station.records.roll_life.identity import identity_of
from station.records.rows import RecordsError
from station.records.schema import DefectTable, FabricTable, RecipeTable, RollTable, now, storable
from station.state.roll import RollIdentity, UnfinishedRoll

CRASH = "crash"
LATEST = timedelta(hours=12)
"""After so long nobody knows any more what lies on the roller; the roll stays closed."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """A roll that is open again, and from where on it is told.

    Attributes:
        id, name: which roll.
        inspected, uninspected, repeated: its lines so far.
        defects, rejects: how many it has so far; ``number`` is the highest of their numbers.
        identity: what is known of it.
    """

    id: int
    name: str
    inspected: int
    uninspected: int
    repeated: int
    number: int
    defects: int
    rejects: int
    identity: RollIdentity

    @property
    def ledger(self) -> Ledger:
        """Give its ledger so far."""
        acquired = self.inspected + self.uninspected
        return Ledger(acquired, self.inspected, self.uninspected, self.repeated)


def unfinished(session: Session, camera_id: str, station: str) -> UnfinishedRoll | None:
    """Return the roll that a crash left on a station's camera and that may be resumed, None if there is none."""
    roll = _left(session, camera_id, station)
    if roll is None:
        return None
    query = select(FabricTable.name, RecipeTable.version).join(RecipeTable, RecipeTable.fabric_id == FabricTable.id)
    fabric, version = session.execute(query.where(RecipeTable.id == roll.recipe_id)).one()
    metres = None if roll.mm_per_line is None else roll.lines_acquired * roll.mm_per_line / 1000
    return UnfinishedRoll(roll.name, fabric, version, roll.touched_at, metres, identity_of(roll))


def reopen(session: Session, name: str, camera_id: str, station: str, by: str) -> tuple[RollTable, Reopened]:
    """Open the roll again that a crash left; return its row and from where on it is told.

    Raises:
        RecordsError: there is no such roll on this camera, or another was begun since.
    """
    roll = _checked(session, name, camera_id, station)
    roll.ended_how = ""
    roll.ended_why = ""
    roll.ended_at = None
    roll.touched_at = max(roll.touched_at, now())
    roll.resumed += 1
    drop_grade(session, roll.id)
    mine = and_(DefectTable.roll_id == roll.id, DefectTable.missed.is_not(True))
    number = session.scalar(select(func.max(DefectTable.number)).where(mine))
    own = select(func.count(), func.sum(case((DefectTable.is_reject, 1), else_=0)))
    defects, rejects = session.execute(own.where(mine, DefectTable.merged_into.is_(None))).one()
    why = f"{roll.lines_acquired} lines are on record; what passed since is not known"
    audit.append(session, "roll resumed after a crash", CRASH, roll.name, by, why)
    return roll, Reopened(
        id=roll.id,
        name=roll.name,
        inspected=roll.lines_inspected,
        uninspected=roll.lines_uninspected,
        repeated=roll.lines_repeated,
        number=number or 0,
        defects=defects,
        rejects=rejects or 0,
        identity=identity_of(roll),
    )


def close_for_good(session: Session, name: str, camera_id: str, station: str, by: str, why: str) -> None:
    """Note that people leave the roll closed that a crash left.  Raises RecordsError as :func:`reopen`."""
    roll = _checked(session, name, camera_id, station)
    roll.ended_why = f"{CRASH}, closed by {by}"
    audit.append(session, "roll closed after a crash", CRASH, roll.name, by, why)


def _checked(session: Session, name: str, camera_id: str, station: str) -> RollTable:
    roll = _left(session, camera_id, station)
    if roll is None or roll.name != name:
        left = "no roll" if roll is None else f"roll {roll.name}, no other,"
        raise RecordsError(f"Roll {name} cannot be resumed or closed: {left} was left by a crash on this camera.")
    return roll


def _left(session: Session, camera_id: str, station: str) -> RollTable | None:
    """Return the newest roll of a station's camera if a crash ended it not too long ago."""
    query = select(RollTable).where(RollTable.camera_id == storable(camera_id), RollTable.station == station)
    roll = session.scalar(query.order_by(RollTable.id.desc()).limit(1))
    if roll is None or roll.ended_why != CRASH or now() - roll.touched_at > LATEST:
        return None
    return roll
