"""This module turns lines of pixels into the means that the long look works on, and takes the light off them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model.long.look import LIGHT_PX, REACH_PX, THICK_PX, Floats

YARN_PX = 5
"""Bands are looked for where so many px are averaged: a band has yarns in it, too."""
LEAST_LINES = 4
"""Fewer lines than this at the end of a run are left out."""


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean is the sum of some lines over each column.

    Attributes:
        first_line, lines: which lines, from the start of the run.
        sums: float32 ``[width]`` mean grey of each column.
        left_px, right_px: columns that were web on all of its lines.
    """

    first_line: int
    lines: int
    sums: Floats
    left_px: int
    right_px: int


def column_sums(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Sum the lines of uint8 ``[lines, width]`` or ``[lines, width, 3]`` (channels together), int32 ``[width]``."""
    lines, width = pixels.shape[:2]
    summed = cv2.reduce(pixels.reshape(lines, -1), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
    return np.asarray(summed if pixels.ndim == 2 else summed.reshape(width, -1).sum(1), np.int32)


class LineSums:
    """The sums gather lines until a mean of ``step_lines`` is full; how the lines come in does not matter."""

    def __init__(self, step_lines: int) -> None:
        self._step = step_lines
        self._first = 0
        self._restart()

    def _restart(self) -> None:
        self._sum: NDArray[np.int32] | None = None
        self._lines = 0
        self._left = 0
        self._right = 1 << 30

    def push(self, pixels: NDArray[np.uint8], left_px: int, right_px: int) -> Iterator[Mean]:
        """Take the next lines; yield each mean that they fill."""
        scale = 1 if pixels.ndim == 2 else pixels.shape[2]
        while pixels.shape[0]:
            part, pixels = pixels[: self._step - self._lines], pixels[self._step - self._lines :]
            summed = column_sums(part)
            self._sum = summed if self._sum is None else self._sum + summed
            self._lines += part.shape[0]
            self._left = max(self._left, left_px)
            self._right = min(self._right, right_px)
            if self._lines == self._step:
                yield self._mean(scale)

    def end(self) -> Iterator[Mean]:
        """End the run; yield the mean of the lines left over, if they are enough."""
        if self._sum is not None and self._lines >= LEAST_LINES:
            yield self._mean(1)
        self._restart()
        self._first = 0

    def _mean(self, scale: int) -> Mean:
        assert self._sum is not None
        sums = self._sum.astype(np.float32) / np.float32(self._lines * scale)
        mean = Mean(self._first, self._lines, sums, self._left, max(self._left, self._right))
        self._first += self._lines
        self._restart()
        return mean


def strip_means(pixels: NDArray[np.uint8], left_px: int, right_px: int, cells: int, cell_px: int) -> Floats:
    """Average every line over strips of columns that follow the web's left edge.

    Returns:
        float32 ``[cells, lines]`` mean grey, 0 where a strip is not all on the web.
    """
    lines, width = pixels.shape[:2]
    fits = max(0, min((min(right_px, width) - left_px) // cell_px, cells))
    means = np.zeros((cells, lines), np.float32)
    if fits and lines:
        view = np.ascontiguousarray(pixels[:, left_px : left_px + fits * cell_px]).reshape(lines * fits, -1)
        summed = cv2.reduce(view, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
        means[:fits] = summed.reshape(lines, fits).T
    return means


def without_light(means: Floats, low: int, high: int) -> Floats:
    """Return how much brighter each place is than the light around it, float32 of the same shape ``[n, places]``.

    It is 0 outside ``[low, high)``, and everywhere where that is too narrow to tell.
    """
    relative = np.zeros_like(means)
    if high - low <= 2 * REACH_PX:
        return relative
    inside = np.ascontiguousarray(means[:, low:high])
    light = cv2.blur(inside, (LIGHT_PX, 1), borderType=cv2.BORDER_REFLECT_101)
    relative[:, low:high] = inside / np.maximum(light, np.float32(1e-3)) - np.float32(1)
    return relative


def bands(relative: Floats) -> Floats:
    """Return by how much :data:`THICK_PX` places around each stand out as a whole, float32 ``[n, places]``."""
    kernel = np.ones((1, THICK_PX), np.uint8)
    smooth = cv2.blur(relative, (YARN_PX, 1), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(np.maximum(cv2.erode(smooth, kernel), -cv2.dilate(smooth, kernel)))


def beside_bands(relative: Floats, thick: float) -> NDArray[np.bool_] | None:
    """Return the places whose light or surroundings such a band spoils, bool ``[n, places]``; None: there is none."""
    found = bands(relative) > thick
    if not found.any():
        return None
    reach = np.ones((1, 2 * (REACH_PX + LIGHT_PX // 2 + THICK_PX) + 1), np.uint8)
    return np.asarray(cv2.dilate(found.astype(np.uint8), reach), np.bool_)


def filtered(relative: Floats, low: int, high: int, kernels: Floats) -> Floats:
    """Take from the mean of a few places what those beside it say.

    Args:
        relative: float32 ``[n, places]`` of :func:`without_light`.
        kernels: float32 ``[widths, taps]``.

    Returns:
        float32 ``[n, widths, places]``, 0 outside ``[low, high)``.
    """
    out = np.zeros((relative.shape[0], len(kernels), relative.shape[1]), np.float32)
    if high - low > 2 * REACH_PX:
        inside = np.ascontiguousarray(relative[:, low:high])
        for index, kernel in enumerate(kernels):
            out[:, index, low:high] = cv2.filter2D(inside, cv2.CV_32F, kernel[None], borderType=cv2.BORDER_REFLECT_101)
    return out
