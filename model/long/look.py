"""This module holds what the long look learned of one fabric, as plain arrays, and the sizes it works in.

Both directions are told alike.  Cloth is seen as consecutive *means* (of some lines for what runs along the warp, of a
strip of columns for what runs along the weft), each of them a profile of *places* (columns, or lines).  A flaw is a
few places wide and runs over many means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTHS = (1, 2, 5)
"""Flaws of these widths in px are looked for: from less than one yarn to a few."""
REACH_PX = 40
"""What a place should look like is told by what lies beside it, up to this far on both sides."""
LIGHT_PX = 65
"""Change slower than this is light, shade or a design, and is divided away."""
EDGE_PX = 48
"""This near the web's edge (or the picture's), the spread of good cloth is learned by distance."""
STRONGEST = 7.0
"""A mean counts at most so many times its own spread: what is short and strong is no long flaw."""
THICK_PX = 9
"""What is as thick as this and stands out is no yarn but a band or a seam; others see it better."""
LEVELS = (2, 3, 4, 5, 6)
"""Windows of 2 ** level means are scored."""
HOPS, LEAST_HOP = 4, 2
"""A window is scored again after this part of its length, but not before so many means."""
UNIT = 64
"""Evidence is summed in whole parts of its spread, so small that the rounding is nothing, and two bytes hold a sum."""
LEAST_LEAN = (0, 1, 2, 3, 4, 5, 6)
MOST_LEAN = 8
"""A flaw may lean by the first many px over a window of each level beyond what all the cloth leans by; by more, up to
the second, where that takes in what does not lean at all: pictures may differ in how they lie."""


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction holds what was learned of flaws that run one way.

    Attributes:
        kernels: float32 ``[widths, 2 REACH_PX + 1]``: what takes from a few places what those beside say.
        step: float32 ``[widths]``, the spread of single means so filtered.
        fixed: float32 ``[widths, places]``, what good cloth always shows in these columns; no places: nothing.
        restless: float32 ``[places]``, how much more than elsewhere good cloth varies in these columns, at least 1.
        edges: float32 ``[2, EDGE_PX]``, how much more it varies at this distance from the near and the far edge.
        spread: float32 ``[levels, widths]``, the spread of sums over a window, in units of ``step``; infinite where
            so long a window was never seen.
        thick: how far a band of :data:`THICK_PX` places stands out, relative to the light, that is no good cloth.
        lean: px by which all the cloth leans from one mean to the next.
    """

    kernels: Floats
    step: Floats
    fixed: Floats
    restless: Floats
    edges: Floats
    spread: Floats
    usual: Floats
    thick: float
    lean: float

    def ratio(self, places: int, low: int, high: int) -> Floats:
        """Return how much more than in its middle good cloth varies at each place, float32 ``[places]``."""
        ratio = np.ones(places, np.float32)
        if self.restless.size == places:
            ratio[:] = self.restless
        count = min(EDGE_PX, max(high - low, 0) // 2)
        if count:
            ratio[low : low + count] = np.maximum(ratio[low : low + count], self.edges[0, :count])
            far = ratio[high - count : high]
            np.maximum(far, self.edges[1, :count][::-1], out=far)
        return ratio


@dataclass(frozen=True, eq=False)
class LongLook:
    """The long look of one fabric, as teach-in learned it.

    Attributes:
        warp, weft: what was learned of flaws along the warp and along the weft.
        width_px: width of the camera's picture.
        step_lines: lines of one mean along the warp.
        cells, cell_px: how many strips of columns the web is cut into along the weft, and their width.
        peaks: highest scores of good cloth before any limit, by ``"warp 2"`` and the like (direction and level):
            float32 ``[patches]``, each of :data:`PATCH_PX` places by one window.
        lines_seen: lines of good cloth that all this was learned from.
    """

    warp: Direction
    weft: Direction
    width_px: int
    step_lines: int
    cells: int
    cell_px: int
    peaks: Mapping[str, Floats]
    lines_seen: int

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return everything as float32 arrays by name, for a file of tensors."""
        arrays: dict[str, Floats] = {}
        for name, direction in (("warp", self.warp), ("weft", self.weft)):
            for field in fields(Direction):
                value = getattr(direction, field.name)
                arrays[f"{name}.{field.name}"] = np.atleast_1d(np.asarray(value, np.float32))
        for name, peaks in self.peaks.items():
            arrays[f"peaks.{name}"] = np.asarray(peaks, np.float32)
        sizes = [self.width_px, self.step_lines, self.cells, self.cell_px, self.lines_seen]
        arrays["sizes"] = np.asarray(sizes, np.float32)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> LongLook:
        """Read what :meth:`to_arrays` gave.

        Raises:
            ValueError: something is missing, of another shape, or not finite.
        """
        try:
            width_px, step_lines, cells, cell_px, lines_seen = (int(size) for size in arrays["sizes"])
            warp, weft = _direction(arrays, "warp"), _direction(arrays, "weft")
        except KeyError as missing:
            raise ValueError(f"The long look lacks {missing.args[0]}") from None
        peaks = {name.removeprefix("peaks."): arrays[name] for name in arrays if name.startswith("peaks.")}
        if min(width_px, step_lines, cells, cell_px) < 1:
            raise ValueError("The long look has sizes that cannot be")
        return cls(warp, weft, width_px, step_lines, cells, cell_px, peaks, lines_seen)


PATCH_PX = 64
"""The highest score of good cloth is kept for patches of so many places."""

_SHAPES = {
    "kernels": (len(WIDTHS), 2 * REACH_PX + 1),
    "step": (len(WIDTHS),),
    "edges": (2, EDGE_PX),
    "spread": (len(LEVELS), len(WIDTHS)),
    "usual": (len(LEVELS),),
    "thick": (1,),
    "lean": (1,),
}


def _direction(arrays: Mapping[str, NDArray[np.float32]], name: str) -> Direction:
    """Take one direction from the arrays, shapes and values checked."""
    found: dict[str, Any] = {field.name: arrays[f"{name}.{field.name}"] for field in fields(Direction)}
    for part, value in found.items():
        wrong_shape = value.shape != _SHAPES.get(part, value.shape)
        if (
            wrong_shape
            or np.isnan(value).any()
            or (part not in ("spread", "usual", "thick") and not np.isfinite(value).all())
        ):
            raise ValueError(f"The long look has a {name} {part} that cannot be")
    return Direction(**{**found, "thick": float(found["thick"][0]), "lean": float(found["lean"][0])})
