"""This module says how a defect stands after all that people said of it: the one place where that is decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from station.records.defects.tables import OpinionTable
from station.records.defects.tally import Tally
from station.records.rating.kept import keep_grade, rate
from station.records.rows import Verdict
from station.records.schema import DefectTable, ReviewTable

AT_ONCE = 10_000


def settle(row: DefectTable) -> None:
    """Say whether a defect needs review: a reject without a verdict, with doubt, or over which people are at odds."""
    open_words = (None, str(Verdict.UNSURE))
    row.needs_review = bool(row.is_reject and row.merged_into is None and (row.verdict in open_words or row.disputed))


@dataclass(slots=True)
class _Standing:
    """What one person, or all together, say of a defect: the last word on each count."""

    verdict: str = ""
    by: str | None = None
    kind: str | None = None
    severity: str | None = None

    def take(self, review: ReviewTable) -> None:
        if review.verdict:
            self.verdict = review.verdict
            self.by = review.who
        self.kind = review.kind or self.kind
        self.severity = review.severity or self.severity


@dataclass(slots=True)
class _Said:
    together: _Standing = field(default_factory=_Standing)
    persons: dict[str, _Standing] = field(default_factory=dict)

    def take(self, review: ReviewTable) -> None:
        self.together.take(review)
        self.persons.setdefault(review.who, _Standing()).take(review)

    @property
    def disputed(self) -> bool:
        given = {one.verdict for one in self.persons.values()}
        return {str(Verdict.CONFIRMED), str(Verdict.FALSE_ALARM)} <= given


def stand_anew(session: Session, rows: Sequence[DefectTable]) -> None:
    """Work out anew how defects stand by their reviews on record, which are flushed; count them anew."""
    tally = Tally()
    for first in range(0, len(rows), AT_ONCE):
        _stand_anew(session, rows[first : first + AT_ONCE], tally)
    session.flush()
    tally.write(session)
    for roll_id in {row.roll_id for row in rows}:
        keep_grade(session, roll_id)


def _stand_anew(session: Session, rows: Sequence[DefectTable], tally: Tally) -> None:
    ids = [row.id for row in rows]
    said = {number: _Said() for number in ids}
    query = select(ReviewTable).where(ReviewTable.defect_id.in_(ids), ReviewTable.undone_at.is_(None))
    for review in session.scalars(query.order_by(ReviewTable.id)):
        said[review.defect_id].take(review)
    session.execute(delete(OpinionTable).where(OpinionTable.defect_id.in_(ids)))
    opinions = [opinion for row in rows for opinion in _opinions(row, said[row.id].persons.items())]
    if opinions:
        session.execute(insert(OpinionTable), opinions)
    for row in rows:
        tally.count_out(row)
        kind = row.kind
        _apply(row, said[row.id])
        tally.count_in(row)
        if row.kind != kind:
            rate(session, row)


def _opinions(row: DefectTable, persons: Iterable[tuple[str, _Standing]]) -> list[dict[str, object]]:
    return [
        {
            "defect_id": row.id,
            "who": who,
            "found_at": row.found_at,
            "verdict": one.verdict,
            "kind": one.kind,
            "severity": one.severity,
        }
        for who, one in persons
    ]


def _apply(row: DefectTable, said: _Said) -> None:
    found = row.kind_found or row.kind
    row.kind = said.together.kind or found
    row.kind_found = found if said.together.kind else None
    row.said_severity = said.together.severity
    row.verdict = said.together.verdict or None
    row.reviewed_by = said.together.by
    row.disputed = said.disputed
    settle(row)
