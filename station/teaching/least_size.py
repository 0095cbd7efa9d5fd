"""This module sets the least size of a reject at teach-in, and says it."""

from __future__ import annotations

from station.recipe import Recipe

LEAST_MM = 1.0
"""An inspector counts nothing smaller."""
LEAST_PX = 2.0
"""A single pixel is no flaw, whatever it measures."""
SHARE_OF_A_POINT = 0.25
"""Without a scale this share of what a point looks like to the model is the least."""


def least_size(mm_per_px: float | None, point_spread_px: float) -> float:
    """Return the least size of a reject: mm, px without a scale.

    Args:
        mm_per_px: the scale, None without.
        point_spread_px: how wide a point looks to the scorer; see :class:`model.scorer.TileScorer`.
    """
    if mm_per_px is None:
        return SHARE_OF_A_POINT * point_spread_px
    return max(LEAST_MM, LEAST_PX * mm_per_px)


def least_size_told(recipe: Recipe) -> str:
    """Say what is let pass for its size, and how to change that; empty where nothing is."""
    if not recipe.min_length_mm:
        return ""
    return (
        f"What is smaller than {recipe.min_length_mm:.3g} {recipe.unit} in its longest extent, like a single thread "
        f"end, passes and is counted apart. Set another least size in Tuning or by station recipe {recipe.fabric} "
        "--min-length."
    )
