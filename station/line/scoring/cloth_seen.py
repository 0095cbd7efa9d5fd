"""This module gathers what cloth looks like as it passes: the columns it fills and its mean grey."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np

from station.contract import ColumnsInspected
from station.line.flow import TileRow
from station.recipe.cloth import TaughtCloth

MOST_GREYS = 20_000
"""Rows beyond these are no longer asked for their grey, so that an endless roll does not fill the memory."""
EVERY_LINE = 4
"""The mean grey of every fourth line is near enough."""
USUAL = 0.95


class ClothSeen:
    """Rows of tiles are taken as readings; where no cloth is in sight there is none.

    Args:
        grey_px: half-open columns whose grey counts, where the web reaches them; None: all of the web.

    Attributes:
        width_px: width of the picture.
        rows: number of readings.
        greys: mean grey of each of the first rows, 0 to 255, colours averaged.
        pieces: total grey and number of rows of each piece (picture).
    """

    def __init__(self, width_px: int, grey_px: tuple[int, int] | None = None) -> None:
        self.width_px = width_px
        self._grey_px = grey_px or (0, width_px)
        self.rows = 0
        self.greys: list[float] = []
        self.pieces: dict[str, tuple[float, int]] = {}
        self._edges: Counter[tuple[int, int]] = Counter()

    def see(self, row: TileRow) -> None:
        """Take a reading of a row of tiles."""
        if row.right_px <= row.left_px:
            return
        self.rows += 1
        self._edges[row.left_px, row.right_px] += 1
        if len(self.greys) < MOST_GREYS:
            left, right = max(row.left_px, self._grey_px[0]), min(row.right_px, self._grey_px[1])
            cloth = row.pixels[::EVERY_LINE, left:right] if left < right else row.pixels[::EVERY_LINE]
            grey = float(np.mean(cv2.mean(cloth)[: cloth.shape[2] if cloth.ndim == 3 else 1]))
            self.greys.append(grey)
            if row.piece is not None:
                total, rows = self.pieces.get(row.piece, (0.0, 0))
                self.pieces[row.piece] = total + grey, rows + 1

    @property
    def columns(self) -> ColumnsInspected | None:
        """Give the columns taken for cloth, each edge the median over the rows; None before the first."""
        if not self.rows:
            return None
        left, right = (self._quantile(side, 0.5) for side in (0, 1))
        return ColumnsInspected(left, right, self.width_px)

    @property
    def spread_px(self) -> int:
        """Give how far the edges of 95 of 100 rows lie from the medians at most; 0 before the first row."""
        columns = self.columns
        if columns is None:
            return 0
        apart: Counter[int] = Counter()
        for (left, right), rows in self._edges.items():
            apart[max(abs(left - columns.left_px), abs(right - columns.right_px))] += rows
        return _quantile(apart, USUAL)

    @property
    def grey(self) -> float:
        """Give the median of the rows' mean greys; not a number before the first."""
        return float(np.median(self.greys)) if self.greys else float("nan")

    @property
    def grey_spread(self) -> float:
        """Give how far 95 of 100 mean greys lie from the median at most; not a number before the first."""
        return float(np.quantile(np.abs(np.array(self.greys) - self.grey), USUAL)) if self.greys else float("nan")

    def taught(self, channels: int, white: int | None) -> TaughtCloth | None:
        """Return what a recipe keeps of it; None if no cloth was seen."""
        columns = self.columns
        if columns is None:
            return None
        return TaughtCloth(
            width_px=self.width_px,
            channels=channels,
            white=white,
            mean_grey=round(self.grey, 2),
            grey_spread=round(self.grey_spread, 2),
            web_left_px=columns.left_px,
            web_right_px=columns.right_px,
            web_spread_px=self.spread_px,
        )

    def _quantile(self, side: int, share: float) -> int:
        """Return a quantile of the left (0) or right (1) edges."""
        edges: Counter[int] = Counter()
        for pair, rows in self._edges.items():
            edges[pair[side]] += rows
        return _quantile(edges, share)


def _quantile(counts: Counter[int], share: float) -> int:
    """Return the smallest value that at least this share of the counted values does not exceed."""
    values = sorted(counts)
    reached = np.cumsum([counts[value] for value in values])
    return values[int(np.searchsorted(reached, share * reached[-1]))]
