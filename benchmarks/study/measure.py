"""This module computes figures of merit from histograms of each image.

Images can thus be drawn again a thousand times (paired bootstrap).
Each image keeps, for each figure, how many good and how many flawed units (images, tiles, pixels, regions) it has at
each score; any weighting of the images then gives the figure by sums.  Scores are compared exactly for images and
tiles, and in some thousand fine steps for pixels (``tests/benchmarks`` compare them with
``station.evaluation.metrics``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from station.evaluation.measure import tiles as tiles_of

FIGURES = ("image_auroc", "tile_auroc", "pixel_auroc", "pixel_ap", "aupro", "pointing")
"""``pointing`` is the share of the flawed images whose highest score lies on a flaw.  An image may also be told from
good ones by its light or its selvedge, which says nothing of the flaw."""
NEAR_PX = 16
FPR_LIMIT = 0.3
STEPS = 3000
RARE = 7.0  # decades from the top that the steps reach: single pixels among ten million

Weights = NDArray[np.float64]
"""These say how often each image was drawn: ``[draws, images]``."""


@dataclass(frozen=True, eq=False)
class Judged:
    """This holds one image's scores and truth inside the web.

    Attributes:
        flawed: whether the image holds a flaw.
        score: highest score.
        pointed: whether that lies within ``NEAR_PX`` of a flaw.
        tiles, tile_truths: highest score and truth of each tile.
        good_pixels, flawed_pixels: scores of the pixels.
        shares: of each flawed pixel, one over the size of its region.
    """

    flawed: bool
    score: float
    pointed: bool
    tiles: NDArray[np.float64]
    tile_truths: NDArray[np.bool_]
    good_pixels: NDArray[np.float32]
    flawed_pixels: NDArray[np.float32]
    shares: NDArray[np.float64]


def judged_image(
    anomaly_map: NDArray[np.float32], truth: NDArray[np.bool_], web: NDArray[np.bool_], *, flawed: bool
) -> Judged:
    """Sort one image's map by its truth; all three ``[lines, width]``."""
    tile_scores, tile_truths = tiles_of(anomaly_map, truth, web)
    counted = truth & web
    near = cv2.dilate(truth.astype(np.uint8), np.ones((2 * NEAR_PX + 1,) * 2, np.uint8))
    labels, _ = ndimage.label(counted, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel()).astype(np.float64)
    return Judged(
        flawed=flawed,
        score=float(anomaly_map.max()),
        pointed=bool(near.flat[int(anomaly_map.argmax())]),
        tiles=tile_scores,
        tile_truths=tile_truths,
        good_pixels=anomaly_map[web & ~truth],
        flawed_pixels=anomaly_map[counted],
        shares=1.0 / sizes[labels[counted]],
    )


