"""This module reads a mask: flawed is whatever is not background, and background is black or transparent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.images.metadata import FaultError, ImageMetadata, Raster, named
from drivers.images.reader import read_raster, white_level

MOST_CLASSES = 32
"""Up to so many levels beside black number flaws or their kinds; more may be shades, as of soft edges."""

_NOISE = 32
"""A JPEG's noise on black stays below this."""

_DIM_RIM, _MOST_FLAT = 0.125, 0.2
_PX_AT_ONCE = 1 << 22
_INVERTED_SHARE, _INVERTED_BORDER = 0.5, 0.8


class Reading(StrEnum):
    """The reading says how a mask's levels were taken."""

    TWO_LEVELS = "two levels"
    CLASSES = "several levels, each of them flawed"
    SHADES = "shades, flawed where brighter than half"


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A mask says which pixels are flawed, bool ``[lines, width]``, and how its levels were taken.

    ``levels`` counts those beside black, or is ``MOST_CLASSES + 1`` if there are more than may be classes.
    """

    flawed: NDArray[np.bool_]
    reading: Reading
    levels: int


def read_mask(path: Path) -> Mask:
    """Read a mask of any depth or colour, turned upright as its picture is.

    Raises:
        CameraError: it cannot be read as an image, it seems inverted, or a JPEG spoiled its few low levels.
    """
    raster, header = read_raster(path)
    with named(path):
        shades, levels = _shades(raster, header)
        if (header.is_lossy and levels > 1) or (levels > MOST_CLASSES and _is_blurred(shades)):
            brightest = int(shades.max())
            if header.is_lossy and brightest < _NOISE:
                raise FaultError(
                    f"is a mask with levels up to {brightest} only, which its lossy format does not keep; save it as "
                    "PNG"
                )
            mask = Mask(shades > brightest // 2, Reading.SHADES, levels)
        else:
            mask = Mask(shades > 0, Reading.CLASSES if levels > 1 else Reading.TWO_LEVELS, levels)
        _refuse_inverted(mask.flawed)
    return mask


def _shades(raster: Raster, header: ImageMetadata) -> tuple[NDArray[Any], int]:
    """Return how bright each pixel is, 0 for background, and how many levels or colours there are beside it."""
    samples = raster.samples
    if header.is_negative:
        samples = (header.white or white_level(header.whites, int(samples.max()))) - samples
    shades = samples if samples.ndim == 2 else samples.max(axis=2)
    alpha, indices = raster.alpha, raster.indices
    if indices is not None and not indices.all() and not shades[indices == 0].any():
        # A palette may have colours for its first numbers only; where 0 is black, all other numbers are flawed.
        samples = shades = indices
    if alpha is not None and not alpha.all() and alpha.any():
        # Only the transparency may draw the flaws; the colour of what is transparent says nothing.
        samples = shades = np.where(alpha > 0, shades, 0) if shades[alpha > 0].any() else alpha
    return shades, _levels(samples)


def _is_blurred(shades: NDArray[Any]) -> bool:
    """Say whether flaws fade out towards black: their rims are dim, and few darker pixels lie among their equals.

    Numbers of flaws or of their kinds, however many, begin at the rim and are the same over a stretch.
    """
    padded = np.pad(shades, 1, mode="edge")
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    touches_black, is_flat = np.zeros(shades.shape, bool), np.ones(shades.shape, bool)
    for beside in around:
        touches_black |= beside == 0
        is_flat &= beside == shades
    rim = shades[touches_black & (shades > 0)]
    if not rim.size:
        return True
    brightest = int(shades.max())
    between = (shades > 0) & (shades < brightest)
    return bool(np.median(rim) <= _DIM_RIM * brightest and np.mean(is_flat[between]) < _MOST_FLAT)


def _levels(samples: NDArray[Any]) -> int:
    """Count the levels, or colours, that are not black, up to one more than may be classes."""
    if samples.ndim == 2:
        return min(int(np.count_nonzero(np.bincount(samples.ravel())[1:])), MOST_CLASSES + 1)
    found: set[int] = set()
    step = max(1, _PX_AT_ONCE // samples.shape[1])
    for line in range(0, samples.shape[0], step):  # in parts: numbers of colours take more room than samples
        red, green, blue = (samples[line : line + step, :, channel].astype(np.uint64) for channel in range(3))
        found.update(np.unique(red << 32 | green << 16 | blue).tolist())
        if len(found) > MOST_CLASSES + 1:
            break
    return min(len(found - {0}), MOST_CLASSES + 1)


def _refuse_inverted(flawed: NDArray[np.bool_]) -> None:
    share = float(flawed.mean())
    border = np.concatenate([flawed[0], flawed[-1], flawed[:, 0], flawed[:, -1]])
    if share > _INVERTED_SHARE and border.mean() >= _INVERTED_BORDER:
        raise FaultError(
            f"seems to be an inverted mask: {share:.0%} of it is not black, along its border too, so nearly all would "
            "count as flawed; save it with a black background, or take the picture out if all of it is flawed"
        )
