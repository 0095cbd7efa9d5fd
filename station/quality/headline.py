"""This module says of many rolls what a list or a summary needs: the figures of their reports, without making these.

The records keep the grade of each roll that has ended and change it with all it depends on; only of the others, and of
rolls with rows that may be spoilt, a report is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from station.contract import StationError
from station.quality.report import Report, report_of
from station.quality.reporting.rows import metres, web_width_mm
from station.records.history import History
from station.records.rows import RollRow

AT_ONCE = 10_000
"""SQLite takes 32,766 values in one query."""


@dataclass(frozen=True, slots=True)
class Headline:
    """A headline holds figures of a roll's report under the same names, lengths in m, None where they are unknown."""

    roll: str
    fabric: str
    recipe_version: int
    started_at: datetime
    ended_at: datetime | None
    broken_off: bool
    incomplete: bool
    events_lost: int
    length_m: float | None
    inspected_m: float | None
    uninspected_m: float | None
    lines_acquired: int
    lines_inspected: int
    lines_uninspected: int
    web_width_mm: float | None
    defects: int
    rejects: int
    false_alarms: int
    unreviewed: int
    points: int | None
    points_per_100_m2: float | None
    grade: str

    @classmethod
    def of(cls, made: Report) -> Headline:
        """Return the headline of a report."""
        return cls(**{field.name: getattr(made, field.name) for field in fields(cls)})


def headlines(
    history: History, rolls: Sequence[RollRow], told: Callable[[str], None]
) -> Iterator[tuple[RollRow, Headline, Report | None]]:
    """Yield rolls with their headlines, and with the report where one had to be made.

    Args:
        history: reads the records.
        rolls: the rolls, read before.
        told: takes a sentence for each roll that is left out as it cannot be reported, and for each row that is spoilt.
    """
    for first in range(0, len(rolls), AT_ONCE):
        part = rolls[first : first + AT_ONCE]
        ids = [roll.id for roll in part if _is_kept(roll)]
        doubtful, waiting = history.doubtful(ids), history.waiting(ids)
        for roll in part:
            if _is_kept(roll) and roll.id not in doubtful:
                yield roll, _kept(roll, *waiting.get(roll.id, (0, 0))), None
                continue
            try:
                made = report_of(history, roll)
            except StationError as error:
                told(f"Roll {roll.name} cannot be reported: {error}")
                continue
            for sentence in made.spoilt:
                told(sentence)
            yield roll, Headline.of(made), made


def _is_kept(roll: RollRow) -> bool:
    return roll.ended_at is not None and roll.grading.grade is not None


def _kept(roll: RollRow, false_alarms: int, unreviewed: int) -> Headline:
    ledger, scale = roll.ledger, roll.mm_per_line
    return Headline(
        roll=roll.name,
        fabric=roll.fabric,
        recipe_version=roll.recipe_version,
        started_at=roll.started_at,
        ended_at=roll.ended_at,
        broken_off=roll.broken_off,
        incomplete=bool(roll.incomplete),
        events_lost=roll.events_lost,
        length_m=metres(ledger.lines_acquired, scale),
        inspected_m=metres(ledger.lines_inspected, scale),
        uninspected_m=metres(ledger.lines_uninspected, scale),
        lines_acquired=ledger.lines_acquired,
        lines_inspected=ledger.lines_inspected,
        lines_uninspected=ledger.lines_uninspected,
        web_width_mm=web_width_mm(roll),
        defects=roll.defects,
        rejects=roll.rejects,
        false_alarms=false_alarms,
        unreviewed=unreviewed,
        points=roll.grading.points,
        points_per_100_m2=roll.grading.points_per_100_m2,
        grade=str(roll.grading.grade),
    )
