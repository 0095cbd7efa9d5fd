"""This module gathers what cloth looks like as it passes: the columns it fills and its mean grey."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
from numpy.typing import NDArray

from station.contract import ColumnsInspected
from station.line.flow import TileRow
from station.recipe.cloth import TaughtCloth

MOST_GREYS = 20_000
"""Rows beyond these are no longer asked for their grey, so that an endless roll does not fill the memory."""
EVERY_LINE = 4
"""The mean grey of every fourth line is near enough."""
PARTS = 16
"""Grey is known of so many parts across, so that a web which lies elsewhere is compared where both are cloth."""
USUAL = 0.95


class ClothSeen:
    """Rows of tiles are taken as readings; where no cloth is in sight there is none.

    Args:
        width_px: width of the picture.
        taught: cloth to compare with: then only the parts of the picture in which both are cloth count for the grey,
            and it is what the taught cloth's would be if all of it differed as these do.

    Attributes:
        width_px: width of the picture.
        rows: number of readings.
        greys: mean grey of each of the first rows, 0 to 255, colours averaged.
        pieces: total grey and number of rows of each piece (picture).
    """

    def __init__(self, width_px: int, taught: TaughtCloth | None = None) -> None:
        self.width_px = width_px
        self._taught = taught
        is_comparable = taught is not None and taught.width_px == width_px and len(taught.greys_across) == PARTS
        self._taught_greys = np.array(taught.greys_across, np.float64) if taught and is_comparable else None
        self._borders = np.linspace(0, width_px, PARTS + 1).round().astype(int)
        self.rows = 0
        self.greys: list[float] = []
        self.pieces: dict[str, tuple[float, int]] = {}
        self._across: list[NDArray[np.float64]] = []
        self._edges: Counter[tuple[int, int]] = Counter()

    def see(self, row: TileRow) -> None:
        """Take a reading of a row of tiles."""
        if row.right_px <= row.left_px:
            return
        self.rows += 1
        self._edges[row.left_px, row.right_px] += 1
        if len(self.greys) < MOST_GREYS:
            means = cv2.reduce(row.pixels[::EVERY_LINE], 0, cv2.REDUCE_AVG, dtype=cv2.CV_64F)
            columns = means.reshape(self.width_px, -1).mean(axis=1)
            across = self._parts(columns, row.left_px, row.right_px)
            grey = self._as_taught(across, float(columns[row.left_px : row.right_px].mean()))
            self.greys.append(grey)
            self._across.append(across)
            if row.piece is not None:
                total, rows = self.pieces.get(row.piece, (0.0, 0))
                self.pieces[row.piece] = total + grey, rows + 1

    def _parts(self, columns: NDArray[np.float64], left_px: int, right_px: int) -> NDArray[np.float64]:
        """Return the mean of each part of the picture, ``[PARTS]``; not a number where it is not cloth all over."""
        sums = np.concatenate([[0.0], np.cumsum(columns)])
        firsts, ends = self._borders[:-1], self._borders[1:]
        means = (sums[ends] - sums[firsts]) / np.maximum(1, ends - firsts)
        return np.where((firsts >= left_px) & (ends <= right_px), means, np.nan)

    def _as_taught(self, across: NDArray[np.float64], grey: float) -> float:
        """Return the grey to compare with the taught cloth's."""
        if self._taught is None or self._taught_greys is None:
            return grey
        apart = across - self._taught_greys
        common = np.isfinite(apart)
        return self._taught.mean_grey + float(apart[common].mean()) if common.any() else grey

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
            greys_across=self._greys_across(),
            web_left_px=columns.left_px,
            web_right_px=columns.right_px,
            web_spread_px=self.spread_px,
        )

    def _greys_across(self) -> tuple[float | None, ...]:
        across = np.array(self._across)
        is_cloth = np.isfinite(across).mean(axis=0) >= 0.5
        return tuple(
            round(float(np.nanmedian(column)), 1) if is_usual else None
            for column, is_usual in zip(across.T, is_cloth, strict=True)
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
