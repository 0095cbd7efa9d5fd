"""This module says which pieces of one line are one flaw although there is a gap between them.

An inspector takes dashes in one warp or weft line for one broken end where the cloth between them looks disturbed too.
So does this: from every strong cell paths go on down the cloth and to both sides, and lean a little where that is
nearer.  A cell costs a path the more the nearer its score lies to the usual one of good cloth, which is learned as
cloth passes; cells that stay ``ELEVATED`` between that and the threshold earn back what was spent.  What is seen beside
a strong piece is its halo and no sign of a flaw that goes on, so there more is asked.  A path ends once it has spent
what ``GOOD_CELLS`` of good cloth cost: a faint line may be interrupted again and again for metres, two flaws with good
cloth between them stay two, however strong they are.

A path knows nothing of the rows below, so that nothing depends on how the strip is cut.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

ELEVATED = 0.4
"""A score this far up from the usual one (0) to the threshold (1) lies beyond what good cloth shows over some cells."""
GOOD_CELLS = 1.5
"""A path may cross so many cells of good cloth in one go."""
LEAN_COST = 0.1
"""A step that leans by a cell costs this, so that a path does not seek out the noise."""
HALO, FADE = 0.5, 0.8
"""Beside a piece this share of what it stands out above the threshold is asked for on top, fading so from cell to
cell."""
STRIDE = 4
"""To the sides paths step by so many cells at once, for speed: a weft line leans by less than a cell on these."""
MEMORY_ROWS = 64
LEAST_UNIT = 0.15
"""The usual score is taken to lie at least this share of the threshold below it."""

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
Link = tuple[int, int]
Front = NDArray[np.float64]


class UsualScore:
    """The usual score of good cloth is the median across, in the mean of about the last ``MEMORY_ROWS`` rows."""

    def __init__(self) -> None:
        self._rows = 0
        self._score = 0.0

    def after(self, scores: Floats) -> Floats:
        """Take rows, float32 ``[rows, width]``; returns the usual score at each, float32 ``[rows, 1]``."""
        ordered = np.sort(scores[:, :: max(1, scores.shape[1] // 128)], axis=1)
        judged = np.count_nonzero(ordered > 0, axis=1)  # off the web and where nobody saw there are none
        medians = ordered[np.arange(len(ordered)), -1 - judged // 2]
        told = np.empty((len(scores), 1), np.float32)
        for row, median in enumerate(medians.tolist()):
            if judged[row]:
                self._rows = min(self._rows + 1, MEMORY_ROWS)
                self._score += (median - self._score) / self._rows
            told[row] = self._score
        return told


SPENT, STRENGTH, ORIGIN, IN_GAP = range(4)
"""A front, float64 ``[4, ...]``, holds the heads of paths that step together, side by side: what a path has spent,
infinite where there is none; by how much the piece behind stands out above the threshold, faded with the distance; the
strong cell it comes from, as :meth:`GapJoiner.links` numbers them; and whether it has left that piece."""


def _no_paths(*shape: int) -> Front:
    front = np.zeros((4, *shape))
    front[SPENT] = np.inf
    return front


def _is_alive(front: Front) -> bool:
    return bool(front[SPENT].min(initial=np.inf) < np.inf)


def _beside(alive: Flags) -> Flags:
    """Return where there is a path above or a cell to the side of that, of bool ``[width + 2]`` bool ``[width]``."""
    return np.asarray(alive[:-2] | alive[1:-1] | alive[2:])


def _take_leaning(front: Front, other: Front) -> None:
    """Take the other's heads, which lie a cell to the side, where they are nearer."""
    nearer = other[SPENT] + LEAN_COST < front[SPENT]
    if nearer.any():
        np.copyto(front, other, where=nearer)
        np.add(front[SPENT], LEAN_COST, out=front[SPENT], where=nearer)


def _step(front: Front, standing: Floats, strong: Flags | None, here: Places, cells: int) -> list[Link]:
    """Go on to the next cells, changing the front; returns what paths from another piece join.

    Args:
        standing: how far the cells stand between the usual score and the threshold.
        strong: which of them are strong, None for none.
        here: their numbers.
        cells: how many cells this step is long.
    """
    spent, strength, origin, in_gap = front
    strength *= FADE**cells
    joined: list[Link] = []
    if strong is not None:
        arrived = strong & (in_gap > 0) & (spent < np.inf)
        joined = list(zip(here[arrived].tolist(), origin[arrived].astype(np.intp).tolist(), strict=True))
    spent += cells * (ELEVATED + HALO * strength - standing)
    np.maximum(spent, 0, out=spent)
    np.copyto(spent, np.inf, where=spent > GOOD_CELLS * ELEVATED)
    in_gap[...] = 1
    if strong is not None:
        np.maximum(strength, standing - 1, out=strength, where=strong)
        np.copyto(spent, 0, where=strong)
        np.copyto(origin, here, where=strong)
        np.copyto(in_gap, 0, where=strong)
    return joined


