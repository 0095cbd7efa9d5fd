"""How far from the web's edges good cloth looks unlike the rest: beside the selvedge it often does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from station.control import StripView

REACH_CELLS = 24
"""Farthest that a margin may reach inwards; what looks odd farther in is the cloth's business, not the edge's."""


class EdgeProfile:
    """Mean score of good cloth by the distance from the web's edge, gathered strip by strip.

    A margin is wanted where the score, averaged over all strips, lies by more than one deviation of a single strip's
    columns above what the inside of the web shows.  Edges that are the picture's own edge do not count: there is no
    selvedge.
    """

    def __init__(self) -> None:
        self._sides: dict[str, list[NDArray[np.float64]]] = {"left": [], "right": []}
        self._inside: list[NDArray[np.float64]] = []
        self._cell_px = 1

    def take(self, view: StripView) -> None:
        """One strip of good cloth; strips too narrow for a margin on both sides are passed over."""
        cell = self._cell_px = view.cell_px
        first, end = -(-view.left_px // cell), view.right_px // cell
        if end - first < 4 * REACH_CELLS:
            return
        columns = view.heat[:, first:end].mean(axis=0, dtype=np.float64)
        self._inside.append(columns[REACH_CELLS:-REACH_CELLS])
        if view.left_px > 0:
            self._sides["left"].append(columns[:REACH_CELLS])
        if view.right_px < view.pixels.shape[1]:
            self._sides["right"].append(columns[::-1][:REACH_CELLS])

    def margin_px(self) -> int:
        """Margin in px, the larger of both sides; 0 where cloth looks alike up to its edges or nothing was seen."""
        if not self._inside:
            return 0
        inside = np.concatenate(self._inside)
        level = float(np.median(inside) + inside.std())
        return max(self._odd_cells(side, level) for side in self._sides.values()) * self._cell_px

    @staticmethod
    def _odd_cells(columns: list[NDArray[np.float64]], level: float) -> int:
        if not columns:
            return 0
        alike = np.flatnonzero(np.mean(columns, axis=0) <= level)
        return int(alike[0]) if alike.size else REACH_CELLS
