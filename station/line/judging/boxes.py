"""This module measures boxes: whole cells, or to where the score has fallen between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, eq=False)
class Box:
    """A box is a half-open extent in cells and fractions of them: rows from the run's start, columns of the strip."""

    top: float
    bottom: float
    left: float
    right: float

    def merge(self, other: Box) -> None:
        """Grow to span both boxes."""
        self.top = min(self.top, other.top)
        self.bottom = max(self.bottom, other.bottom)
        self.left = min(self.left, other.left)
        self.right = max(self.right, other.right)

    def within(self, other: Box) -> Box:
        """Return the part of this box inside the other."""
        return Box(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )


def span(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Box:
    """Return the extent of whole cells, int ``[cells]`` each."""
    return Box(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)


def sides(
    strip: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    cuts: NDArray[np.float32],
    first: int,
) -> NDArray[np.float64]:
    """Return how far scores stay above their cut around cells that reach it, at most to the middle of the next cell.

    The result is top, bottom, left, right ``[cells, 4]``.  ``strip`` has one row more than the cells at either end;
    ``first`` is the number of row 0 in the run.
    """
    strip = np.pad(strip, ((0, 0), (1, 1)))
    scores = strip[rows + 1, columns + 1]

    def reach(down: int, right: int) -> NDArray[np.float64]:
        beyond = strip[rows + 1 + down, columns + 1 + right]
        ends = (beyond < cuts) & (cuts <= scores)
        return np.where(ends, (scores - cuts) / np.where(ends, scores - beyond, 1), 1).astype(np.float64)

    y, x = rows + first + 0.5, columns + 0.5
    return np.stack([y - reach(-1, 0), y + reach(1, 0), x - reach(0, -1), x + reach(0, 1)], axis=1)


def box_around(reached: NDArray[np.float64]) -> Box:
    """Return the box around all that :func:`sides` says."""
    (top, _, left, _), (_, bottom, _, right) = reached.min(axis=0).tolist(), reached.max(axis=0).tolist()
    return Box(top, bottom, left, right)
