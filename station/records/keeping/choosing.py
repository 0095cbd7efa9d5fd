"""This module says what goes first: passes that nobody reviewed, then false alarms, then all else that is not kept; of
each the oldest.

Pictures go by their own defect; a roll's recording and its score profile go by its rejects: a roll without any has
passed, one whose rejects were all false alarms counts as such.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, case, func, not_, or_, select, true, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from station.records import images
from station.records.keeping.table import EvidenceTable
from station.records.rows import Verdict
from station.records.schema import DefectTable, RollTable

PICTURE = re.compile(rf"{images.FOLDER}/\d+/[\w-]+\.png")


class Worth(StrEnum):
    """What is worth least goes first."""

    PASS = "unreviewed passes"
    FALSE_ALARM = "false alarms"
    OTHER = "others that nobody keeps"


class Pictured(NamedTuple):
    """A defect with pictures that may go."""

    id: int
    roll_id: int
    number: int
    crop_file: str | None
    heat_file: str | None

    @property
    def files(self) -> list[str]:
        """Give the paths of its pictures, relative to the home; what is no path of a picture, as in a row that another
        program spoilt, is none."""
        return [path for path in (self.crop_file, self.heat_file) if isinstance(path, str) and PICTURE.fullmatch(path)]


def of_worth(worth: Worth | None) -> ColumnElement[bool]:
    """Return the condition that a defect's pictures are of this worth; None: of any."""
    merged = DefectTable.merged_into.is_not(None)  # never listed again
    unreviewed = or_(merged, and_(DefectTable.verdict.is_(None), not_(DefectTable.is_reject), DefectTable.number > 0))
    false_alarm = and_(DefectTable.verdict == str(Verdict.FALSE_ALARM), not_(merged))
    match worth:
        case Worth.PASS:
            return unreviewed
        case Worth.FALSE_ALARM:
            return false_alarm
        case Worth.OTHER:
            return and_(not_(unreviewed), func.coalesce(DefectTable.verdict, "") != str(Verdict.FALSE_ALARM))
    return true()


def may_go(worth: Worth | None) -> ColumnElement[bool]:
    """Return the condition that a defect, joined to its roll, has pictures of this worth that may go."""
    return and_(
        or_(DefectTable.crop_file.is_not(None), DefectTable.heat_file.is_not(None)),
        RollTable.ended_how != "",
        RollTable.keep.is_(False),
        DefectTable.keep.is_(False),
        of_worth(worth),
    )


def ended_before(before: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a roll ended before this time and was not written to since; None: whenever it was.

    It is asked of each roll for itself: the numbers of rolls say nothing of their times once a clock was wrong.
    """
    return true() if before is None else and_(RollTable.ended_at < before, RollTable.touched_at < before)


def pictured(
    engine: Engine,
    worth: Worth | None,
    after: tuple[int, int],
    to_roll: int | None,
    limit: int,
    before: datetime | None = None,
) -> list[Pictured]:
    """Return the next defects with pictures of this worth that may go, the oldest roll first; only of rolls that were
    measured.

    Args:
        after: roll and number of the last defect that was returned before.
        to_roll: of rolls up to this one; None: of all.
        before: of rolls that ended before this time; None: of all.
    """
    columns = [type_coerce(column, NullType()) for column in (DefectTable.crop_file, DefectTable.heat_file)]
    roll_id, number = after
    query = (
        select(DefectTable.id, DefectTable.roll_id, DefectTable.number, *columns)
        .join(RollTable, RollTable.id == DefectTable.roll_id)
        .join(EvidenceTable, EvidenceTable.roll_id == DefectTable.roll_id)
        .where(EvidenceTable.pictures > 0, DefectTable.roll_id >= roll_id, may_go(worth), ended_before(before))
        .where(or_(DefectTable.roll_id > roll_id, DefectTable.number > number))
        .order_by(DefectTable.roll_id, DefectTable.number)
        .limit(limit)
    )
    if to_roll is not None:
        query = query.where(DefectTable.roll_id <= to_roll)
    with Session(engine) as session:
        return [Pictured._make(tuple(row)) for row in session.execute(query)]


def guarded_rolls(engine: Engine) -> set[int]:
    """Return the rolls of which nothing may go: open ones and kept ones."""
    query = select(RollTable.id).where(or_(RollTable.ended_how == "", RollTable.keep.is_(True)))
    with Session(engine) as session:
        return set(session.scalars(query))


def with_profile(engine: Engine, before: datetime | None = None) -> list[tuple[int, int]]:
    """Return the rolls whose score profile may go, the oldest first, and its bytes; only of those that ended before
    this time, if one is given."""
    query = (
        select(EvidenceTable.roll_id, EvidenceTable.profile_bytes)
        .join(RollTable, RollTable.id == EvidenceTable.roll_id)
        .where(EvidenceTable.profile_bytes > 0, RollTable.ended_how != "", RollTable.keep.is_(False))
        .where(ended_before(before))
        .order_by(EvidenceTable.roll_id)
    )
    with Session(engine) as session:
        return [(roll_id, size) for roll_id, size in session.execute(query)]


def worth_of_rolls(engine: Engine, roll_ids: Sequence[int]) -> dict[int, Worth]:
    """Return what each of these rolls is worth as a whole."""
    found = dict.fromkeys(roll_ids, Worth.PASS)
    is_reject = and_(DefectTable.is_reject, DefectTable.merged_into.is_(None))
    is_false = and_(is_reject, DefectTable.verdict == str(Verdict.FALSE_ALARM))
    query = (
        select(
            DefectTable.roll_id,
            func.sum(case((is_reject, 1), else_=0)),
            func.sum(case((is_false, 1), else_=0)),
        )
        .where(DefectTable.is_reject)
        .group_by(DefectTable.roll_id)
    )
    with Session(engine) as session:
        for roll_id, rejects, false_alarms in session.execute(query):
            if roll_id in found and rejects:
                found[roll_id] = Worth.FALSE_ALARM if rejects == false_alarms else Worth.OTHER
    return found
