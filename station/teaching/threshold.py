"""This module sets the threshold for a false-alarm budget from scores of held-out good cloth.

It also says how certain the prediction is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.scorer import TILE_PX
from station.teaching.request import FALSE_ALARM_BUDGET_PER_100_M
from station.teaching.tail import exceedance_interval, fit_tail, patches_per_100_m

NO_SCALE_EXCEEDANCE = 1.5e-3
"""Without a scale there are no metres to budget: this share of the patches of good cloth may exceed a threshold,
by all looks together."""


@dataclass(frozen=True)
class Threshold:
    """The threshold comes with the figures it was set on.

    Attributes:
        score: raw score.
        patches: number of patches of good cloth that set it.
        predicted_per_100_m, interval_per_100_m: false alarms at the web's width, and the interval that holds their
            mean with 95 % certainty given the cloth seen; None without a scale.
        extrapolation: patches between two predicted false alarms, over the patches seen; above 1 the threshold is
            extrapolated that many times beyond the cloth seen.
    """

    score: float
    patches: int
    predicted_per_100_m: float | None
    interval_per_100_m: tuple[float, float] | None
    extrapolation: float

    def for_all_looks(self, share: float) -> Threshold:
        """Return the same threshold with what is predicted of all looks, each of which was given its share."""
        if self.predicted_per_100_m is None or self.interval_per_100_m is None:
            return self
        low, high = self.interval_per_100_m
        return replace(
            self, predicted_per_100_m=self.predicted_per_100_m / share, interval_per_100_m=(low / share, high / share)
        )

    def metadata(self) -> dict[str, str | int | float]:
        """Return what a model's file says of its threshold."""
        told: dict[str, str | int | float] = {
            "held_out_patches": self.patches,
            "threshold": self.score,
            "extrapolation": self.extrapolation,
        }
        if self.predicted_per_100_m is not None and self.interval_per_100_m is not None:
            low, high = self.interval_per_100_m
            told["predicted_false_alarms_per_100_m"] = self.predicted_per_100_m
            told |= {"predicted_false_alarms_per_100_m_low": low, "predicted_false_alarms_per_100_m_high": high}
        return told


def choose_threshold(
    rows: Sequence[NDArray[np.float32]],
    mm_per_px: float | None,
    web_px: float,
    overlap_px: int,
    *,
    row_lines: float = TILE_PX,
    budget_per_100_m: float = FALSE_ALARM_BUDGET_PER_100_M,
    every_row: Sequence[NDArray[np.float32]] = (),
    exceedance: float = NO_SCALE_EXCEEDANCE,
) -> Threshold:
    """Choose the threshold for the false-alarm budget.

    Args:
        rows: highest scores of good cloth, float ``[patches, parts]`` for each row of patches; twelve patches or more
            in all (ValueError with fewer).
        web_px: mean width of the web.
        row_lines: mean lines of a row of patches.
        budget_per_100_m: false alarms wanted per 100 m at most, above 0; unused without a scale.
        every_row: the same with the suspect patches; if these are good cloth after all, the truth may be as high as
            they say.
        exceedance: share of the patches that may exceed the threshold where there is no scale.
    """
    peaks = np.concatenate(rows)
    patches, parts = peaks.shape
    tail = fit_tail(peaks.ravel())
    if mm_per_px is None:
        score = tail.score_at(exceedance / parts)
        return Threshold(score, patches, None, None, 1 / (tail.exceedance(score) * peaks.size))
    step_px = TILE_PX - overlap_px
    along_mm = min(step_px, row_lines) * mm_per_px
    per_100_m = parts * patches_per_100_m(web_px * mm_per_px, TILE_PX * mm_per_px, step_px * mm_per_px, along_mm)
    score = tail.score_at(budget_per_100_m / per_100_m)
    probability = tail.exceedance(score)
    low, high = exceedance_interval([row.ravel() for row in rows if row.size], score)
    if sum(map(len, every_row)) > patches:
        high = max(high, exceedance_interval([row.ravel() for row in every_row if row.size], score)[1])
    return Threshold(
        score=score,
        patches=patches,
        predicted_per_100_m=probability * per_100_m,
        interval_per_100_m=(low * per_100_m, high * per_100_m),
        extrapolation=1 / (probability * peaks.size),
    )
