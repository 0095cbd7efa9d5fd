"""This module lays spots of another colour and the same lightness on dyed cloth, and knows where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.simulated.lattice import rng_at

_LAYER_SPOTS = 70
_SOFT_PX = 0.7
FIELD_MM = 100.0
"""One spot at most lies in each square field of this side, away from its border, so that each can be told apart."""


@dataclass(frozen=True, slots=True)
class ColourSpot:
    """A colour spot is a round place of another colour: the truth about it.

    Attributes:
        line, px: its middle.
        diameter_px: its size; the colour fades over about a pixel at its border.
        delta_a, delta_b: what is added to the cloth's chroma in CIELAB; lightness stays.
    """

    line: float
    px: float
    diameter_px: float
    delta_a: float
    delta_b: float

    @property
    def delta_e(self) -> float:
        """Give the colour difference to the cloth (CIE 1976)."""
        return float(np.hypot(self.delta_a, self.delta_b))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Give the half-open box of the pixels it changes: first and end line, first and end column."""
        reach = self.diameter_px / 2
        return (
            int(np.floor(self.line - reach)),
            int(np.ceil(self.line + reach)),
            int(np.floor(self.px - reach)),
            int(np.ceil(self.px + reach)),
        )

    def add(self, chroma: NDArray[np.float32], first_line: int) -> None:
        """Add it to the chroma, float32 ``[lines, width, 2]``, of the lines from ``first_line`` on."""
        low, high, left, right = self.box
        low, high = max(low - 2, first_line), min(high + 2, first_line + len(chroma))
        left, right = max(left - 2, 0), min(right + 2, chroma.shape[1])
        if low >= high or left >= right:
            return
        line, px = np.ogrid[low:high, left:right]
        away = np.hypot(line + 0.5 - self.line, px + 0.5 - self.px)
        share = np.clip((self.diameter_px / 2 - away) / _SOFT_PX + 0.5, 0, 1)[..., None].astype(np.float32)
        chroma[low - first_line : high - first_line, left:right] += share * np.array(
            [self.delta_a, self.delta_b], np.float32
        )


@dataclass(frozen=True, slots=True)
class SpotPlan:
    """A spot plan strews spots over endless cloth: the same seed, the same spots.

    Attributes:
        seed: which randomness.
        share: of the fields that have a spot, 0..1.
        delta_e: the spots' colour difference; every hue is equally likely.
        diameters_mm: least and greatest size; every factor between is equally likely.
        mm_per_px: the scale.
        web_px: half-open columns of the cloth.
    """

    seed: int
    share: float
    delta_e: float
    diameters_mm: tuple[float, float]
    mm_per_px: float
    web_px: tuple[int, int]

    def spots(self, first_line: int, end_line: int) -> list[ColourSpot]:
        """Return the spots whose boxes meet the half-open lines, in the order of their fields."""
        side = round(FIELD_MM / self.mm_per_px)
        reach = int(np.ceil(self.diameters_mm[1] / self.mm_per_px))
        rows = range((first_line - reach) // side, (end_line + reach - 1) // side + 1)
        drawn = [spot for row in rows for spot in self._row(row, side)]
        return [spot for spot in drawn if spot.box[1] > first_line and spot.box[0] < end_line]

    def _row(self, row: int, side: int) -> list[ColourSpot]:
        rng = rng_at(self.seed, _LAYER_SPOTS, row)
        made = []
        for field in range((self.web_px[1] - self.web_px[0]) // side):
            here, line, px, hue, size = rng.random(5)
            low, high = np.log(self.diameters_mm)
            diameter = float(np.exp(low + size * (high - low))) / self.mm_per_px
            if here >= self.share:
                continue
            margin = min(0.4, (diameter / 2 + 4) / side)
            made.append(
                ColourSpot(
                    (row + margin + (1 - 2 * margin) * line) * side,
                    self.web_px[0] + (field + margin + (1 - 2 * margin) * px) * side,
                    diameter,
                    float(self.delta_e * np.cos(2 * np.pi * hue)),
                    float(self.delta_e * np.sin(2 * np.pi * hue)),
                )
            )
        return made
