"""This module holds one repeat of a patterned cloth as a picture, and finds where in it a strip of cloth lies.

A strip is compared with the picture at every place by normalised correlation, all its repeats together; bands across
then say how it leans.  Where a strip shows nothing of the pattern, it lies where the strip before it says, or without
one where the picture shows nothing either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from model.pattern.repeat import Cells, Repeat, between
from model.scorer import CELL_PX

Indices = NDArray[np.intp]

STRIP = 64
"""Cloth is placed in strips of so many lines of cells, and in bands as wide."""
REACH = 6
"""A band lies so many cells from where the whole strip says, at most."""
SURE, AS_SURE = 0.35, 0.1
"""A strip that is less alike shows nothing of the pattern; where it is about as alike as expected, it lies there."""
PLAIN = 0.35
"""A strip without pattern lies where the picture has none either: no more than this share of the picture's variance is
left over there."""
FEWEST = 8
MOST_LEAN = 0.03


@dataclass(frozen=True, slots=True)
class Place:
    """A place says where in the repeat a strip of cells lies; all are lines and columns of the picture.

    Attributes:
        along, across: of the strip's first cell.
        down: how far further along the strip lies with each column of its cells.
        right: how far further across, likewise; about 1.
        pace: how far further along with each line of its cells; about 1.
        alike: how alike strip and picture are (1 is the same).
    """

    along: float
    across: float
    down: float
    right: float
    pace: float
    alike: float

    def at(self, first: int, lines: int, width: int, shape: tuple[int, int]) -> tuple[Indices, Indices]:
        """Return line and column of a picture of ``shape`` for cells of lines ``first`` on, both ``[lines, width]``."""
        columns = np.arange(width) + 0.5
        rows = np.floor(self.along + self.down * columns + (first + np.arange(lines) + 0.5)[:, None] * self.pace)
        across = np.floor(self.across + self.right * columns).astype(np.intp) % shape[1]
        return rows.astype(np.intp) % shape[0], np.broadcast_to(across, rows.shape)

    def moved(self, lines: float, columns: float = 0.0) -> Place:
        """Return the place of a strip that begins so many cells further on."""
        along = self.along + lines * self.pace + columns * self.down
        return Place(along, self.across + columns * self.right, self.down, self.right, self.pace, self.alike)


class Picture:
    """A picture is one repeat of the cloth.

    Args:
        cells: float32 ``[lines, columns]``, relative lightness; one line where cloth does not repeat along, one column
            where it does not across.
        repeat_cells: the repeat along and across in cells, not rounded.
    """

    def __init__(self, cells: Cells, repeat_cells: tuple[float, float]) -> None:
        self.cells = cells
        self.repeat_cells = repeat_cells
        self._paces = cells.shape[0] / repeat_cells[0], cells.shape[1] / repeat_cells[1]
        self._of_cells = fft.rfft2(cells.astype(np.float64))
        self._of_squares = fft.rfft2(cells.astype(np.float64) ** 2)

    def place(self, strip: Cells, expected: Place | None = None) -> Place | None:
        """Return where a strip, float32 ``[lines, cells]``, lies; None where it does not show it.

        Args:
            expected: where it should lie by the strip before it.
        """
        lines, width = strip.shape
        if lines < FEWEST or width < FEWEST:
            return expected
        alike, rest = self._compared(strip)
        row, column = np.unravel_index(int(alike.argmax()), alike.shape)
        sure = float(alike[row, column])
        if expected is not None:
            middle = width / 2
            rows = np.round(expected.along + expected.down * middle) + np.arange(-REACH, REACH + 1)
            away = expected.across + (expected.right - self._paces[1]) * middle
            columns = np.round(away) + np.arange(-REACH, REACH + 1)
            near_rows, near_columns = rows.astype(int) % alike.shape[0], columns.astype(int) % alike.shape[1]
            near = alike[np.ix_(near_rows, near_columns)]
            if near.max() >= sure - AS_SURE:
                at = np.unravel_index(int(near.argmax()), near.shape)
                row, column, sure = near_rows[at[0]], near_columns[at[1]], float(near.max())
        if sure >= SURE:
            return self._leaning(strip, int(row), int(column), sure)
        if expected is None and float(rest.min()) < PLAIN * float(self.cells.var()):
            row, column = np.unravel_index(int(rest.argmin()), rest.shape)
            return Place(float(row), float(column), 0.0, self._paces[1], self._paces[0], sure)
        return expected

    def _compared(self, strip: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how alike the strip is to the picture with its first cell at each of the picture's cells, and what is
        left over of the strip there (a variance)."""
        shape = self.cells.shape
        rows = np.floor((np.arange(strip.shape[0]) + 0.5) * self._paces[0]).astype(np.intp) % shape[0]
        columns = np.floor((np.arange(strip.shape[1]) + 0.5) * self._paces[1]).astype(np.intp) % shape[1]
        index = (rows[:, None] * shape[1] + columns).ravel()
        centred = (strip - strip.mean()).astype(np.float64)
        sums = np.bincount(index, centred.ravel(), self.cells.size).reshape(shape)
        counts = np.bincount(index, minlength=self.cells.size).reshape(shape)
        of_counts = np.conj(fft.rfft2(counts.astype(np.float64)))

        def at_all(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
            return np.asarray(fft.irfft2(spectrum, shape), np.float64)

        together = at_all(self._of_cells * np.conj(fft.rfft2(sums)))
        mean = at_all(self._of_cells * of_counts) / strip.size
        spread = at_all(self._of_squares * of_counts) / strip.size - mean**2
        floor = 0.02 * float(self.cells.var())  # where the picture shows nothing, nothing is alike
        scale = np.sqrt(np.maximum(spread, floor)) * max(float(centred.std()), 1e-9) * strip.size
        rest = spread - 2 * together / strip.size + float(centred.var())
        return np.asarray(together / np.maximum(scale, 1e-12), np.float64), np.asarray(rest, np.float64)

    def _leaning(self, strip: Cells, row: int, column: int, sure: float) -> Place:
        """Return the place of a strip that lies about there, with how it leans."""
        width = strip.shape[1]
        steps, weights, middles = [], [], []
        for first in range(0, max(1, width - STRIP // 2), STRIP):
            band = strip[:, first : first + STRIP]
            found = self._step(band, row, column + round(first * self._paces[1]))
            if found is not None:
                steps.append(found[:2])
                weights.append(found[2])
                middles.append(first + band.shape[1] / 2)
        moves = [(0.0, 0.0), (0.0, 0.0)]
        if steps:
            moves = [_straight(np.array(middles), np.array(one), np.array(weights)) for one in zip(*steps, strict=True)]
        (down, along), (right, across) = moves
        return Place(row + along, column + across, down, self._paces[1] + right, self._paces[0], sure)

    def _step(self, band: Cells, row: int, column: int) -> tuple[float, float, float] | None:
        """Return by how many cells a band lies further along and across, and with what weight."""
        reach = [REACH if side > 1 else 0 for side in self.cells.shape]
        rows = row + np.arange(-reach[0], band.shape[0] + reach[0])
        columns = column + np.arange(-reach[1], band.shape[1] + reach[1])
        around = self.cells[np.ix_(rows % self.cells.shape[0], columns % self.cells.shape[1])]
        spread = float(around.std())
        if min(spread, float(band.std())) < 0.1 * float(self.cells.std()):
            return None
        found = cv2.matchTemplate(around, np.ascontiguousarray(band), cv2.TM_CCOEFF_NORMED)
        alike = np.asarray(found, np.float32)
        at = np.unravel_index(int(alike.argmax()), alike.shape)
        best = float(alike[at])
        if not np.isfinite(best) or best < SURE:
            return None
        down = between(alike[:, at[1]], int(at[0])) - reach[0]
        right = between(alike[at[0]], int(at[1])) - reach[1]
        return down, right, best**2 * spread


def _straight(
    places: NDArray[np.float64], steps: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the line (slope, height) through bands' steps, without those that lie apart from the rest."""
    apart = np.abs(steps - np.median(steps))
    kept = apart <= max(2.0, 3 * float(np.median(apart)))
    if kept.sum() >= 3:
        slope, height = np.polyfit(places[kept], steps[kept], 1, w=np.sqrt(weights[kept]))
        if abs(slope) <= MOST_LEAN:
            return float(slope), float(height)
    return 0.0, float(np.average(steps[kept], weights=weights[kept]))


def drawn(stretches: Sequence[Cells], repeat: Repeat) -> Picture | None:
    """Draw the picture of a repeat from good cloth, stretches of cells; None where none of them shows a whole one."""
    if not repeat.is_there or not stretches:
        return None
    along, across = repeat.along_px or CELL_PX, repeat.across_px or CELL_PX
    shape = max(1, round(along / CELL_PX)), max(1, round(across / CELL_PX))
    widest = max(stretches, key=lambda one: min(one.shape[0] / shape[0], one.shape[1] / shape[1]))
    if widest.shape[0] < shape[0] or widest.shape[1] < shape[1]:
        return None
    top, left = (widest.shape[0] - shape[0]) // 2, (widest.shape[1] - shape[1]) // 2
    first = widest[top : top + shape[0], left : left + shape[1]]
    if repeat.along_px is None:
        first = widest[:, left : left + shape[1]].mean(axis=0, keepdims=True)
    if repeat.across_px is None:
        first = widest[top : top + shape[0]].mean(axis=1, keepdims=True)
    picture = Picture(np.ascontiguousarray(first), (along / CELL_PX, across / CELL_PX))
    for _ in range(2):
        sums, counts = np.zeros(shape), np.zeros(shape)
        for stretch in stretches:
            place = None
            for line in range(0, len(stretch) - FEWEST, STRIP):
                strip = stretch[line : line + STRIP]
                place = picture.place(strip, None if place is None else place.moved(STRIP))
                if place is not None and place.alike >= SURE:
                    at = place.at(0, strip.shape[0], strip.shape[1], shape)
                    np.add.at(sums, at, strip - strip.mean() + picture.cells[at].mean())
                    np.add.at(counts, at, 1)
        seen = np.where(counts > 0, sums / np.maximum(counts, 1), picture.cells)
        picture = Picture(np.asarray(seen, np.float32), picture.repeat_cells)
    return picture
