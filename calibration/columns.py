"""This module finds columns of a camera that see too little: dead ones in the sensor, or those behind dust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, assert_never

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import median_filter

from calibration.result import Number, Result

Profile = NDArray[np.float64]

DUST_LOSS = 0.03
"""A column that loses this share of light against its neighbours is called dusty; sensors' columns differ by less."""
DEAD_LOSS = 0.5
NEIGHBOURS_PX = 65
"""A column is compared with a neighbourhood of this width."""
NARROWEST_PX = 64
"""A slow curve is drawn through at least this many columns: of a web, or of one camera's part of it."""

_DEGREE = 4  # of the slow curve; higher ones swing with stripes at the edges


@dataclass(frozen=True, slots=True)
class ColumnFault(Result):
    """These neighbouring columns have one fault.

    Attributes:
        first_px, last_px: columns, both included.
        reason: "dead" (they see next to nothing; their neighbours stand in for them) or "dusty".
        loss: share of light that the worst of them loses against its neighbours.
    """

    first_px: Annotated[int, Field(strict=True, ge=0)]
    last_px: Annotated[int, Field(strict=True, ge=0)]
    reason: Literal["dead", "dusty"]
    loss: Number

    @property
    def width_px(self) -> int:
        """Give the number of columns."""
        return self.last_px + 1 - self.first_px

    @property
    def columns(self) -> slice:
        """Give a slice that picks these columns of an array."""
        return slice(self.first_px, self.last_px + 1)

    def __str__(self) -> str:
        """Return a sentence with the remedy."""
        one = self.width_px == 1
        where = f"Column {self.first_px}" if one else f"Columns {self.first_px} to {self.last_px}"
        match self.reason:
            case "dead":
                fate = f"{'is' if one else 'are'} dead; neighbours stand in, but a fine flaw there may be missed."
            case "dusty":
                fate = f"{'loses' if one else 'lose'} {self.loss:.0%} of the light; wipe dust off lens and lamp."
            case _:
                assert_never(self.reason)
        return f"{where} {fate}"


def column_faults(light: Profile, dust_loss: float = DUST_LOSS) -> tuple[ColumnFault, ...]:
    """Find dead and dusty columns, from left to right.

    Args:
        light: what each column sees of an even surface, float64 ``[width]``.
        dust_loss: share of light lost from which a column is dusty.
    """
    level = light / slow_curve(light)  # otherwise the fall-off at the edges would look like a loss
    usual = median_filter(level, NEIGHBOURS_PX, mode="mirror")
    loss = 1 - level / np.maximum(usual, 1e-6)
    kind = np.where(loss > DEAD_LOSS, 2, np.where(loss > dust_loss, 1, 0))
    borders = np.flatnonzero(np.diff(kind, prepend=0, append=0))
    return tuple(
        ColumnFault(int(first), int(end) - 1, "dead" if kind[first] == 2 else "dusty", float(loss[first:end].max()))
        for first, end in pairwise(borders)
        if kind[first]
    )


def dead_columns(faults: Sequence[ColumnFault], width_px: int) -> NDArray[np.bool_]:
    """Say which columns are dead, bool ``[width]``."""
    dead = np.zeros(width_px, dtype=np.bool_)
    for fault in faults:
        if fault.reason == "dead":
            dead[fault.columns] = True
    return dead


def living(light: Profile, faults: Sequence[ColumnFault]) -> Profile:
    """Return the light of each column, float64 ``[width]``; dead ones get it from their neighbours by interpolation."""
    alive = np.flatnonzero(~dead_columns(faults, len(light)))
    return np.interp(np.arange(len(light)), alive, light[alive])


def slow_curve(profile: Profile) -> Profile:
    """Fit a polynomial to the logarithm of a profile that ignores what sticks out: yarns, stripes, dust."""
    x = np.linspace(-1, 1, len(profile))
    y = np.log(np.maximum(profile, 1e-6))
    weights = np.ones_like(y)
    for _ in range(8):
        fit = Chebyshev.fit(x, y, _DEGREE, domain=[-1, 1], w=np.sqrt(weights))
        rest = np.abs(y - fit(x))
        reach = 4.7 * 1.4826 * float(np.median(rest)) + 1e-6
        weights = np.clip(1 - (rest / reach) ** 2, 1e-3, None) ** 2  # Tukey's biweight
    return np.asarray(np.exp(fit(x)))


def cuts_of(joints_px: Sequence[int], left: int, right: int) -> list[int]:
    """Return where the web ``[left, right)`` is cut into the parts of several cameras, from its left edge, with ends.

    A part narrower than ``NARROWEST_PX`` goes with its neighbour.
    """
    cuts = [0]
    for joint in joints_px:
        if joint - left >= cuts[-1] + NARROWEST_PX and right - joint >= NARROWEST_PX:
            cuts.append(joint - left)
    return [*cuts, right - left]


def slow_curves(profile: Profile, cuts: Sequence[int]) -> Profile:
    """Fit a slow curve to each part of a profile."""
    return np.concatenate([slow_curve(profile[first:end]) for first, end in pairwise(cuts)])
