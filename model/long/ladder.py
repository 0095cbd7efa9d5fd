"""This module sums profiles over windows that double in length, along every line that leans a little.

It is the approximate discrete Radon transform (Brady, SIAM J. Comput. 1998): a window is two halves, and a line over
it is a line over the later half carried on over the earlier, moved by whole px.  All lines of all windows cost a few
additions a place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model.long.look import HOPS, LEAST_HOP, LEAST_LEAN, LEVELS, MOST_LEAN, UNIT, Floats

TOP = LEVELS[-1]
Counts = NDArray[np.int16]
"""Sums of evidence, in parts of :data:`UNIT`."""


def counts_of(evidence: Floats) -> Counts:
    """Return evidence in whole parts of its spread."""
    return np.rint(evidence * np.float32(UNIT)).astype(np.int16)


def furthest(level: int, drift: float) -> int:
    """Return by how many px lines may lean over a window of this level, beyond what all the cloth leans by."""
    return max(LEAST_LEAN[level], min(MOST_LEAN, math.ceil(abs(drift) * (1 << level)))) if level else 0


def leans(level: int, drift: float) -> range:
    """Return the px by which lines lean over a window of this level, beyond what all the cloth leans by."""
    return range(-furthest(level, drift), furthest(level, drift) + 1)


def hop(level: int) -> int:
    """Return after how many means a window of this level is scored again."""
    return max(LEAST_HOP, (1 << level) // HOPS)


def parts_of(lean: int, level: int, drift: float) -> tuple[int, int]:
    """Return how a line that leans by so many px over a window is made: the lean of its halves, and px between them."""
    half = int(abs(lean) // 2) * (1 if lean >= 0 else -1)
    most = furthest(level - 1, drift)
    kept = max(-most, min(most, half))
    return kept, lean - half + round(drift * (1 << (level - 1)))


def doubled(later: Counts, earlier: Counts, level: int, drift: float) -> Counts:
    """Sum windows of this level from their halves.

    A line that leans by ``k`` px over the window lies, going back from the last mean, ``k`` px further left.

    Args:
        later, earlier: int16 ``[leans of the level below, ..., places]``.
        drift: px by which all the cloth leans from one mean to the next.

    Returns:
        int16 ``[leans, ..., places]`` by the place of the line in the last mean.
    """
    places = later.shape[-1]
    sums = np.empty((len(leans(level, drift)), *later.shape[1:]), np.int16)
    for row, lean in zip(sums, leans(level, drift), strict=True):
        half, px = parts_of(lean, level, drift)
        index = half + furthest(level - 1, drift)
        near, far = later[index], earlier[index]
        px = max(-places, min(places, px))
        if px >= 0:
            row[..., :px] = near[..., :px]
            np.add(near[..., px:], far[..., : places - px], out=row[..., px:])
        else:
            row[..., px:] = near[..., px:]
            np.add(near[..., :px], far[..., -px:], out=row[..., :px])
    return sums


class Ladder:
    """A ladder takes one profile after the other and gives the sums over windows as they are complete.

    Args:
        shape: of a profile, places last.
        drift: px by which all the cloth leans from one mean to the next.
        top: highest level wanted.
    """

    def __init__(self, shape: tuple[int, ...], drift: float, top: int = TOP) -> None:
        self._drift = drift
        self._top = top
        self._nothing = [np.zeros((len(leans(level, drift)), *shape), np.int16) for level in range(top)]
        self._kept: list[dict[int, Counts]] = [{} for _ in range(top + 1)]
        self._index = 0

    @property
    def index(self) -> int:
        """Give how many profiles were taken."""
        return self._index

    @property
    def kept_bytes(self) -> int:
        """Give how many bytes of sums are kept for longer windows."""
        return sum(sums.nbytes for kept in self._kept for sums in kept.values())

    def push(self, profile: Counts, *, last: bool = False) -> Iterator[tuple[int, Counts]]:
        """Take the next profile; yield (level, sums) of the windows that end with it and are due.

        With ``last`` the windows of all levels are due.  What lies before the first profile counts nothing.
        """
        index = self._index
        self._index += 1
        self._kept[0][index] = profile[None]
        for level in range(1, self._top + 1):
            if not last and (index + 1) % hop(level):
                break
            sums = self._at(level, index)
            if level in LEVELS:
                yield level, sums
        for level, kept in enumerate(self._kept):
            oldest = index + 1 - (1 << self._top) if level == 0 else index + 1 - (1 << level) - hop(level + 1)
            while kept and next(iter(kept)) < oldest:
                del kept[next(iter(kept))]

    def _at(self, level: int, index: int) -> Counts:
        """Return the sums of the window of this level that ends at ``index``, made if they are not kept."""
        kept = self._kept[level]
        if index < 0:
            return self._nothing[level]
        if index not in kept:
            half = 1 << (level - 1)
            sums = doubled(self._at(level - 1, index), self._at(level - 1, index - half), level, self._drift)
            if level == self._top:
                return sums
            kept[index] = sums
        return kept[index]


def window_sums(profiles: Counts, drift: float) -> Iterator[tuple[int, int, Counts]]:
    """Sum all windows over profiles that are all there.

    Args:
        profiles: int16 ``[means, ..., places]``.

    Yields:
        (level, windows' distance in means, int16 ``[leans, windows, ..., places]``) for every level that fits; the
        first window ends with mean ``2 ** level - 1``.
    """
    sums, step = profiles[None], 1
    for level in range(1, TOP + 1):
        half = (1 << (level - 1)) // step
        if sums.shape[1] <= half:
            return
        sums = doubled(sums[:, half:], sums[:, :-half], level, drift)
        if level in LEVELS:
            thin = max(1, hop(level) // step)
            if (sums.shape[1] - 1) % thin == 0:
                sums = sums[:, ::thin]
                step *= thin
            yield level, step, sums
