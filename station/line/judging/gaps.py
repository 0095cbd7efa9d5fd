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
from typing import Any, NamedTuple

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


class Front(NamedTuple):
    """A front holds the heads of paths that step together, side by side.

    ``spent``: infinite where there is none.  ``strength``: of the piece behind, above the threshold, faded with the
    distance.  ``origin``: the strong cell it comes from, as :meth:`GapJoiner.links` numbers them.  ``in_gap``: whether
    the head lies beyond that piece.
    """

    spent: Floats
    strength: Floats
    origin: Places
    in_gap: Flags

    @classmethod
    def dead(cls, *shape: int) -> Front:
        """Return a front without paths."""
        return cls(
            np.full(shape, np.inf, np.float32),
            np.zeros(shape, np.float32),
            np.full(shape, -1, np.intp),
            np.zeros(shape, np.bool_),
        )

    def at(self, *index: Any) -> Front:
        """Return a part of the front, which shares its memory."""
        return Front(self.spent[index], self.strength[index], self.origin[index], self.in_gap[index])

    def put(self, new: Front) -> None:
        """Put other heads in this part's place."""
        for mine, other in zip(self, new, strict=True):
            mine[...] = other

    @property
    def alive(self) -> Flags:
        """Say where there is a path."""
        return self.spent < np.inf

    def take_leaning(self, other: Front) -> None:
        """Take the other's heads, which lie a cell to the side, where they are nearer."""
        nearer = other.spent + np.float32(LEAN_COST) < self.spent
        if nearer.any():
            self.spent[nearer] = other.spent[nearer] + np.float32(LEAN_COST)
            for mine, theirs in zip(self[1:], other[1:], strict=True):
                mine[nearer] = theirs[nearer]

    def copy(self) -> Front:
        """Return a copy."""
        return Front(self.spent.copy(), self.strength.copy(), self.origin.copy(), self.in_gap.copy())

    def step(self, standing: Floats, strong: Flags, here: Places, cells: int) -> list[Link]:
        """Go on to the next cells, changing this front; returns what paths from another piece join.

        Args:
            standing: how far the cells stand between the usual score and the threshold.
            strong, here: which of them are strong, and their numbers.
            cells: how many cells this step is long.
        """
        self.strength[...] *= FADE**cells
        any_strong = bool(strong.any())
        joined: list[Link] = []
        if any_strong:
            arrived = strong & self.in_gap & self.alive
            joined = list(zip(here[arrived].tolist(), self.origin[arrived].tolist(), strict=True))
        self.spent[...] += cells * (ELEVATED + HALO * self.strength - standing)
        np.maximum(self.spent, 0, out=self.spent)
        self.spent[self.spent > GOOD_CELLS * ELEVATED] = np.inf
        self.in_gap[...] = ~strong
        if any_strong:
            self.spent[strong] = 0
            self.strength[strong] = np.maximum(self.strength, standing - 1)[strong]
            self.origin[strong] = here[strong]
        return joined


class GapJoiner:
    """The joiner follows the paths of one run, whose rows are ``width`` cells wide."""

    def __init__(self, width: int) -> None:
        self._strides = -(-width // STRIDE)
        self._down = Front.dead(width)
        self._aside = Front.dead(self._strides, 2)  # rightwards, and leftwards with the strip turned round

    def links(self, standing: Floats, strong: Flags) -> list[Link]:
        """Go on over the next rows; returns pairs of places that are one flaw, each a strong cell and an origin.

        An origin is a strong cell, numbered row by row from these rows' first, or negative: what :meth:`rename` put
        in its place.

        Args:
            standing: how far each cell stands between the usual score (0) and the threshold (1), float32
                ``[rows, width]``.
            strong: which cells reach the threshold, bool ``[rows, width]``.
        """
        if not (strong.any() or self._down.alive.any() or self._aside.alive.any()):
            return []
        numbers = np.arange(strong.size).reshape(strong.shape)
        return self._go_down(standing, strong, numbers) + self._go_aside(standing, strong, numbers)

    def rename(self, new_origin: Callable[[int], int]) -> None:
        """Call ``new_origin`` for the origin of every path that goes on, and take what it returns, below 0, in its
        place."""
        for front in (self._down, self._aside):
            alive = front.alive
            old, places = np.unique(front.origin[alive], return_inverse=True)
            front.origin[alive] = np.array([new_origin(origin) for origin in old.tolist()], np.intp)[places]

    def _go_down(self, standing: Floats, strong: Flags, numbers: Places) -> list[Link]:
        joined: list[Link] = []
        smooth = cv2.blur(standing, (3, 1), borderType=cv2.BORDER_REPLICATE)
        is_strong: list[bool] = np.asarray(strong.any(axis=1)).tolist()
        alive = bool(self._down.alive.any())
        for row, here in enumerate(numbers):
            if alive or is_strong[row]:
                above = self._down
                self._down = above.copy()
                self._down.at(slice(1, None)).take_leaning(above.at(slice(-1)))
                self._down.at(slice(-1)).take_leaning(above.at(slice(1, None)))
                joined += self._down.step(smooth[row], strong[row], here, 1)
                alive = is_strong[row] or bool(self._down.alive.any())
        return joined

    def _go_aside(self, standing: Floats, strong: Flags, numbers: Places) -> list[Link]:
        """Step from stride to stride, in all rows at once: a path comes from the same row or leans down from above."""
        joined: list[Link] = []
        means, strides, places = self._by_strides(standing, strong, numbers)
        is_strong: list[bool] = np.asarray(strides.any(axis=(1, 2))).tolist()
        fronts = Front.dead(self._strides, 2, len(strong) + 1)
        fronts.at(..., 0).put(self._aside)
        alive = False
        for stride in range(self._strides):
            if alive or is_strong[stride] or (stride and fronts.spent[stride - 1, :, 0].min() < np.inf):
                before, front = fronts.at(max(0, stride - 1)), fronts.at(stride, slice(None), slice(1, None))
                if stride:
                    front.put(before.at(slice(None), slice(1, None)))
                    front.take_leaning(before.at(slice(None), slice(-1)))
                joined += front.step(means[stride], strides[stride], places[stride], STRIDE)
                alive = is_strong[stride] or bool(front.alive.any())
        self._aside = fronts.at(..., -1).copy()
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
