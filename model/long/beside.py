"""This module learns to tell a few places of a profile from what lies beside them.

It is the idea of crossed masks in one dimension: what is hidden is restored from what is shown on both sides, by the
linear rule that errs least on good cloth (ridge regression, as interpolation of a stationary series).  A weave repeats,
so its yarns are told wherever their phase lies; a flaw does not, and is left over.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve, toeplitz

from model.long.look import REACH_PX, WIDTHS, Floats

GUARD_PX = 1
"""Places so near to those hidden are hidden too: no lens shows a flaw with sharp sides."""
RIDGE = 1e-2
LAGS = 2 * REACH_PX + 1


def autocovariance(profiles: Floats) -> np.ndarray:
    """Return the mean product of places up to ``LAGS - 1`` apart, float64 ``[LAGS]``, of float32 ``[n, places]``."""
    n = 1 << int(np.ceil(np.log2(profiles.shape[1] + LAGS)))
    power = np.abs(np.fft.rfft(profiles, n, axis=1)) ** 2
    products = np.fft.irfft(power.sum(0), n)[:LAGS]
    counts = profiles.shape[0] * (profiles.shape[1] - np.arange(LAGS))
    return np.asarray(products / counts, np.float64)


def kernels(covariance: np.ndarray) -> Floats:
    """Return for every width what takes from the mean of hidden places what those beside it say.

    Args:
        covariance: float64 ``[LAGS]`` of good cloth.

    Returns:
        float32 ``[widths, 2 REACH_PX + 1]``, to be correlated with a profile.
    """
    offsets = np.arange(-REACH_PX, REACH_PX + 1)
    out = np.zeros((len(WIDTHS), offsets.size), np.float32)
    matrix = toeplitz(covariance)
    matrix[np.diag_indices_from(matrix)] += RIDGE * max(float(covariance[0]), 1e-12)
    for row, width in zip(out, WIDTHS, strict=True):
        first = -((width - 1) // 2)
        hidden = (offsets >= first) & (offsets < first + width)
        shown = (offsets < first - GUARD_PX) | (offsets >= first + width + GUARD_PX)
        mean = hidden / width
        weights = solve(matrix[np.ix_(shown, shown)], (matrix @ mean)[shown], assume_a="pos")
        row[:] = mean
        row[shown] -= weights
    return out
