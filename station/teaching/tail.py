"""This module estimates how often good cloth exceeds a score, and says how far that is extrapolated.

The method is extreme values.  The highest score of each patch of held-out good cloth is a maximum and follows the law
of maxima (Gumbel's; Fisher & Tippett, Proc. Camb. Phil. Soc. 1928), fitted to the upper part of the patches alone.
Where there is plenty of cloth, the peaks above a high quantile follow a generalised Pareto law (Pickands 1975) whose
shape can be estimated as well; its parameters come from L-moments (Hosking & Wallis, Technometrics 1987).  Drawing the
cloth again from itself (bootstrap) shows how certain the result is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, genpareto, gumbel_r

TAIL_SHARE = (0.02, 0.4)
TAIL_PATCHES = 200
"""A law of extremes fits better the higher it starts, and needs some patches above: the upper part is the share of the
patches that holds about ``TAIL_PATCHES``, within the range ``TAIL_SHARE``."""
SHAPE_RANGE = (0.0, 0.25)
"""A bounded tail (negative shape) is never assumed: cloth not yet seen may always score higher."""
SHAPE_SHARE = 0.1
"""The tail shows its shape only this high up; with too few patches there, it is Gumbel's, exponential (shape 0)."""
MIN_PATCHES = 12
RESAMPLES = 400


@dataclass(frozen=True)
class TailFit:
    """A fit describes the tail of the patch peaks of good cloth.

    Attributes:
        start: score above which the law holds; ``share`` of the patches are above it.
        shape, scale: of the generalised Pareto law of the excess.
    """

    start: float
    share: float
    shape: float
    scale: float

    def exceedance(self, score: float) -> float:
        """Return the probability that a patch of good cloth peaks above ``score`` (``share`` below ``start``)."""
        if score <= self.start:
            return self.share
        return self.share * float(genpareto.sf(score - self.start, self.shape, scale=self.scale))

    def score_at(self, probability: float) -> float:
        """Return the score that a patch of good cloth exceeds with ``probability``; inverse of :meth:`exceedance`."""
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
    ordered, share = _upper(peaks)
    return _by_excess(ordered, share) if share <= SHAPE_SHARE else _by_maxima(ordered, share)


def _upper(peaks: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    ordered = np.sort(np.asarray(peaks, dtype=np.float64))
    return ordered, float(np.clip(TAIL_PATCHES / peaks.size, *TAIL_SHARE))


def _by_excess(ordered: NDArray[np.float64], share: float, shape: float | None = None) -> TailFit:
    """Fit Pareto's law to the excess over the lower ``1 - share``; with the given shape, or the shape that shows."""
    start = float(np.quantile(ordered, 1 - share))
    excess = ordered[ordered > start] - start
    if excess.size < 2:
        return TailFit(start, share, 0.0, _least(start))
    mean = float(excess.mean())
    if shape is None:
        l2 = 2 * float((np.linspace(0, 1, excess.size) * excess).mean()) - mean
        shape = float(np.clip(2 - mean / max(l2, 1e-12), *SHAPE_RANGE))
    # With the shape held, the mean excess of the law, scale / (1 - shape), gives the scale.
    return TailFit(start, share, shape, max(mean * (1 - shape), _least(start)))


def _by_maxima(ordered: NDArray[np.float64], share: float) -> TailFit:
    """Fit a straight line through the upper ranks on Gumbel's paper, each weighted by how certain its score is."""
    rank = np.arange(max(3, round(share * ordered.size)), 0, -1)  # from the top
    paper = gumbel_r.ppf(1 - (rank - 0.44) / (ordered.size + 0.12))  # plotting positions of Gringorten (1963)
    scale, place = np.polyfit(paper, ordered[-rank.size :], 1, w=np.sqrt(rank))
    start = float(place + scale * gumbel_r.isf(TAIL_SHARE[0]))
    return TailFit(start, TAIL_SHARE[0], 0.0, max(float(scale), _least(start)))


def _least(start: float) -> float:
    """Return the least scale of a tail: cloth not yet seen is never quite like the cloth seen."""
    return max(1e-6, 1e-3 * abs(start))


FEWEST_STRETCHES = 10
"""With fewer stretches each draw would be nearly the same cloth; then single patches are drawn."""


def exceedance_interval(
    stretches: Sequence[NDArray[np.float32]], score: float, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the interval of the probability that a patch of good cloth peaks above ``score``, given the cloth seen.

    Stretches of cloth are drawn again with replacement, since neighbouring patches score alike, and the tail is fitted
    to each draw.  The law is not known either: half of the draws take Gumbel's, half Pareto's, with the shape that
    shows or, where too few patches show one, any shape within ``SHAPE_RANGE``.

    Args:
        stretches: peaks of neighbouring patches, float ``[patches]`` each; ``MIN_PATCHES`` or more in all.
    """
    random = np.random.default_rng(seed)
    drawn: list[float] = []
    if len(stretches) < FEWEST_STRETCHES:
        stretches = np.split(np.concatenate(stretches), sum(map(len, stretches)))
    while len(drawn) < RESAMPLES:
        chosen = random.integers(len(stretches), size=len(stretches))
        ordered, share = _upper(np.concatenate([stretches[i] for i in chosen]))
        untold = random.uniform(*SHAPE_RANGE) if ordered.size * TAIL_SHARE[1] < TAIL_PATCHES else None
        if ordered.size >= MIN_PATCHES:
            tail = _by_excess(ordered, share, untold) if len(drawn) % 2 else _by_maxima(ordered, share)
            drawn.append(tail.exceedance(score))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def patches_per_100_m(web_mm: float, patch_mm: float, step_mm: float, along_mm: float | None = None) -> float:
    """Count the patches judged on 100 m of a web: tile columns across times tile rows along.

    Args:
        web_mm: inspected width.
        patch_mm: side of a patch.
        step_mm: distance between patches (the side less the overlap).
        along_mm: the same distance along the web, if it differs.
    """
    across = max(1.0, np.ceil((web_mm - patch_mm) / step_mm) + 1)
    return float(across * 100_000.0 / (along_mm or step_mm))


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact (Garwood 1936) interval for the mean of a Poisson count."""
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * count) / 2) if count else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * count + 2) / 2)
