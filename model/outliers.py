"""Which of many pieces of good cloth stand out so far that they hardly are good cloth.

Teaching cloth is never quite clean.  Outliers must not judge themselves, so the law of good cloth is told from its
lower part alone: the highest scores of pieces follow the law of maxima (Gumbel's; Fisher & Tippett, Proc. Camb. Phil.
Soc. 1928), and the median and an upper quantile, which a few flaws hardly move, say where it lies and how wide it is.
How many pieces may lie how far out follows from that (Benjamini & Hochberg, J. R. Stat. Soc. B 57, 1995): of the
outliers, about one in five is good cloth, and on clean cloth there mostly are none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import genextreme

FEWEST_PIECES = 12
"""Of fewer pieces none is an outlier: they do not show what is usual."""
MOST_OUTLIERS = 0.2
"""Share of the pieces; if more stand out, only the highest of them are outliers."""
QUANTILES = (0.5, 0.75, 0.875)
"""Of usual pieces, each half as far from the end as the last: two tell place and width, the third the shape."""
WIDTH_ERROR = 1.9
"""Standard error of the law's width as two quantiles tell it, of Gumbel's law, times the root of how many pieces tell:
the law is taken to be so much wider, that chance among a few pieces makes no outliers."""
WRONG_OUTLIERS = 0.2
"""At 0.1 enough faint flaws stayed on much dirty denim to raise the threshold (``test_dirty_cloth.py``)."""
SHAPE_PIECES = 2000
"""Of so many pieces it can be told whether their scores fall off more slowly than exponentially."""
SHAPES = np.linspace(0, 0.25, 26)
"""Of the law of maxima, from Gumbel's on."""
ROUNDS = 10


def find_outliers(peaks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pieces stand out.

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
    for _ in range(ROUNDS):  # the law is told anew without the outliers
        expected = peaks.size * _exceedance(candidates, ordered[count:])
        outside = np.flatnonzero(expected <= allowed)
        before, count = count, int(outside[-1]) + 1 if outside.size else 0
        if count == before:
            break
    outliers[order[:count]] = True
    return outliers


def _exceedance(peaks: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that good cloth peaks higher, by the law of what is usual."""
    middle, high, higher = np.quantile(usual, QUANTILES)
    if high <= middle:
        return np.where(peaks > middle, 0.0, 1.0)
    shape = 0.0
    if usual.size >= SHAPE_PIECES:
        at_middle, at_high, at_higher = genextreme.ppf(np.array(QUANTILES)[:, None], -SHAPES)
        stretches = (at_higher - at_high) / (at_high - at_middle)
        shape = float(np.interp((higher - high) / (high - middle), stretches, SHAPES))
    law = genextreme(-shape)  # scipy turns the shape's sign
    at_middle, at_high = law.ppf(QUANTILES[:2])
    width = (high - middle) / (at_high - at_middle) * (1 + WIDTH_ERROR / math.sqrt(usual.size))
    return np.asarray(law.sf(at_middle + (peaks - middle) / width))