class GapJoiner:
    """The joiner follows the paths of one run, whose rows are ``width`` cells wide."""

    def __init__(self, width: int) -> None:
        self._strides = -(-width // STRIDE)
        self._down = _no_paths(width + 2)  # with a place beside either end where none ever is
        self._aside = _no_paths(self._strides, 2)  # rightwards, and leftwards with the strip turned round

    def links(self, standing: Floats, strong: Flags) -> list[Link]:
        """Go on over the next rows; returns pairs of places that are one flaw, each a strong cell and an origin.

        An origin is a strong cell, numbered row by row from these rows' first, or negative: what :meth:`rename` put
        in its place.

        Args:
            standing: how far each cell stands between the usual score (0) and the threshold (1), float32
                ``[rows, width]``.
            strong: which cells reach the threshold, bool ``[rows, width]``.
        """
        if not (strong.any() or _is_alive(self._down) or _is_alive(self._aside)):
            return []
        numbers = np.arange(strong.size).reshape(strong.shape)
        return self._go_down(standing, strong, numbers) + self._go_aside(standing, strong, numbers)

    def rename(self, new_origin: Callable[[int], int]) -> None:
        """Call ``new_origin`` for the origin of every path that goes on, and take what it returns, below 0, in its
        place."""
        for front in (self._down, self._aside):
            alive = front[SPENT] < np.inf
            old, places = np.unique(front[ORIGIN][alive], return_inverse=True)
            front[ORIGIN][alive] = np.array([new_origin(int(origin)) for origin in old], np.float64)[places]

    def _go_down(self, standing: Floats, strong: Flags, numbers: Places) -> list[Link]:
        joined: list[Link] = []
        smooth = cv2.blur(standing, (3, 1), borderType=cv2.BORDER_REPLICATE)
        is_strong: list[bool] = np.asarray(strong.any(axis=1)).tolist()
        alive = _is_alive(self._down)
        for row, here in enumerate(numbers):
            if alive or is_strong[row]:
                places = np.flatnonzero(_beside(self._down[SPENT] < np.inf) | strong[row])
                front = self._down[:, places + 1]
                _take_leaning(front, self._down[:, places])
                _take_leaning(front, self._down[:, places + 2])
                reached = strong[row, places] if is_strong[row] else None
                joined += _step(front, smooth[row, places], reached, here[places], 1)
                self._down[SPENT] = np.inf
                self._down[:, places + 1] = front
                alive = is_strong[row] or _is_alive(front)
        return joined

    def _go_aside(self, standing: Floats, strong: Flags, numbers: Places) -> list[Link]:
        """Step from stride to stride, in all rows at once: a path comes from the same row or leans down from above."""
        joined: list[Link] = []
        means, strides, places = self._by_strides(standing, strong, numbers)
        is_strong: list[bool] = np.asarray(strides.any(axis=(1, 2))).tolist()
        fronts = _no_paths(self._strides, 2, len(strong) + 1)
        fronts[..., 0] = self._aside
        from_above: list[bool] = (self._aside[SPENT].min(axis=1) < np.inf).tolist()
        alive = False
        for stride in range(self._strides):
            if alive or is_strong[stride] or (stride and from_above[stride - 1]):
                front = fronts[:, stride, :, 1:]
                if stride:
                    front[...] = fronts[:, stride - 1, :, 1:]
                    _take_leaning(front, fronts[:, stride - 1, :, :-1])
                reached = strides[stride] if is_strong[stride] else None
                joined += _step(front, means[stride], reached, places[stride], STRIDE)
                alive = is_strong[stride] or _is_alive(front)
        self._aside = fronts[..., -1].copy()
        return joined

    def _by_strides(self, standing: Floats, strong: Flags, numbers: Places) -> tuple[Floats, Flags, Places]:
        """Return the cells by strides, ``[strides, 2, rows]`` each: how far one stands out in the mean (where it is
        strong: at most), whether any of its cells is strong, and the number of the strongest."""
        rows, width = strong.shape
        beyond = ((0, 0), (0, self._strides * STRIDE - width))
        shape = (rows, self._strides, STRIDE)
        cells = np.pad(standing, beyond, mode="edge").reshape(shape)
        is_strong = np.asarray(np.pad(strong, beyond).reshape(shape).any(axis=2))
        highest = np.argmax(np.pad(standing, beyond, constant_values=-np.inf).reshape(shape), axis=2)
        place = numbers[:, :1] + np.arange(self._strides) * STRIDE + highest
        mean = np.where(is_strong, cells.max(axis=2), cells.mean(axis=2))
        both = [np.stack([part.T, part.T[::-1]], axis=1) for part in (mean, is_strong, place)]
        return both[0], both[1], both[2]
