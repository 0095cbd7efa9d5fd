"""This module computes figures of merit of anomaly scores and maps in pure numpy and scipy, with ties handled exactly.

AUROC, average precision and F1-max agree with scikit-learn; AUPRO follows Bergmann et al., "Uninformed Students"
(CVPR 2020): mean overlap with the true regions over the false-positive rate, up to a limit of 0.3.

Pixels are counted by score, not kept: a data set has up to a thousand million of them.  Scores that agree in sign,
exponent and the first 12 bits of their fraction (one part in 4096) count as tied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from model.errors import ModelError

FPR_LIMIT = 0.3
DROPPED_BITS = 11
"""This many bits of a float32 score are dropped, so that about two million different scores are left."""

Floats = NDArray[np.float64]


def auroc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic.

    Args:
        truth: bool ``[N]``.
        scores: finite ``[N]``, higher is more anomalous.

    Returns:
        0..1.

    Raises:
        ModelError: lengths differ, a score is not finite, or only one class is present.
    """
    return _area(*_curve(truth, scores))


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision, the step-wise area under precision over recall (otherwise as :func:`auroc`)."""
    return _mean_precision(*_curve(truth, scores))


def f1_max(truth: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Return the highest F1 over all thresholds, and its threshold (a score >= it counts as found)."""
    flags, values = _checked(truth, scores)
    hits, falses = _curve(flags, values)
    f1 = 2 * hits / (hits[-1] + hits + falses)
    best = int(np.argmax(f1))
    return float(f1[best]), float(np.unique(values)[::-1][best])


class PixelScores:
    """This counts the pixels of many maps by score as the maps come; memory does not grow with them."""

    def __init__(self) -> None:
        steps = 1 << (32 - DROPPED_BITS)
        self._good = np.zeros(steps)
        self._flawed = np.zeros(steps)
        self._overlap = np.zeros(steps)

    def add(
        self, truth: NDArray[np.bool_], anomaly_map: NDArray[np.float32], valid: NDArray[np.bool_] | None = None
    ) -> None:
        """Count one image.

        Args:
            truth: bool ``[h, w]``.
            anomaly_map: finite float32 ``[h, w]``.
            valid: bool ``[h, w]``, False where a pixel does not count; by default all count.

        Raises:
            ModelError: shapes differ, or a value is not finite.
        """
        flawed, scores = np.asarray(truth, bool), np.asarray(anomaly_map, np.float32)
        counted = np.ones(scores.shape, bool) if valid is None else np.asarray(valid, bool)
        if not flawed.shape == scores.shape == counted.shape:
            raise ModelError(f"A mask has not the size of its map {scores.shape}: give masks of the same size.")
        if not np.isfinite(scores[counted]).all():
            raise ModelError("A score is not a finite number: the map or the model that made it is damaged.")
        good, flawed = counted & ~flawed, counted & flawed
        size = self._good.size
        self._good += np.bincount(_step(scores[good]), minlength=size)
        if flawed.any():
            steps = _step(scores[flawed])
            self._flawed += np.bincount(steps, minlength=size)
            self._overlap += np.bincount(steps, _region_shares(flawed), minlength=size)

    def auroc(self) -> float:
        """Return :func:`auroc` over the pixels.  Raises ModelError if only one class is present; so do the others."""
        return _area(*self._curve(self._flawed))

    def average_precision(self) -> float:
        """Return :func:`average_precision` over the pixels."""
        return _mean_precision(*self._curve(self._flawed))

    def aupro(self, fpr_limit: float = FPR_LIMIT) -> float:
        """Return the area under the per-region overlap, normalised to 1.

        Each 8-connected true region counts the same, whatever its size.  The curve is integrated over every distinct
        score, linear between them, and cut at the limit.

        Args:
            fpr_limit: false-positive rate up to which to integrate, in (0, 1].
        """
        if not 0 < fpr_limit <= 1:
            raise ModelError(f"The false-positive limit {fpr_limit} is impossible: choose one above 0 and up to 1.")
        overlap, falses = self._curve(self._overlap)
        fpr, pro = np.r_[0.0, falses / falses[-1]], np.r_[0.0, overlap / overlap[-1]]
        inside = fpr <= fpr_limit
        at_limit = float(np.interp(fpr_limit, fpr, pro))
        return float(np.trapezoid(np.r_[pro[inside], at_limit], np.r_[fpr[inside], fpr_limit]) / fpr_limit)

    def _curve(self, flawed: Floats) -> tuple[Floats, Floats]:
        """Return :func:`_curve` of the counted pixels."""
        seen = np.flatnonzero((self._good > 0) | (self._flawed > 0))[::-1]
        return _both_present(np.cumsum(flawed[seen]), np.cumsum(self._good[seen]))


def _step(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return float32 scores as integers in the same order, without their last bits."""
    bits = (scores + np.float32(0)).view(np.uint32)  # the sum turns -0 into 0
    sign = np.uint32(1 << 31)
    return np.where(bits & sign, ~bits, bits | sign) >> np.uint32(DROPPED_BITS)


def _region_shares(flawed: NDArray[np.bool_]) -> Floats:
    """Return for every flawed pixel, in order, its share of its region."""
    labels, _ = ndimage.label(flawed, structure=np.ones((3, 3)))
    own = labels[flawed]
    return 1.0 / np.bincount(own)[own]


def _checked(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    flags, values = np.asarray(truth, bool).ravel(), np.asarray(scores).ravel()
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    if flags.size != values.size:
        raise ModelError(f"{values.size} scores cannot be judged by {flags.size} labels: give as many of both.")
    if not np.isfinite(values).all():
        raise ModelError("A score is not a finite number: the map or the model that made it is damaged.")
    return flags, values


def _curve(truth: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Return cumulated hits and false alarms at each distinct score, from the highest down."""
    flags, values = _checked(truth, scores)
    order = np.argsort(-values, kind="stable")
    ordered, flags = values[order], flags[order]
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True]) if flags.size else np.empty(0, np.intp)
    return _both_present(np.cumsum(flags)[last].astype(np.float64), np.cumsum(~flags)[last].astype(np.float64))


def _both_present(hits: Floats, falses: Floats) -> tuple[Floats, Floats]:
    if not hits.size or hits[-1] == 0 or falses[-1] == 0:
        raise ModelError("Only one class is present: the figure needs good and flawed examples.")
    return hits, falses


def _area(hits: Floats, falses: Floats) -> float:
    return float(np.trapezoid(np.r_[0.0, hits] / hits[-1], np.r_[0.0, falses] / falses[-1]))


def _mean_precision(hits: Floats, falses: Floats) -> float:
    gained = np.diff(np.r_[0.0, hits]) / hits[-1]
    return float(np.sum(gained * hits / (hits + falses)))
