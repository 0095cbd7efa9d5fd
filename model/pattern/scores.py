"""This module judges patterned cloth by where in its repeat it lies: how high good cloth scores there, and how evenly.

A network restores what is woven beside a place; where a stripe begins or a flower ends, it errs on good cloth too, and
a threshold for all the cloth would be set by these places.  So each score is taken relative to the mean of its own
place in the repeat, and held against what good cloth spreads by there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model.pattern.picture import Indices, Picture

SPREADS = 6.0
"""A score so many spreads above the mean of its place counts the same everywhere; limits lie about there."""
LEAST_SPREAD = 0.3
"""No place counts as more even than this share of the usual spread."""
ENOUGH = 60.0
"""Where fewer cells of good cloth were seen at a place, its neighbours join in."""
FEWEST = 4.0
"""With fewer cells than this at a place of the repeat, on average, the pattern is not modelled."""
WORTH = 0.15
"""The pattern is modelled where so much of the scores' variance on good cloth comes from it."""
HIGH = 0.99
TINY = np.float32(1e-3)

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A pattern is one repeat of a cloth with how good cloth scores at each of its places.

    Attributes:
        picture: one repeat.
        mean, spread: float32 ``[lines, columns]`` of good cloth's scores at each of the picture's cells.
    """

    picture: Picture
    mean: Scores
    spread: Scores

    @property
    def usual(self) -> float:
        """Give the score that good cloth usually has; what is judged lies around it."""
        return float(np.median(self.mean))

    def judged(self, scores: Scores, at: tuple[Indices, Indices] | None) -> tuple[Scores, Scores]:
        """Return scores relative to their places' means, and what they are to be divided by, float32 of their shape.

        Args:
            scores: float32 ``[lines, cells]``.
            at: each one's line and column in the picture; None where that is not known, as on cloth that lies upside
                down: then it is judged as where good cloth scores highest, so that no pattern is taken for flaws.
        """
        usual = np.float32(self.usual)
        mean, spread = (
            (np.full_like(scores, np.quantile(one, HIGH)) if at is None else one[at])
            for one in (self.mean, self.spread)
        )
        even = np.float32(SPREADS) * np.median(self.spread) + usual
        divisors = (np.float32(SPREADS) * spread + usual) / even
        relative = np.where(scores > 0, np.maximum(scores - mean + usual, TINY), np.float32(0))
        return np.asarray(relative, np.float32), np.asarray(divisors, np.float32)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return it as float32 arrays by name."""
        return {
            "repeat_cells": np.array(self.picture.repeat_cells, np.float32),
            "picture": self.picture.cells,
            "mean": self.mean,
            "spread": self.spread,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Pattern:
        """Return a pattern of such arrays.  Raises ValueError if they do not fit together."""
        wanted = {"repeat_cells", "picture", "mean", "spread"}
        if set(arrays) != wanted:
            raise ValueError("a pattern has other parts")
        cells, mean, spread, repeat = (arrays[name] for name in ("picture", "mean", "spread", "repeat_cells"))
        if cells.ndim != 2 or not cells.size or mean.shape != cells.shape or spread.shape != cells.shape:
            raise ValueError("the parts of a pattern do not fit together")
        if (
            repeat.shape != (2,)
            or not (repeat > 0.5).all()
            or not all(np.isfinite(one).all() for one in arrays.values())
        ):
            raise ValueError("a pattern that cannot repeat")
        if (spread <= 0).any() or (mean < 0).any():
            raise ValueError("a pattern with scores that cannot be")
        return cls(Picture(cells, (float(repeat[0]), float(repeat[1]))), mean, spread)


class PatternLearner:
    """The learner gathers how high good cloth scores at each place of a picture."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self._sums = np.zeros((3, *picture.cells.shape))
        self.why_not = ""

    def see(self, scores: Scores, at: tuple[Indices, Indices]) -> None:
        """Take scores of good cloth and where in the picture they lie."""
        shape = self.picture.cells.shape
        index = np.ravel_multi_index(at, shape).ravel()
        values = scores.astype(np.float64).ravel()
        for kept, weights in zip(self._sums, (None, values, values**2), strict=True):
            kept += np.bincount(index, weights, kept.size).reshape(shape)

    @property
    def seen(self) -> float:
        """Give how many cells of good cloth each place of the picture has shown on average."""
        return float(self._sums[0].mean())

    def learned(self) -> Pattern | None:
        """Return the pattern; None where too little was seen or it hardly changes scores, see ``why_not``."""
        counts = self._sums[0]
        if self.seen < FEWEST:
            self.why_not = "too little good cloth showed each place of it"
            return None
        mean_all = self._sums[1].sum() / counts.sum()
        of_all = self._sums[2].sum() / counts.sum() - mean_all**2
        soft = self._sums
        for sigma in (0.7, 1.0, 1.5, 2.0, 3.0):
            soft = np.stack([_blurred(one, sigma) for one in self._sums])
            if np.quantile(soft[0] * 4 * np.pi * sigma**2, 0.05) >= ENOUGH:
                break
        seen = np.maximum(soft[0], 1e-9)
        mean = soft[1] / seen
        spread = np.sqrt(np.maximum(soft[2] / seen - mean**2, 0))
        if 1 - float((spread**2 * counts).sum() / counts.sum()) / max(of_all, 1e-12) < WORTH:
            self.why_not = "good cloth scores alike all over it"
            return None
        spread = np.maximum(spread, LEAST_SPREAD * np.median(spread)) + 1e-6
        return Pattern(self.picture, mean.astype(np.float32), spread.astype(np.float32))


def _blurred(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Blur, going on at the other side; a side of one cell stays."""
    reach = [min(round(4 * sigma), side) if side > 1 else 0 for side in values.shape]
    padded = np.pad(values, [(side, side) for side in reach], mode="wrap")
    sides = [sigma if side > 1 else 1e-6 for side in values.shape]
    soft = cv2.GaussianBlur(padded, (2 * reach[1] + 1, 2 * reach[0] + 1), sides[1], sigmaY=sides[0])
    cut = [slice(side, side + size) for side, size in zip(reach, values.shape, strict=True)]
    return np.asarray(soft, np.float64).reshape(padded.shape)[cut[0], cut[1]]
