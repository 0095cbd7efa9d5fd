"""This module holds what a recipe keeps of the broad looks: their own thresholds, and where good cloth scores high."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from model.scorer import FINE
from station.recipe.frame_spots import FrameSpots
from station.recipe.score_levels import ScoreLevels
from station.recipe.sensitivity import SensitivityProfile

BROAD_OVERLAP_PX = 16
"""Tiles of a broad look overlap less: they are fewer, and what it sees is smooth."""


FINE_WEIGHT, BROAD_WEIGHT = 2.0, 1.0
"""The false alarms that are accepted are shared between the looks in these parts."""


def shares_of(sizes: Iterable[int]) -> dict[int, float]:
    """Return each look's share of the false alarms, by size, the fine look's too; 1 in all."""
    weights = {FINE: FINE_WEIGHT, **dict.fromkeys(sizes, BROAD_WEIGHT)}
    return {size: weight / sum(weights.values()) for size, weight in weights.items()}


class BroadLook(BaseModel):
    """A broad look sees the cloth made smaller.  Lines and columns of its parts count in its own pixels.

    Attributes:
        size: how many times smaller.
        threshold: raw score of this look from which a region is a reject.
        sensitivity, spots, levels: as of :class:`station.recipe.Recipe`.
        is_on: whether it looks; off, the recipe decides without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=2, le=16)
    threshold: float = Field(gt=0)
    sensitivity: SensitivityProfile = SensitivityProfile()
    spots: FrameSpots = FrameSpots()
    levels: ScoreLevels | None = None
    is_on: bool = True
