"""This module applies the recipe to a defect: reject or pass, and which kind."""

from __future__ import annotations

from typing import Protocol

from station.contract import DefectKind
from station.recipe import Recipe

SPOT_MM = 20.0
SPOT_PX = 40.0
LINE_ELONGATION = 3.0
LINE_OF_PARTS = 9.0
"""Spots close together are scattered over an area, and in a line only where it is so much longer than wide."""


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


def geometry(length_mm: float, width_mm: float, recipe: Recipe, parts: int = 1) -> DefectKind:
    """Return the defect's kind by its shape.

    It is a line if three times longer than wide, along or across the machine direction; else a spot up to 20 mm
    (40 px without a scale) in both directions, else an area.  What is made of several parts is no spot, and a line only
    if it is nine times longer.
    """
    elongation = LINE_ELONGATION if parts == 1 else LINE_OF_PARTS
    if max(length_mm, width_mm) >= elongation * min(length_mm, width_mm):
        return DefectKind.WARP_LINE if length_mm > width_mm else DefectKind.WEFT_LINE
    spot = SPOT_MM if recipe.mm_per_px is not None else SPOT_PX
    return DefectKind.SPOT if parts == 1 and max(length_mm, width_mm) <= spot else DefectKind.AREA
