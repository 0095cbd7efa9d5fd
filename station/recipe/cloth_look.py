"""This module describes what cloth looks like: its grey, its contrast and its yarns, as a spectrum along and across.

The description is learned from good cloth with its spread, so that other cloth is told from it, and the nearest of
several fabrics named, without any network.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

WINDOW_PX = 192
"""Spectra are those of stretches of this length."""
STRETCHES = 24
"""So many stretches each way, spread over the cloth, are enough; more would cost the line time."""
SMALLEST_CONTRAST = 0.3
"""Contrast below this, in grey levels, is rounding."""
FLOORS = (0.08, 0.15, 0.35)
"""Good cloth of another day may differ by this much of a logarithm in grey, contrast and the power of a band."""
MOST = 8.0
"""One feature counts as this many spreads at most."""
FEWEST = 6
SLOWEST_PITCH_PX, PITCH_STANDS_OUT = 48, 0.7
"""A weave repeats within the first; it is said where its band holds twice the power of those around."""

Features = NDArray[np.float64]

_BORDERS = np.unique(np.geomspace(2, WINDOW_PX // 2 + 1, 36).round().astype(int))
BANDS = len(_BORDERS) - 1
_WEIGHTS = np.hanning(WINDOW_PX + 2)[1:-1].astype(np.float32)


class ClothLook(BaseModel):
    """The look holds the features of good cloth: logarithms of its grey, its contrast, and of the shares of its power
    in bands from slow to fine, across and along.

    Attributes:
        middle, spread: the median of each feature and how far good cloth lies from it (a standard deviation).
        distance: 95 of 100 stretches of good cloth are no farther than this from the middle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    middle: tuple[float, ...] = Field(min_length=2 + 2 * BANDS, max_length=2 + 2 * BANDS)
    spread: tuple[float, ...] = Field(min_length=2 + 2 * BANDS, max_length=2 + 2 * BANDS)
    distance: float = Field(ge=0)

    def apart(self, features: Features) -> Features:
        """Return by how many spreads each feature lies apart from good cloth's."""
        grey, contrast, band = FLOORS
        least = np.r_[grey, contrast, np.full(2 * BANDS, band)]
        apart = (features - np.array(self.middle)) / np.hypot(np.array(self.spread), least)
        return np.asarray(np.clip(apart, -MOST, MOST), np.float64)

    def told(self) -> str:
        """Say in words what the cloth looks like: grey, contrast and how its weave repeats, with the spread."""
        grey, contrast = np.exp(self.middle[:2])
        said = [
            f"grey {grey - 1:.0f} ± {grey * self.spread[0]:.1f}",
            f"contrast {contrast:.1f} ± {contrast * self.spread[1]:.1f} levels",
        ]
        pitches = [(way, self._pitch_px(number)) for number, way in enumerate(("across", "along"))]
        shown = [f"{pitch:.1f} px {way}" for way, pitch in pitches if pitch is not None]
        said.append(
            f"weave repeats every {' and '.join(shown)}" if shown else "no single repeat of its weave stands out"
        )
        return ", ".join(said)

    def _pitch_px(self, way: int) -> float | None:
        """Return by how many px the weave repeats across (0) or along (1): of the band that stands out most from those
        around it; None where none does."""
        power = np.array(self.middle[2 + way * BANDS : 2 + (way + 1) * BANDS])
        periods = WINDOW_PX / np.sqrt(_BORDERS[:-1] * (_BORDERS[1:] - 1.0))
        from scipy.ndimage import median_filter  # here, as the command line knows recipes and must start fast

        around = median_filter(power, 7, mode="nearest")
        stands_out = np.where(periods <= SLOWEST_PITCH_PX, power - around, -np.inf)
        best = int(np.argmax(stands_out))
        return float(periods[best]) if stands_out[best] >= PITCH_STANDS_OUT else None

    def distance_of(self, features: Features) -> float:
        """Return how far cloth is from good cloth: 1 is about as far as good cloth lies from itself."""
        return float(np.sqrt(np.mean(self.apart(features) ** 2)))


def look_at(pixels: NDArray[np.uint8], left_px: int, right_px: int) -> Features | None:
    """Return the features of a stretch of cloth; None if it is too small to show its yarns.

    Args:
        pixels: uint8 ``[lines, width]`` or ``[lines, width, 3]``.
        left_px, right_px: the web's edges.
    """
    lines, width = len(pixels), right_px - left_px
    if lines < WINDOW_PX or width < WINDOW_PX:
        return None
    across = _stretches(pixels[:, left_px:right_px])
    along = _stretches(pixels[:, left_px:right_px].swapaxes(0, 1))
    grey = float(across.mean())
    spectra = [_bands(one) for one in (across, along)]
    power = sum(float(total) for _, total in spectra) / 2
    contrast = max(np.sqrt(power), SMALLEST_CONTRAST)
    return np.r_[np.log(grey + 1), np.log(contrast), spectra[0][0], spectra[1][0]]


def _stretches(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return ``STRETCHES`` stretches of rows, spread over them, float32 ``[STRETCHES, WINDOW_PX]``."""
    rows, columns = pixels.shape[:2]
    number = np.arange(STRETCHES)
    row = (number * rows) // STRETCHES
    first = (number * 7 % STRETCHES) * (columns - WINDOW_PX) // max(STRETCHES - 1, 1)
    cut = np.stack([pixels[y, x : x + WINDOW_PX] for y, x in zip(row, first, strict=True)]).astype(np.float32)
    return cut if cut.ndim == 2 else cut.mean(axis=2)


def _bands(stretches: NDArray[np.float32]) -> tuple[Features, float]:
    """Return the logarithm of each band's share of the power, and the variance that all bands hold."""
    even = stretches - stretches.mean(axis=1, keepdims=True)
    power = (np.abs(np.fft.rfft(even * _WEIGHTS, axis=1)) ** 2).mean(axis=0)
    power *= 2 / (WINDOW_PX * float((_WEIGHTS**2).sum()))
    noise = SMALLEST_CONTRAST**2 / (WINDOW_PX // 2)
    bands = np.add.reduceat(power[: _BORDERS[-1]], _BORDERS[:-1]) / np.diff(_BORDERS) + noise
    return np.log(bands / bands.mean()), float(power[_BORDERS[0] :].sum())


def look_of(stretches: Sequence[Features]) -> ClothLook | None:
    """Return what a recipe keeps of the features of stretches of good cloth; None if these are too few."""
    if len(stretches) < FEWEST:
        return None
    features = np.stack(stretches)
    middle = np.median(features, axis=0)
    spread = features.std(axis=0, ddof=1)
    made = ClothLook(middle=_rounded(middle), spread=_rounded(spread), distance=0.0)
    distances = [made.distance_of(one) for one in features]
    return made.model_copy(update={"distance": round(float(np.quantile(distances, 0.95)), 3)})


def _rounded(features: Features) -> tuple[float, ...]:
    return tuple(round(float(one), 4) for one in features)
