"""This module says how often each version of a recipe was wrong, by what people said of its rejects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from station.records.defects.summaries import RecipeCount

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ReviewRate:
    """The rate of a recipe's version: of ``reviewed`` rejects (confirmed or false alarm; doubts count as not reviewed)
    ``false_alarms`` were none.

    ``rate`` is their share, with the 95 % interval of Wilson from ``low`` to ``high``; None where nothing was reviewed.
    ``missed`` is how many defects people put on record beside.
    """

    fabric: str
    version: int
    rejects: int
    reviewed: int
    false_alarms: int
    missed: int
    rate: float | None
    low: float | None
    high: float | None


def review_rates(counts: Sequence[RecipeCount]) -> list[ReviewRate]:
    """Return the false-alarm rate of each recipe's version with its interval (Wilson's, J. Am. Stat. Assoc. 22, 1927).

    It speaks for all rejects only if those reviewed were not picked for how they look.
    """
    return [_rate(count) for count in counts]


def _rate(count: RecipeCount) -> ReviewRate:
    reviewed = count.confirmed + count.false_alarms
    rate = low = high = None
    if reviewed:
        from scipy.stats import binomtest  # takes a second to load, and few ask

        interval = binomtest(count.false_alarms, reviewed).proportion_ci(CONFIDENCE, "wilson")
        rate, low, high = count.false_alarms / reviewed, float(interval.low), float(interval.high)
    return ReviewRate(
        count.fabric, count.version, count.rejects, reviewed, count.false_alarms, count.missed, rate, low, high
    )
