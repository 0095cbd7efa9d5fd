"""This module finds the pieces of teaching cloth that stand out so far that they are hardly good cloth.

Teaching cloth is never quite clean.  Outliers must not judge themselves, so the distribution of good cloth is estimated
from its lower part alone: the highest scores of pieces follow the distribution of maxima (Gumbel's; Fisher & Tippett,
Proc. Camb. Phil. Soc. 1928), and the median and an upper quantile, which a few flaws hardly move, give its place and
width.  How many pieces may lie how far out follows from that (Benjamini & Hochberg, J. R. Stat. Soc. B 57, 1995): of
the outliers, about one in five is good cloth, and on clean cloth there are mostly none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import genextreme

FEWEST_PIECES = 12
"""With fewer pieces none is an outlier: they do not show what is usual."""
MOST_OUTLIERS = 0.2
"""At most this share of the pieces are outliers; if more stand out, only the highest of them."""
QUANTILES = (0.5, 0.75, 0.875)
"""These quantiles of usual pieces each halve the distance to 1: two give place and width, the third the shape."""
WIDTH_ERROR = 1.9
"""The width of Gumbel's distribution, estimated from two quantiles, has this relative standard error times the root of
the number of pieces.  The distribution is taken to be wider by that error, so that chance among a few pieces makes no
outliers."""
WRONG_OUTLIERS = 0.2
"""Share of the outliers that may be good cloth.  At 0.1 enough faint flaws stayed in a lot of dirty denim to raise the
threshold (``test_dirty_cloth.py``)."""
SHAPE_PIECES = 2000
"""This many pieces show whether their scores fall off more slowly than exponentially."""
SHAPES = np.linspace(0, 0.25, 26)
"""Shapes of the distribution of maxima, Gumbel's first."""
ROUNDS = 10


def find_outliers(peaks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the pieces that stand out.

    Args:
        peaks: float ``[pieces]``, highest score of each piece of cloth that is said to be good.

    Returns:
        bool ``[pieces]``.
    """
    outliers = np.zeros(peaks.size, np.bool_)
    if peaks.size < FEWEST_PIECES:
        return outliers
    order = np.argsort(peaks, kind="stable")[::-1]
    ordered = peaks[order].astype(np.float64)
    candidates = ordered[: int(MOST_OUTLIERS * peaks.size)]
    allowed = WRONG_OUTLIERS * np.arange(1, candidates.size + 1)
    count = 0
    for _ in range(ROUNDS):  # the distribution is estimated again without the outliers
        expected = peaks.size * _exceedance(candidates, ordered[count:])
        outside = np.flatnonzero(expected <= allowed)
        before, count = count, int(outside[-1]) + 1 if outside.size else 0
        if count == before:
            break
    outliers[order[:count]] = True
    return outliers


def _exceedance(peaks: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability that good cloth peaks higher, by the distribution of what is usual."""
    middle, high, higher = np.quantile(usual, QUANTILES)
    if high <= middle:
        return np.where(peaks > middle, 0.0, 1.0)
    shape = 0.0
    if usual.size >= SHAPE_PIECES:
        at_middle, at_high, at_higher = genextreme.ppf(np.array(QUANTILES)[:, None], -SHAPES)
        stretches = (at_higher - at_high) / (at_high - at_middle)
        shape = float(np.interp((higher - high) / (high - middle), stretches, SHAPES))
    law = genextreme(-shape)  # scipy reverses the shape's sign
    at_middle, at_high = law.ppf(QUANTILES[:2])
    width = (high - middle) / (at_high - at_middle) * (1 + WIDTH_ERROR / math.sqrt(usual.size))
    return np.asarray(law.sf(at_middle + (peaks - middle) / width))
