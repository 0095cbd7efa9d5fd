"""Thresholds from good cloth: how often a score is exceeded, with the honesty to say how far that is extrapolated.

Method: peaks over threshold.  The highest score of each patch of held-back good cloth above a high quantile follows a
generalised Pareto law (Pickands 1975); its parameters by L-moments (Hosking & Wallis, Technometrics 1987), which hold
up on few samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, genpareto

TAIL_SHARE = (0.02, 0.25)
TAIL_PATCHES = 100
"""The law holds the better the higher it starts, and needs about a hundred patches above: the tail is the share of the
patches that holds about so many, within the range."""
SHAPE_RANGE = (0.0, 0.25)
"""A bounded tail (negative shape) is never assumed: cloth not yet seen may always score higher."""
SHAPE_PATCHES = 50
"""From fewer patches in the tail its shape cannot be told; then it is taken as exponential (shape 0)."""
MIN_PATCHES = 12


@dataclass(frozen=True)
class TailFit:
    """Tail of the patch peaks of good cloth.

    Attributes:
        start: score above which the law holds; ``share`` of the patches lie above it.
        shape, scale: of the generalised Pareto law of the excess.
        patches: number of patches it was fitted on.
    """

    start: float
    share: float
    shape: float
    scale: float
    patches: int

    def exceedance(self, score: float) -> float:
        """Probability that a patch of good cloth peaks above ``score`` (at most ``share`` below ``start``)."""
        if score <= self.start:
            return self.share
        return self.share * float(genpareto.sf(score - self.start, self.shape, scale=self.scale))

    def score_at(self, probability: float) -> float:
        """Score that a patch of good cloth exceeds with ``probability``; the inverse of :meth:`exceedance`."""
        if probability >= self.share:
            return self.start
        return self.start + float(genpareto.isf(probability / self.share, self.shape, scale=self.scale))


def fit_tail(peaks: NDArray[np.float32]) -> TailFit:
    """Fit the tail of patch peaks.

    Args:
        peaks: float ``[patches]``, highest raw score of each patch of good cloth.

    Raises:
        ValueError: fewer than ``MIN_PATCHES`` patches.
    """
    if peaks.size < MIN_PATCHES:
        raise ValueError(f"{peaks.size} patches of good cloth are too few; at least {MIN_PATCHES} are needed")
    ordered = np.sort(np.asarray(peaks, dtype=np.float64))
    share = float(np.clip(TAIL_PATCHES / peaks.size, *TAIL_SHARE))
    start = float(np.quantile(ordered, 1 - share))
    excess = ordered[ordered > start] - start
    if excess.size < 2 or excess[-1] <= 0:
        return TailFit(start, share, 0.0, max(1e-6, 1e-3 * abs(start)), peaks.size)
    mean = float(excess.mean())
    ranks = (np.arange(excess.size) / (excess.size - 1)) if excess.size > 1 else np.zeros(1)
    l2 = 2 * float((ranks * excess).mean()) - mean
    hosking_k = mean / max(l2, 1e-12) - 2
    shape = float(np.clip(-hosking_k, *SHAPE_RANGE)) if excess.size >= SHAPE_PATCHES else 0.0
    # With the shape held, the mean excess of the law, scale / (1 - shape), gives the scale.
    return TailFit(start, share, shape, mean * (1 - shape), peaks.size)


def patches_per_100_m(web_mm: float, patch_mm: float, step_mm: float) -> float:
    """Patches judged on 100 m of a web: tile columns across times tile rows along.

    Args:
        web_mm: inspected width.
        patch_mm: side of a patch.
        step_mm: distance between patches, both ways (the side less the overlap).
    """
    across = max(1.0, np.ceil((web_mm - patch_mm) / step_mm) + 1)
    return float(across * 100_000.0 / step_mm)


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Exact (Garwood 1936) interval for the mean of a Poisson count."""
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * count) / 2) if count else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * count + 2) / 2)