class Counts:
    """This counts good and flawed units of each image at each score, from the highest score down.

    Attributes:
        good, flawed: float ``[images, steps]``.
    """

    def __init__(self, good: NDArray[np.float64], flawed: NDArray[np.float64]) -> None:
        self.good = good[:, ::-1]
        self.flawed = flawed[:, ::-1]

    @classmethod
    def of(
        cls,
        good: Sequence[NDArray[np.floating]],
        flawed: Sequence[NDArray[np.floating]],
        steps: NDArray[np.floating],
        shares: Sequence[NDArray[np.float64]] | None = None,
    ) -> Counts:
        """Count scores between ``steps`` (ascending); ``shares`` weigh the flawed ones."""
        weights: Sequence[NDArray[np.float64] | None] = shares if shares is not None else [None] * len(flawed)
        size = len(steps) + 1
        counted = [np.bincount(np.searchsorted(steps, one, "right"), minlength=size) for one in good]
        hit = [
            np.bincount(np.searchsorted(steps, one, "right"), weight, minlength=size)
            for one, weight in zip(flawed, weights, strict=True)
        ]
        return cls(np.array(counted, np.float64), np.array(hit, np.float64))

    def curves(self, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return cumulated false alarms and hits from the highest score down, ``[draws, steps + 1]``."""
        start = np.zeros((len(weights), 1))
        falses = np.concatenate([start, np.cumsum(weights @ self.good, 1)], 1)
        hits = np.concatenate([start, np.cumsum(weights @ self.flawed, 1)], 1)
        return falses, hits


@dataclass(frozen=True, eq=False)
class Tally:
    """A tally holds what a study keeps of a method's maps of one fabric.

    Attributes:
        flawed: bool ``[images]``.
        counts: for each of :data:`FIGURES`.
    """

    flawed: NDArray[np.bool_]
    counts: dict[str, Counts]

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> Tally:
        """Count the images' units; the pixels themselves need not be kept."""
        return cls(np.array([one.flawed for one in judged]), _all_counts(judged))

    def draws(self, count: int, seed: int) -> Weights:
        """Draw images with replacement, good and flawed ones each among themselves: ``[count, images]``."""
        random = np.random.default_rng(seed)
        weights = np.zeros((count, len(self.flawed)))
        for group in (np.flatnonzero(self.flawed), np.flatnonzero(~self.flawed)):
            if len(group):
                weights[:, group] = random.multinomial(len(group), np.full(len(group), 1 / len(group)), size=count)
        return weights


def _all_counts(judged: Sequence[Judged]) -> dict[str, Counts]:
    empty = np.empty(0)
    image = [np.array([one.score]) for one in judged]
    tile = [one.tiles for one in judged]
    pixels = _pixel_steps(judged)
    good, flawed = [one.good_pixels for one in judged], [one.flawed_pixels for one in judged]
    by_pixel = Counts.of(good, flawed, pixels)
    by_region = Counts.of([empty] * len(judged), flawed, pixels, [one.shares for one in judged])
    by_region.good = by_pixel.good
    return {
        "image_auroc": Counts.of(
            [empty if one.flawed else score for one, score in zip(judged, image, strict=True)],
            [score if one.flawed else empty for one, score in zip(judged, image, strict=True)],
            np.unique(np.concatenate(image)),
        ),
        "tile_auroc": Counts.of(
            [one.tiles[~one.tile_truths] for one in judged],
            [one.tiles[one.tile_truths] for one in judged],
            np.unique(np.concatenate(tile)),
        ),
        "pixel_auroc": by_pixel,
        "pixel_ap": by_pixel,
        "aupro": by_region,
        "pointing": Counts(
            np.array([[float(one.flawed and not one.pointed)] for one in judged]),
            np.array([[float(one.flawed and one.pointed)] for one in judged]),
        ),
    }


def _pixel_steps(judged: Sequence[Judged]) -> NDArray[np.float32]:
    """Return steps between pixel scores: even over most, ever finer towards the highest, where precision is decided."""
    sample = np.concatenate([part for one in judged for part in (one.good_pixels[::7], one.flawed_pixels)])
    rare = 1 - np.logspace(-RARE, 0, STEPS)[::-1]
    return np.unique(np.quantile(sample, np.union1d(rare, np.linspace(0, 1, STEPS // 4))).astype(np.float32))


def figure(name: str, counts: Counts, weights: Weights) -> NDArray[np.float64]:
    """Return one of :data:`FIGURES` for each draw ``[draws]``; NaN where a draw holds one class only."""
    falses, hits = counts.curves(weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, fpr = hits / hits[:, -1:], falses / falses[:, -1:]
        if name == "pointing":
            return np.asarray(hits[:, -1] / (hits[:, -1] + falses[:, -1]))
        if name == "pixel_ap":
            precision = np.nan_to_num(hits[:, 1:] / (hits[:, 1:] + falses[:, 1:]))
            return np.asarray((np.diff(recall, axis=1) * precision).sum(1))
        if name == "aupro":
            return np.array([_area_to(FPR_LIMIT, x, y) for x, y in zip(fpr, recall, strict=True)])
        return np.asarray(np.trapezoid(recall, fpr, axis=1))


def _area_to(limit: float, fpr: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    inside = fpr <= limit
    end = float(np.interp(limit, fpr, recall))
    return float(np.trapezoid(np.r_[recall[inside], end], np.r_[fpr[inside], limit]) / limit)
