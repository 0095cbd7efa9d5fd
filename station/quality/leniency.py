"""Finds on held-back good cloth where it scores higher than elsewhere: beside the web's edges, in standing streaks.

A selvedge is woven otherwise than the cloth, and dust on the lens stands in one column of the camera for ever; neither
is a flaw, and both would hold the highest score of every roll.  Only what is high on most pieces of good cloth counts:
a flaw on one of them changes nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from station.control import StripView
from station.leniency import CELL_PX, MOST, Leniency

REACH_CELLS = 24
"""Farthest that an edge may reach inwards; what scores high farther in is the cloth's business, not the edge's."""
BLOCK_ROWS = 48
LEVEL = 0.9
INSIDE_LEVEL = 0.9
EDGE_RATIO = 1.1
STREAK_RATIO = 1.25
WIDEST_STREAK_CELLS = 24
FEWEST_BLOCKS = 3
"""For a streak to be called standing."""


class LeniencyFinder:
    """Gathers strips of good cloth, then says where to be lenient.

    Per block of cloth and column the level is the 90 % quantile of the scores; the median over the blocks counts.
    """

    def __init__(self) -> None:
        self._rows: list[NDArray[np.float32]] = []
        self._waiting = 0
        self._place = (0, 0, 0)
        self._levels: list[NDArray[np.float64]] = []
        self._edges: list[tuple[int, int]] = []
        self._width_px = 0

    def take(self, view: StripView) -> None:
        """One strip, whatever the scale of its scores; too narrow a web is passed over."""
        place = (view.left_px, view.right_px, view.pixels.shape[1])
        if place != self._place:
            self._close_block()
            self._place = place
        if view.right_px - view.left_px < 4 * REACH_CELLS * CELL_PX:
            return
        self._rows.append(view.heat)
        self._waiting += len(view.heat)
        if self._waiting >= BLOCK_ROWS:
            self._close_block()

    def found(self) -> Leniency:
        """Where to be lenient; nowhere if nothing was seen."""
        self._close_block()
        by_column = self._inside_by_column()
        inside = by_column[np.isfinite(by_column)]
        base = float(np.quantile(inside, INSIDE_LEVEL)) if inside.size else 0.0
        if base <= 0:
            return Leniency()
        left = [level[first : first + REACH_CELLS] for level, (first, _) in self._pairs()]
        right = [level[end - REACH_CELLS : end][::-1] for level, (_, end) in self._pairs()]
        return Leniency(
            left=_edge(np.median(left, axis=0) / base),
            right=_edge(np.median(right, axis=0) / base),
            columns=self._streaks(by_column / base),
            width_px=self._width_px,
        )

    def _close_block(self) -> None:
        rows, self._rows, self._waiting = self._rows, [], 0
        left_px, right_px, width_px = self._place
        if not rows or sum(map(len, rows)) < BLOCK_ROWS // 2:
            return
        if self._width_px != width_px:
            self._levels.clear()
            self._edges.clear()
        self._width_px = width_px
        self._levels.append(np.quantile(np.concatenate(rows), LEVEL, axis=0))
        self._edges.append((-(-left_px // CELL_PX), right_px // CELL_PX))

    def _pairs(self) -> list[tuple[NDArray[np.float64], tuple[int, int]]]:
        return list(zip(self._levels, self._edges, strict=True))

    def _inside_by_column(self) -> NDArray[np.float64]:
        """Median level over the blocks ``[cells]``; NaN beside the edges and where few blocks show cloth."""
        inside = np.full((len(self._levels), -(-self._width_px // CELL_PX)), np.nan)
        for row, (level, (first, end)) in zip(inside, self._pairs(), strict=True):
            row[first + REACH_CELLS : end - REACH_CELLS] = level[first + REACH_CELLS : end - REACH_CELLS]
        many = np.isfinite(inside).sum(0) >= max(1, len(inside) / 2)
        by_column = np.full(inside.shape[1], np.nan)
        by_column[many] = np.nanmedian(inside[:, many], axis=0)
        return by_column

    def _streaks(self, ratios: NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
        """Narrow runs of columns that are high on most blocks."""
        if len(self._levels) < FEWEST_BLOCKS:
            return ()
        high = np.nan_to_num(ratios) > STREAK_RATIO
        borders = np.flatnonzero(np.diff(np.r_[False, high, False]))
        found: list[tuple[int, float]] = []
        for first, end in borders.reshape(-1, 2):
            if end - first <= WIDEST_STREAK_CELLS:
                around = range(max(0, first - 1), min(len(ratios), end + 1))
                found += [(cell * CELL_PX, _ratio(np.nanmax(ratios[max(0, cell - 1) : cell + 2]))) for cell in around]
        return tuple(sorted(dict(found).items()))


def _edge(ratios: NDArray[np.float64]) -> tuple[float, ...]:
    """Ratios from the edge inwards, never rising, without the end where cloth is as inside."""
    falling = np.maximum.accumulate(ratios[::-1])[::-1]
    length = int((falling > EDGE_RATIO).sum())
    return tuple(_ratio(one) for one in falling[:length])


def _ratio(value: float) -> float:
    return round(float(np.clip(value, 1.0, MOST)), 3)
