"""This module sums up a period from the records: which defects there were, at which looms, how much cloth of which
grade, and how long it took until somebody answered.

Defects belong to the period in which they were found, rolls with their length, area and grade to that in which they
ended: a roll is graded once.  A roll that is still open, or ended later, only lends its defects.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from statistics import median

from station.quality.headline import AT_ONCE, Headline, headlines
from station.quality.summaries.periods import Period
from station.records.history import History
from station.records.reading.values import SpoiltRowError, Told
from station.records.rows import RollFilter, RollRow
from station.state.grade import Grade

MOST_ROLLS = 1_000_000
LATE = 0.9
"""This share of the answers came no later than the figure called late."""


@dataclass(frozen=True, slots=True)
class KindCount:
    """A row counts the rejects of one kind, false alarms apart; ``share`` and ``cumulative`` are parts of all rejects
    that are no false alarms, the most frequent kind first."""

    kind: str
    rejects: int
    share: float
    cumulative: float
    false_alarms: int


@dataclass(frozen=True, slots=True)
class LoomCount:
    """A row sums up the rolls of one loom that ended.  ``metres``, ``m2`` and rates are of those with a scale,
    None where none has one."""

    loom: str
    rolls: int
    metres: float | None
    m2: float | None
    rejects: int
    rejects_per_100_m: float | None
    points_per_100_m2: float | None
    passed: int
    rejected: int
    not_graded: int


@dataclass(frozen=True, slots=True)
class GradeArea:
    """A row says how many rolls, and how much inspected cloth of known width, has a grade."""

    grade: str
    rolls: int
    metres: float
    m2: float


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers say after how many minutes a person first answered a reject; None where none was answered.

    ``late`` is the time within which nine of ten answers came.  Answers that a clock set back puts before their defect
    are counted, and left out of the times.
    """

    rejects: int
    answered: int
    median_min: float | None
    late_min: float | None
    longest_min: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary holds what a period brought.

    ``rolls`` ended in it, ``rolls_open`` lent it defects only.  ``metres_inspected``, ``metres_uninspected`` and ``m2``
    are of rolls that have a scale; ``unscaled`` have none.  ``missed`` is how many defects people put on record in it,
    beside those that were found.  ``unreadable`` has a sentence for each row that is spoilt.
    """

    period: Period
    rolls: int
    rolls_open: int
    unscaled: int
    metres_inspected: float
    metres_uninspected: float
    m2: float
    rejects: int
    false_alarms: int
    missed: int
    kinds: tuple[KindCount, ...]
    looms: tuple[LoomCount, ...]
    grades: tuple[GradeArea, ...]
    answers: Answers
    unreadable: tuple[str, ...]


def summarize(history: History, period: Period) -> Summary:
    """Sum up a period.

    Raises:
        RecordsError: the records cannot be read.
    """
    unreadable: list[str] = []

    def told(error: SpoiltRowError) -> None:
        unreadable.append(str(error))

    kinds: Counter[str] = Counter()
    false_alarms: Counter[str] = Counter()
    ended: list[tuple[str, Headline]] = []
    missed = rolls_open = 0
    chosen = RollFilter(until=period.until, ended_since=period.since, limit=MOST_ROLLS)
    kept: list[int] = []
    rolls = history.rolls(chosen, told)[::-1]
    for row, headline, made in headlines(history, rolls, unreadable.append):
        if made is None:
            kept.append(row.id)
        for defect in () if made is None else made.defect_list:
            if not defect.is_reject or not period.holds(defect.found_at):
                continue
            if defect.missed:
                missed += defect.counts
            else:
                (kinds if defect.counts else false_alarms)[defect.kind] += 1
        if headline.ended_at is not None and period.holds(headline.ended_at):
            ended.append((loom_of(row), headline))
        else:
            rolls_open += 1
    for first in range(0, len(kept), AT_ONCE):
        for alike in history.found_in(period.since, period.until, kept[first : first + AT_ONCE]):
            if alike.missed:
                missed += 0 if alike.is_false else alike.number
            else:
                (false_alarms if alike.is_false else kinds)[alike.kind] += alike.number
    reports = [made for _, made in ended]
    scaled = [made for made in reports if made.inspected_m is not None]
    return Summary(
        period=period,
        rolls=len(ended),
        rolls_open=rolls_open,
        unscaled=len(ended) - len(scaled),
        metres_inspected=sum(made.inspected_m or 0.0 for made in scaled),
        metres_uninspected=sum(made.uninspected_m or 0.0 for made in scaled),
        m2=sum(map(_m2, reports)),
        rejects=kinds.total(),
        false_alarms=false_alarms.total(),
        missed=missed,
        kinds=_pareto(kinds, false_alarms),
        looms=_looms(ended),
        grades=_grades(reports),
        answers=_answers(history, period, told),
        unreadable=tuple(unreadable),
    )


def loom_of(roll: RollRow) -> str:
    """Return the loom a roll came from; where nobody said, the camera that saw it."""
    return roll.identity.loom or f"camera {roll.camera_id}"


def to_dict(made: Summary) -> dict[str, object]:
    """Convert the summary to a dictionary for JSON; times are ISO 8601, in UTC."""
    period = {"name": made.period.name, "since": made.period.since.isoformat(), "until": made.period.until.isoformat()}
    return {**asdict(made), "period": period}


def _m2(made: Headline) -> float:
    return (made.inspected_m or 0.0) * (made.web_width_mm or 0.0) / 1000


def _pareto(kinds: Counter[str], false_alarms: Counter[str]) -> tuple[KindCount, ...]:
    names = sorted({*kinds, *false_alarms}, key=lambda kind: (-kinds[kind], kind))
    total = kinds.total() or 1
    cumulative = accumulate(kinds[name] for name in names)
    return tuple(
        KindCount(name, kinds[name], kinds[name] / total, reached / total, false_alarms[name])
        for name, reached in zip(names, cumulative, strict=True)
    )


def _looms(ended: Iterable[tuple[str, Headline]]) -> tuple[LoomCount, ...]:
    by_loom: dict[str, list[Headline]] = defaultdict(list)
    for loom, made in ended:
        by_loom[loom].append(made)
    return tuple(_loom(loom, reports) for loom, reports in sorted(by_loom.items()))


def _loom(loom: str, reports: Sequence[Headline]) -> LoomCount:
    scaled = [made for made in reports if made.inspected_m is not None]
    metres = sum(made.inspected_m or 0.0 for made in scaled)
    pointed = [made for made in scaled if made.points is not None and _m2(made) > 0]
    m2 = sum(map(_m2, pointed))
    counted = Counter(made.grade for made in reports)
    return LoomCount(
        loom=loom,
        rolls=len(reports),
        metres=metres if scaled else None,
        m2=m2 if pointed else None,
        rejects=sum(map(_rejects, reports)),
        rejects_per_100_m=100 * sum(map(_rejects, scaled)) / metres if metres else None,
        points_per_100_m2=100 * sum(made.points or 0 for made in pointed) / m2 if m2 else None,
        passed=counted[str(Grade.PASS)],
        rejected=counted[str(Grade.REJECT)],
        not_graded=counted[str(Grade.NOT_GRADED)],
    )


def _rejects(made: Headline) -> int:
    return made.rejects - made.false_alarms


def _grades(reports: Sequence[Headline]) -> tuple[GradeArea, ...]:
    """Return a row for every grade there is, and for each that a roll has, if there are others."""
    names = dict.fromkeys([*map(str, Grade), *(made.grade for made in reports)])
    rows = []
    for name in names:
        graded = [made for made in reports if made.grade == name]
        metres = sum(made.inspected_m or 0.0 for made in graded)
        rows.append(GradeArea(name, len(graded), metres, sum(map(_m2, graded))))
    return tuple(rows)


def _answers(history: History, period: Period, told: Told) -> Answers:
    found = history.answers(period.since, period.until, told)
    answered = [(answer - at).total_seconds() / 60 for at, answer in found if answer is not None]
    times = sorted(minutes for minutes in answered if minutes >= 0)
    return Answers(
        rejects=len(found),
        answered=len(answered),
        median_min=median(times) if times else None,
        late_min=times[min(len(times) - 1, int(LATE * len(times)))] if times else None,
        longest_min=times[-1] if times else None,
    )
