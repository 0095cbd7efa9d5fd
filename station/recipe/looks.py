"""This module holds what a recipe keeps of the looks beside the fine one: their thresholds, and where good cloth scores
high; and each look's share of the false alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from model.scorer import FINE
from station.recipe.frame_spots import FrameSpots
from station.recipe.score_levels import ScoreLevels
from station.recipe.sensitivity import SensitivityProfile

if TYPE_CHECKING:
    from model.long import LongLimits

BROAD_OVERLAP_PX = 8
"""Tiles of a broad look overlap less: they are fewer, and what it sees is smooth."""

LONG = 0
"""Stands for the long look where others have their size."""

FINE_WEIGHT, OTHER_WEIGHT = 2.0, 1.0
"""The false alarms that are accepted are shared between the looks in these parts."""

FINE_LOOK, LONG_LOOK = "fine", "long"
"""Looks go by these names; see also :func:`broad_name`."""


def broad_name(size: int) -> str:
    """Return the name of the broad look that sees the cloth so many times smaller."""
    return f"broad {size}"


def look_name(size: int) -> str:
    """Return the name of a look by its size; of the long look, ``LONG`` stands for it."""
    return FINE_LOOK if size == FINE else LONG_LOOK if size == LONG else broad_name(size)


def shares_of(sizes: Iterable[int]) -> dict[int, float]:
    """Return the share of the false alarms of the fine look and of others beside it, by size; 1 in all."""
    weights = {FINE: FINE_WEIGHT, **dict.fromkeys(sizes, OTHER_WEIGHT)}
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


class LongLookLimits(BaseModel):
    """The limits of the long look are scores in spreads of good cloth, by the level of its windows; None: never.

    Attributes:
        warp, weft: of what runs along the warp, and along the weft.
        is_on: whether it looks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    warp: tuple[float | None, ...] = Field(max_length=32)
    weft: tuple[float | None, ...] = Field(max_length=32)
    is_on: bool = True

    @classmethod
    def of(cls, limits: LongLimits) -> LongLookLimits:
        """Keep limits that teach-in set."""

        def kept(values: tuple[float, ...]) -> tuple[float | None, ...]:
            return tuple(round(value, 4) if math.isfinite(value) else None for value in values)

        return cls(warp=kept(limits.warp), weft=kept(limits.weft))

    def limits(self) -> LongLimits:
        """Return them as the look takes them.  Raises ValueError if they are of another number than its windows."""
        from model.long import LongLimits  # here, as the command line knows recipes and must start fast

        def given(values: tuple[float | None, ...]) -> tuple[float, ...]:
            return tuple(math.inf if value is None else value for value in values)

        return LongLimits(given(self.warp), given(self.weft))
