"""Figures of merit of anomaly scores and maps.  Pure numpy and scipy; ties are handled exactly.

AUROC, average precision and F1-max agree with scikit-learn; AUPRO follows Bergmann et al., "Uninformed Students"
(CVPR 2020): mean overlap with the true regions over the false-positive rate, up to a limit of 0.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from model.errors import ModelError

FPR_LIMIT = 0.3


def auroc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under the receiver operating characteristic.

    Args:
        truth: bool ``[N]``.
        scores: finite ``[N]``, higher is more anomalous.

    Returns:
        0..1.

    Raises:
        ModelError: lengths differ, a score is not finite, or only one class is present.
    """
    hits, falses = _curve(truth, scores)
    return float(np.trapezoid(np.r_[0.0, hits] / hits[-1], np.r_[0.0, falses] / falses[-1]))


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Average precision, the step-wise area under precision over recall (as :func:`auroc` otherwise)."""
    hits, falses = _curve(truth, scores)
    gained = np.diff(np.r_[0.0, hits]) / hits[-1]
    return float(np.sum(gained * hits / (hits + falses)))


def f1_max(truth: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Highest F1 over all thresholds, and the threshold (score >= it counts as found)."""
    flags, values = _checked(truth, scores)
    hits, falses = _curve(flags, values)
    f1 = 2 * hits / (hits[-1] + hits + falses)
    best = int(np.argmax(f1))
    return float(f1[best]), float(np.unique(values)[::-1][best])


def pixel_auroc(
    truths: Sequence[NDArray[np.bool_]],
    maps: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]] | None = None,
) -> float:
    """:func:`auroc` over the pixels of all images (``[h, w]`` each); ``valid`` says which pixels count."""
    return auroc(*_flat(truths, maps, valid))


def pixel_average_precision(
    truths: Sequence[NDArray[np.bool_]],
    maps: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]] | None = None,
) -> float:
    """:func:`average_precision` over the pixels of all images; arguments as :func:`pixel_auroc`."""
    return average_precision(*_flat(truths, maps, valid))


def pixel_f1_max(
    truths: Sequence[NDArray[np.bool_]],
    maps: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]] | None = None,
) -> tuple[float, float]:
    """:func:`f1_max` over the pixels of all images; arguments as :func:`pixel_auroc`."""
    return f1_max(*_flat(truths, maps, valid))


def aupro(
    truths: Sequence[NDArray[np.bool_]],
    maps: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]] | None = None,
    fpr_limit: float = FPR_LIMIT,
) -> float:
    """Area under the per-region overlap, normalised to 1.

    Each 8-connected true region counts the same, whatever its size.  Exact: the curve is integrated over every
    distinct score, linear between them, and cut at the limit.

    Args:
        truths: bool ``[h, w]`` per image.
        maps: finite float32 ``[h, w]`` per image.
        valid: bool ``[h, w]`` per image, False where a pixel does not count; all of it by default.
        fpr_limit: false-positive rate up to which to integrate, in (0, 1].

    Returns:
        0..1.

    Raises:
        ModelError: shapes differ, a value is not finite, no true region or no good pixel is left.
    """
    if not 0 < fpr_limit <= 1:
        raise ModelError(f"The false-positive limit {fpr_limit} is impossible: choose one above 0 and up to 1.")
    flags, scores = _flat(truths, maps, valid)
    weights = _region_weights(truths, valid)
    order = np.argsort(-scores, kind="stable")
    last = _last_of_ties(scores[order])
    falses = np.cumsum(~flags[order])[last].astype(np.float64)
    overlap = np.cumsum(weights[order])[last]
    if falses[-1] == 0 or overlap[-1] == 0:
        raise ModelError("AUPRO needs flawed and good pixels: give masks that hold both.")
    fpr, pro = np.r_[0.0, falses / falses[-1]], np.r_[0.0, overlap / overlap[-1]]
    inside = fpr <= fpr_limit
    at_limit = float(np.interp(fpr_limit, fpr, pro))
    return float(np.trapezoid(np.r_[pro[inside], at_limit], np.r_[fpr[inside], fpr_limit]) / fpr_limit)


def _region_weights(
    truths: Sequence[NDArray[np.bool_]], valid: Sequence[NDArray[np.bool_]] | None
) -> NDArray[np.float64]:
    """For every pixel that counts, the share of its region (0 on good cloth)."""
    parts: list[NDArray[np.float64]] = []
    for index, truth in enumerate(truths):
        counted = np.ones(np.shape(truth), bool) if valid is None else np.asarray(valid[index], bool)
        flawed = np.asarray(truth, bool) & counted
        labels, regions = ndimage.label(flawed, structure=np.ones((3, 3)))
        sizes = np.bincount(labels.ravel(), minlength=regions + 1).astype(np.float64)
        share = np.r_[0.0, 1.0 / sizes[1:]]
        parts.append(share[labels[counted]])
    return np.concatenate(parts) if parts else np.empty(0)


def _flat(
    truths: Sequence[NDArray[np.bool_]],
    maps: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]] | None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """The pixels that count, of all images in a row."""
    if not len(truths) or len(truths) != len(maps) or (valid is not None and len(valid) != len(maps)):
        raise ModelError(f"{len(maps)} maps cannot be judged by {len(truths)} masks: give one mask for each map.")
    flags: list[NDArray[np.bool_]] = []
    scores: list[NDArray[np.float32]] = []
    for index, (truth, one) in enumerate(zip(truths, maps, strict=True)):
        counted = np.ones(np.shape(one), bool) if valid is None else np.asarray(valid[index], bool)
        if np.shape(truth) != np.shape(one) or counted.shape != np.shape(one):
            raise ModelError(f"Mask {index} has not the size of its map {np.shape(one)}: give masks of the same size.")
        flags.append(np.asarray(truth, bool)[counted])
        scores.append(np.asarray(one, np.float32)[counted])
    return np.concatenate(flags), np.concatenate(scores)


def _checked(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    flags, values = np.asarray(truth, bool).ravel(), np.asarray(scores).ravel()
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    if flags.size != values.size:
        raise ModelError(f"{values.size} scores cannot be judged by {flags.size} labels: give as many of both.")
    if not np.isfinite(values).all():
        raise ModelError("A score is not a finite number: the map or the model that made it is damaged.")
    return flags, values


def _last_of_ties(ordered: NDArray[np.floating]) -> NDArray[np.intp]:
    """Index of the last of each run of equal scores."""
    return np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])


def _curve(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cumulated hits and false alarms at each distinct score, from the highest down."""
    flags, values = _checked(truth, scores)
    if flags.all() or not flags.any():
        raise ModelError("Only one class is present: the figure needs good and flawed examples.")
    order = np.argsort(-values, kind="stable")
    flags = flags[order]
    last = _last_of_ties(values[order])
    hits = np.cumsum(flags)[last].astype(np.float64)
    return hits, last + 1.0 - hits
