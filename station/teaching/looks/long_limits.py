"""This module sets the limits of the long look for a false-alarm budget, from how high good cloth peaks in its windows.

Each window has a law of its own; where good cloth showed too few windows of a length, what it showed of all of them
stands in, as scores are in units of each window's own spread.  Laws are fitted to squares: a sum over many threads is
nearly Gaussian, and the tail of its square is exponential, which is what the law of extremes begins from.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from model.long import LongLimits, LongLook
from model.long.limits import NEVER, PER_100_M, patches_per_100_m
from model.long.look import LEVELS
from model.scorer import TILE_PX
from station.recipe.looks import LONG, LongLookLimits
from station.teaching.request import TeachRequest
from station.teaching.tail import MIN_PATCHES, fit_tail
from station.teaching.threshold import NO_SCALE_EXCEEDANCE

FEW_PATCHES = 48
"""With fewer patches than this, a window's own law is not told from chance: the law of all windows joins in."""
NO_SCALE_PER_TILE = 1e-3
"""Without a scale there are no metres to budget: good cloth may reach a limit so many times on the area of a tile."""


def limits_of(
    arrays: Mapping[str, NDArray[np.float32]], web_px: float, request: TeachRequest, shares: dict[int, float]
) -> LongLookLimits | None:
    """Return what a recipe keeps of a long look; None where none was learned.

    Args:
        arrays: the look, as the network has it.
        web_px: width of the web.
        shares: each look's share of the false alarms.
    """
    if not arrays:
        return None
    limits = long_limits(
        LongLook.from_arrays(arrays),
        web_px,
        request.mm_per_px,
        budget_per_100_m=request.false_alarms_per_100_m * shares[LONG],
        per_tile=NO_SCALE_EXCEEDANCE * shares[LONG],
    )
    return LongLookLimits.of(limits)


def long_limits(
    look: LongLook,
    web_px: float,
    mm_per_px_along: float | None,
    *,
    budget_per_100_m: float,
    per_tile: float = NO_SCALE_PER_TILE,
) -> LongLimits:
    """Choose the limits so that good cloth reaches them as often as the budget allows, all windows together.

    Args:
        web_px: width of the web.
        mm_per_px_along: scale along the cloth; None if unknown: then ``per_tile`` is the budget.
        budget_per_100_m: false alarms wanted per 100 m at most from all of the long look.
        per_tile: the same on the area of a tile, where there is no scale.
    """
    if not look.peaks:
        return LongLimits((NEVER,) * len(LEVELS), (NEVER,) * len(LEVELS))
    every = np.concatenate(list(look.peaks.values()))
    counts = patches_per_100_m(look, web_px, mm_per_px_along or 1.0)
    tiles = web_px / TILE_PX * PER_100_M / TILE_PX  # on the lines that 100 m have at 1 mm a line
    share = (per_tile * tiles if mm_per_px_along is None else budget_per_100_m) / len(counts)

    def limit(name: str) -> float:
        if name not in look.peaks:
            return NEVER
        probability = min(0.5, share / counts[name])
        peaks = look.peaks[name]
        own = _fitted(peaks, probability) if peaks.size >= MIN_PATCHES else 0.0
        if peaks.size >= FEW_PATCHES or every.size < MIN_PATCHES:
            return own or NEVER
        return max(own, _fitted(every, probability))

    return LongLimits(
        tuple(limit(f"warp {level}") for level in LEVELS), tuple(limit(f"weft {level}") for level in LEVELS)
    )


def _fitted(peaks: NDArray[np.float32], probability: float) -> float:
    """Return the height that a patch of good cloth exceeds with this probability."""
    height = float(np.sqrt(max(fit_tail(np.square(peaks)).score_at(probability), 0.0)))
    return float(height * (1 + 0.5 / np.sqrt(peaks.size)))  # the law is less certain the less cloth showed it
