"""This module lays the clouds of a nonwoven: fibres that lie thicker and thinner, alike in all directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivers.simulated.lattice import SmoothField

_LAYER = 20
_CLOUDS_MM = ((0.9, 0.75), (2.5, 0.55), (8.0, 0.35))
"""Each cloud has a distance of its knots and a share of the standard deviation; the squares of these sum to one."""


class Clouds:
    """The clouds change the cloth's grey level without any repeat.

    Args:
        levels: standard deviation in grey levels of all clouds together.
        mm_per_px: scale, both axes.
        width_px: camera columns.
        seed: which randomness.
    """

    def __init__(self, levels: float, mm_per_px: float, width_px: int, seed: int) -> None:
        self._fields = [
            (np.float32(levels * share), SmoothField(seed, _LAYER + number, knot, knot, width_px))
            for number, (knot_mm, share) in enumerate(_CLOUDS_MM)
            if (knot := knot_mm / mm_per_px) >= 1
        ]

    def add(self, shade: NDArray[np.float32], first_line: int, first_px: int) -> None:
        """Add the clouds to ``shade``, float32 ``[lines, px]`` with its corner at (first_line, first_px)."""
        lines, px = shade.shape
        for level, field in self._fields:
            shade += field.region(first_line, lines, first_px, px) * level
