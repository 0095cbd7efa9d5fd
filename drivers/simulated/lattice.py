"""This module draws endless smooth randomness: any place along the machine direction, in any order, always the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_OFFSET = 1 << 40  # seed sequences take no negative numbers, but a loom may run back past its zero
_SPLINE_STD = 0.692  # cubic B-spline over unit white noise: root of the mean of the summed squared weights
_BAND_PX = 64
_ONE_THREAD = 200_000  # multiplications; OpenBLAS starts further threads above 4 * 65,536


def rng_at(seed: int, layer: int, index: int) -> np.random.Generator:
    """Return the generator of one place: the same for the same (seed, layer, index), independent of all others."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, layer, index + _OFFSET))))


def multiply(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply matrices in pieces so small that BLAS keeps to one thread; more would spin and cost the line a core."""
    out = np.empty((left.shape[0], right.shape[1]), np.float32)
    step = max(_ONE_THREAD // max(left.size, 1), 1)
    for first in range(0, right.shape[1], step):
        out[:, first : first + step] = left @ right[:, first : first + step]
    return out


def spline_matrix(positions: NDArray[np.float64], first_knot: int, knots: int) -> NDArray[np.float32]:
    """Return cubic B-spline weights for unit-variance noise.

    Args:
        positions: ``[n]`` places in units of the knot distance; each needs knots floor(p)-1 … floor(p)+2.
        first_knot: number of the first knot held.
        knots: how many knots are held.

    Returns:
        float32 ``[n, knots]``; ``matrix @ white_noise[knots]`` is smooth noise of about unit variance.
    """
    whole = np.floor(positions)
    f = positions - whole
    column = whole.astype(np.int64) - 1 - first_knot
    weights = np.stack([(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3]) / (
        6 * _SPLINE_STD
    )
    matrix = np.zeros((len(positions), knots), np.float32)
    rows = np.arange(len(positions))
    for step in range(4):
        matrix[rows, column + step] = weights[step]
    return matrix


class SmoothRows:
    """Smooth rows hold random values; each column is smooth along the machine direction and independent of the others.

    Args:
        seed, layer: which randomness.
        knot_lines: lines between knots; structures are about two knots long.
        columns: values per row.
    """

    def __init__(self, seed: int, layer: int, knot_lines: float, columns: int) -> None:
        self._knot_lines = knot_lines

        def draw(knot: int) -> NDArray[np.float32]:
            return rng_at(seed, layer, knot).standard_normal(columns, np.float32)

        self._knot = lru_cache(maxsize=128)(draw)

    def rows(self, first_line: int, lines: int) -> NDArray[np.float32]:
        """Return float32 ``[lines, columns]`` of unit variance."""
        positions = np.arange(first_line, first_line + lines, dtype=np.float64) / self._knot_lines
        first = int(np.floor(positions[0])) - 1
        count = int(np.floor(positions[-1])) + 3 - first
        knots = np.stack([self._knot(first + k) for k in range(count)])
        return multiply(spline_matrix(positions, first, count), knots)


class SplineSpread:
    """A spline spread spreads knots over columns by :func:`spline_matrix`, a band of columns at a time.

    Args:
        knot_px: distance of knots.
        width_px: columns.
    """

    def __init__(self, knot_px: float, width_px: int) -> None:
        places = np.arange(width_px, dtype=np.float64) / knot_px
        self.knots = int(places[-1]) + 4
        self._bands = []
        for first in range(0, width_px, _BAND_PX):
            band = places[first : first + _BAND_PX]
            low, high = (
                int(band[0]),
                int(band[-1]) + 4,
            )  # the column's knots lie one before to two after it, kept from 1
            self._bands.append((low, high, np.ascontiguousarray(spline_matrix(band, low - 1, high - low).T)))

    def spread(self, knots: NDArray[np.float32], first_px: int, px: int) -> NDArray[np.float32]:
        """Return float32 ``[n, px]`` columns from ``first_px`` on, of knots ``[n, self.knots]``."""
        out = np.empty((knots.shape[0], px), np.float32)
        for index in range(first_px // _BAND_PX, (first_px + px - 1) // _BAND_PX + 1):
            low, high, weights = self._bands[index]
            start = max(index * _BAND_PX, first_px)
            end = min(index * _BAND_PX + weights.shape[1], first_px + px)
            part = weights[:, start - index * _BAND_PX : end - index * _BAND_PX]
            out[:, start - first_px : end - first_px] = multiply(knots[:, low:high], part)
        return out


class SmoothField:
    """A smooth field is smooth noise over lines and columns: :class:`SmoothRows` spread across by splines.

    Args:
        seed, layer: which randomness.
        knot_lines, knot_px: distance of knots along and across.
        width_px: columns.
    """

    def __init__(self, seed: int, layer: int, knot_lines: float, knot_px: float, width_px: int) -> None:
        self._across = SplineSpread(knot_px, width_px)
        self._rows = SmoothRows(seed, layer, knot_lines, self._across.knots)

    def region(self, first_line: int, lines: int, first_px: int, px: int) -> NDArray[np.float32]:
        """Return float32 ``[lines, px]`` of unit variance."""
        return self._across.spread(self._rows.rows(first_line, lines), first_px, px)
