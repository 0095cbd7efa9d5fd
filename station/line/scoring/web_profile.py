"""This module measures shade, texture and structure of narrow columns across a picture, for finding the web.

The measure of texture is the mixed difference ``I(y,x) - I(y,x+1) - I(y+1,x) + I(y+1,x+1)``: a line, a streak or a
shade, however bright, cancels out in it; a crossing of warp and weft does not.  It is taken at full size and after
averaging 2 × 2 pixels.  Their ratio separates structure (survives averaging) from camera noise (halved by it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

BIN_PX = 8
"""A bin is this wide, in px: the resolution across."""

_BAND_LINES = 32  # statistics over lines are medians over bands of about this height ...
_MAX_BANDS = 8  # ... and at most this many
_WEAK_STRUCTURE, _CLEARER = 1.2, 1.2  # structure below which 4 × 4 means are tried, and how much better they must be
NOISE_STRUCTURE = 0.62
"""Below this structure there is nothing but camera noise."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile holds float32 ``[bins]`` across the picture: medians over bands of lines."""

    level: Floats  # grey level
    texture: Floats  # mixed difference of 2 × 2 means; of 4 × 4 where that separates coarse yarn better from noise
    structure: Floats  # the same over the mixed difference at full size: about 0.5 for noise, more for structure
    weft: Floats  # difference along the machine direction: how strongly the picks show
    uneven: Floats  # brightest band over darkest: loops and loose ends of the selvedge
    typical_texture: float  # of 2 × 2 means, of the cloth as far as one can tell
    typical_structure: float  # likewise
    is_noise: bool  # at this scale there is nothing but camera noise

    def mirrored(self) -> Profile:
        """Return the profile as seen from the other side."""
        level, texture, structure = self.level[::-1], self.texture[::-1], self.structure[::-1]
        weft, uneven = self.weft[::-1], self.uneven[::-1]
        return replace(self, level=level, texture=texture, structure=structure, weft=weft, uneven=uneven)


def measure(grey: NDArray[np.uint8]) -> Profile:
    """Measure the profile of a grey picture uint8 ``[lines, width]`` of 8 lines and one bin or more."""
    lines, width = grey.shape
    bands = int(np.clip(lines // _BAND_LINES, 1, _MAX_BANDS))
    grey = grey[: lines // 2 * 2, : width // BIN_PX * BIN_PX]
    borders = np.linspace(0, len(grey) // 4, bands + 1).astype(int) * 4
    borders[-1] = len(grey)
    # Work band by band: the intermediate pictures then stay in the processor's cache.
    means = zip(*(_band(grey[a:b]) for a, b in pairwise(borders)), strict=True)
    level, weft, fine, coarse, coarser = (
        _bins(np.concatenate(of_bands), columns) for of_bands, columns in zip(means, _COLUMNS, strict=True)
    )
    texture, structure = np.median(coarse, axis=0), np.median((coarse + 0.05) / (fine + 0.1), axis=0)
    typical_texture, typical_structure = typical_of(texture, structure)
    if typical_structure < _WEAK_STRUCTURE:
        wide = cv2.blur(2 * coarser, (5, 1))  # noise alone has as much of this as of ``coarse``
        wide_texture, wide_structure = np.median(wide, axis=0), np.median((wide + 0.05) / (fine + 0.1), axis=0)
        if typical_of(wide_texture, wide_structure)[1] > _CLEARER * typical_structure:
            texture, structure = wide_texture, wide_structure
    return Profile(
        level=np.median(level, axis=0),
        texture=texture,
        structure=structure,
        weft=np.median(weft, axis=0),
        uneven=(level.max(axis=0) + 4) / (level.min(axis=0) + 4),
        typical_texture=typical_texture,
        typical_structure=typical_structure,
        is_noise=typical_structure < NOISE_STRUCTURE,
    )


def _band(grey: NDArray[np.uint8]) -> list[Floats]:
    """Return level, weft and mixed differences at full size, of 2 × 2 and 4 × 4 means: averaged along, ``[1, n]``."""
    halved = np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.int16)
    quarter = np.asarray(cv2.resize(halved, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.int16)
    along = halved[1:] - halved[:-1]
    pairs = grey[0:-1:4].astype(np.int16) - grey[1::4]  # every other pair of lines is enough
    kinds = halved, np.abs(along), _across(pairs), _across(along), _across(quarter[1:] - quarter[:-1])
    return [np.asarray(cv2.reduce(kind, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F), np.float32) for kind in kinds]


_COLUMNS = (BIN_PX // 2, BIN_PX // 2, BIN_PX, BIN_PX // 2, BIN_PX // 4)  # of a bin, in each of them


def typical_of(texture: Floats, structure: Floats) -> tuple[float, float]:
    """Return texture and structure of the cloth, as long as it covers a third of the picture."""
    typical = float(np.percentile(texture, 70))
    return typical, median_of(structure[texture >= 0.6 * typical])


def _across(along: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the mixed difference, as wide as its source."""
    mixed = np.empty_like(along)
    np.abs(along[:, 1:] - along[:, :-1], out=mixed[:, :-1])
    mixed[:, -1] = mixed[:, -2]
    return mixed


def _bins(means: Floats, columns: int) -> Floats:
    """Average columns into bins, float32 ``[bands, width / columns]``."""
    shrunk = cv2.resize(means, None, fx=1 / columns, fy=1, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, dtype=np.float32)


def median_of(values: Floats) -> float:
    """Return the median of a few numbers, nan of none; numpy's own takes ten times as long for them."""
    if not len(values):
        return math.nan
    ordered = np.sort(values)
    return (float(ordered[(len(ordered) - 1) // 2]) + float(ordered[len(ordered) // 2])) / 2


def median5(values: Floats) -> Floats:
    """Return the running median over five bins."""
    return np.asarray(cv2.medianBlur(values.reshape(1, -1), 5), dtype=np.float32).ravel()


def mean3(values: Floats) -> Floats:
    """Return the running mean over three bins."""
    return np.asarray(cv2.blur(values.reshape(1, -1), (3, 1)), dtype=np.float32).ravel()
