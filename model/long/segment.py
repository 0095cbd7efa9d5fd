"""This module finds where along a line of evidence a flaw begins and ends, and follows one that still grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.long.look import Floats

ENDED = 6.0
"""A flaw has ended where cloth without it is this much likelier than with it, as the natural logarithm of the odds."""
ROUNDS = 2


@dataclass(frozen=True)
class Segment:
    """A segment holds means ``[first, end)`` of a line of evidence, and the mean evidence over them."""

    first: int
    end: int
    mean: float


def best_segment(values: Floats, expected: float) -> Segment:
    """Return the stretch over which a flaw is likelier than good cloth, float32 ``[n]``; the longest of the likeliest.

    A flaw lifts the evidence by its mean, which is not known: it begins as ``expected`` and is measured again on what
    was found.
    """
    first, end, mean = 0, len(values), max(expected, 0.1)
    for _ in range(ROUNDS):
        first, end = _highest_sum(values - np.float32(mean / 2))
        mean = max(float(values[first:end].mean()), 0.1)
    return Segment(first, end, mean)


def _highest_sum(gains: Floats) -> tuple[int, int]:
    """Return the stretch with the highest sum (Kadane's)."""
    sums = np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
    lowest = np.minimum.accumulate(sums[:-1])
    end = int(np.argmax(sums[1:] - lowest)) + 1
    return int(np.argmin(sums[:end])), end


class Follower:
    """The follower watches a flaw that was found, mean by mean, until it has ended.

    Attributes:
        first, end: means over which it is sure so far, half-open.
        next: mean that is to be taken next.
    """

    def __init__(self, segment: Segment) -> None:
        self.first = segment.first
        self.end = segment.end
        self.next = segment.end
        self._sum = segment.mean * (segment.end - segment.first)
        self._odds = 0.0
        self._pending = 0.0

    def follow(self, value: float) -> bool:
        """Take the next mean's evidence; say whether the flaw has ended."""
        mean = self._sum / max(self.end - self.first, 1)
        self._pending += value
        self.next += 1
        self._odds += mean * (value - mean / 2)
        if self._odds >= 0:
            self._sum += self._pending
            self.end = self.next
            self._odds = 0.0
            self._pending = 0.0
        return self._odds < -ENDED
