"""This module holds a long, faint line while it is told, and makes the defect of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from station.contract import Defect, DefectKind
from station.line.judging.decision import decide
from station.recipe import Recipe
from station.state.defect import Look

Crop = tuple[NDArray[np.uint8], NDArray[np.float32]]
Picture = Callable[[int, int, int], Crop | None]
"""A picture cuts the cloth around (roll line, column), so many px square, with its scores; None if it is forgotten."""
PICTURE_PX = 256


@dataclass(slots=True)
class Box:
    """A box holds roll lines and columns, half-open."""

    first_line: int
    end_line: int
    first_px: int
    end_px: int

    def grow(self, other: Box) -> None:
        """Take the other in."""
        self.first_line = min(self.first_line, other.first_line)
        self.end_line = max(self.end_line, other.end_line)
        self.first_px = min(self.first_px, other.first_px)
        self.end_px = max(self.end_px, other.end_px)


@dataclass(slots=True, eq=False)
class LongLine:
    """A long line is one flaw, as far as it is known.

    Attributes:
        peak_line, peak_px: where it stood out most, and where its picture is taken.
        told: box and score as last told, None before.
        told_s: when that was.
    """

    kind: DefectKind
    box: Box
    score: float
    left_px: int
    peak_line: int
    peak_px: int
    piece: str | None
    number: int = 0
    told: tuple[int, int, int, int, float] | None = None
    told_s: float = 0.0
    crop: Crop | None = None

    def state(self) -> tuple[int, int, int, int, float]:
        """Return what there is to tell."""
        box = self.box
        return box.first_line, box.end_line, box.first_px, box.end_px, self.score

    def sizes_mm(self, recipe: Recipe) -> tuple[float, float]:
        """Return its length along and its width across."""
        box = self.box
        return (box.end_line - box.first_line) * recipe.scale_along, (box.end_px - box.first_px) * recipe.scale

    def is_reject(self, recipe: Recipe, threshold: float) -> bool:
        """Say whether the recipe does not let it pass."""
        return decide(self.score, *self.sizes_mm(recipe), threshold=threshold, min_length_mm=recipe.min_length_mm)

    def defect(self, recipe: Recipe, threshold: float, *, closed: bool) -> Defect:
        """Make the defect of it."""
        box = self.box
        length_mm, width_mm = self.sizes_mm(recipe)
        crop, scores = self.crop or (None, None)
        return Defect(
            number=self.number,
            first_line=box.first_line,
            end_line=box.end_line,
            first_px=box.first_px,
            end_px=box.end_px,
            length_mm=length_mm,
            width_mm=width_mm,
            area_mm2=length_mm * width_mm,
            position_mm=box.first_line * recipe.scale_along,
            across_mm=((box.first_px + box.end_px) / 2 - self.left_px) * recipe.scale,
            score=self.score,
            threshold=threshold,
            kind=self.kind,
            is_reject=self.is_reject(recipe, threshold),
            closed=closed,
            piece=self.piece,
            crop=crop if closed else None,
            crop_scores=scores if closed else None,
            look=Look.LONG,
            peak_line=self.peak_line,
            peak_px=self.peak_px,
        )
