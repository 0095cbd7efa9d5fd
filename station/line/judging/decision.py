"""This module applies the recipe to a defect: reject or pass, and which kind."""

from __future__ import annotations

from typing import Protocol

from station.contract import DefectKind
from station.recipe import Recipe

SPOT_MM = 20.0
SPOT_PX = 40.0
LINE_ELONGATION = 3.0


def decide(score: float, length_mm: float, width_mm: float, *, threshold: float, min_length_mm: float) -> bool:
    """Say whether a defect is a reject: its score reaches the threshold and its longest extent the minimum length.

    Lengths are mm along and across, px where the recipe has no scale.
    """
    return score >= threshold and max(length_mm, width_mm) >= min_length_mm


class Decided(Protocol):
    """What is asked of a defect, told or on record, that was decided."""

    @property
    def score(self) -> float: ...

    @property
    def threshold(self) -> float: ...

    @property
    def is_reject(self) -> bool: ...


def is_too_small(defect: Decided) -> bool:
    """Say whether a defect passes for its size alone."""
    return not defect.is_reject and defect.score >= defect.threshold


def geometry(length_mm: float, width_mm: float, recipe: Recipe) -> DefectKind:
    """Return the defect's kind by its shape.

    It is a line if three times longer than wide, along or across the machine direction; else a spot up to 20 mm
    (40 px without a scale) in both directions, else an area.
    """
    if max(length_mm, width_mm) >= LINE_ELONGATION * min(length_mm, width_mm):
        return DefectKind.WARP_LINE if length_mm > width_mm else DefectKind.WEFT_LINE
    spot = SPOT_MM if recipe.mm_per_px is not None else SPOT_PX
    return DefectKind.SPOT if max(length_mm, width_mm) <= spot else DefectKind.AREA
