"""This module counts defects as they are written, so that nobody has to count rows: per roll, kind, verdict, reject or
not, found or missed; and sums these counts up per roll and kind.

Whoever changes a row counts it out as it was and in as it is, in the same transaction; the counts are right at any
moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from station.records.defects.tables import KindTallyTable, TallyTable
from station.records.rows import Verdict
from station.records.schema import DefectTable

KEYS_AT_ONCE = 500
SUMS = ("defects", "rejects", "confirmed", "false_alarms", "missed")


class Alike(NamedTuple):
    """Defects with the same values here are counted together; ``verdict`` is '' where there is none."""

    roll_id: int
    kind: str
    verdict: str
    is_reject: bool
    missed: bool

    @property
    def sums(self) -> tuple[int, ...]:
        """Say in which of ``SUMS`` one such defect counts, by 1 or 0."""
        is_false, found = self.verdict == Verdict.FALSE_ALARM, self.is_reject and not self.missed
        is_in = (True, found, found and self.verdict == Verdict.CONFIRMED, found and is_false)
        return (*map(int, is_in), int(self.missed and not is_false))


class Tally:
    """The tally gathers what changes in a transaction, and writes it by :meth:`write`."""

    def __init__(self) -> None:
        self._changes: Counter[Alike] = Counter()

    def count_in(self, row: DefectTable) -> None:
        """Count a row as it is."""
        self._count(row, 1)

    def count_out(self, row: DefectTable) -> None:
        """Take a row off as it is, before it is changed."""
        self._count(row, -1)

    def add(self, alike: Alike, number: int) -> None:
        """Count so many defects that are alike."""
        self._changes[alike] += number

    def _count(self, row: DefectTable, number: int) -> None:
        if row.merged_into is None:
            alike = Alike(row.roll_id, row.kind, row.verdict or "", bool(row.is_reject), bool(row.missed))
            self._changes[alike] += number

    def write(self, session: Session) -> None:
        """Write what has changed."""
        changes = [(alike, change) for alike, change in self._changes.items() if change]
        self._changes.clear()
        keys = tuple_(*(TallyTable.__table__.c[name] for name in Alike._fields))
        for first in range(0, len(changes), KEYS_AT_ONCE):
            part = dict(changes[first : first + KEYS_AT_ONCE])
            known = {
                Alike(row.roll_id, row.kind, row.verdict, row.is_reject, row.missed): row
                for row in session.scalars(select(TallyTable).where(keys.in_([tuple(alike) for alike in part])))
            }
            for alike, change in part.items():
                row = known.get(alike)
                if row is not None and row.count + change == 0:
                    session.delete(row)
                elif row is not None:
                    row.count += change
                else:
                    session.add(TallyTable(**alike._asdict(), count=change))
        _sum_up(session, changes)
        session.flush()


def _sum_up(session: Session, changes: Iterable[tuple[Alike, int]]) -> None:
    """Bring the sums per roll and kind along with the counts."""
    sums: dict[tuple[int, str], list[int]] = {}
    for alike, change in changes:
        of_kind = sums.setdefault((alike.roll_id, alike.kind), [0] * len(SUMS))
        for place, one in enumerate(alike.sums):
            of_kind[place] += one * change
    for (roll_id, kind), added in sums.items():
        row = session.get(KindTallyTable, (roll_id, kind))
        if row is None:
            session.add(KindTallyTable(roll_id=roll_id, kind=kind, **dict(zip(SUMS, added, strict=True))))
            continue
        for name, number in zip(SUMS, added, strict=True):
            setattr(row, name, getattr(row, name) + number)
        if row.defects == 0:
            session.delete(row)
