"""This module helps to set up a camera: one figure is highest in focus, another says how the picture is exposed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import PictureError
from calibration.pictures import CLIPPED, grey_of

MOST_SATURATED, MOST_BLACK = 0.001, 0.01
"""Shares of pixels at the ends of the scale that a good exposure may have (a hole shows black, a needle glints)."""
MEDIAN_LEVEL = (80, 180)
"""The cloth's median should lie here, which leaves room for darker and lighter flaws."""
_BLACK = 4
_DARKEST = 8.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """An exposure says how a picture is exposed.

    Attributes:
        saturated_share, black_share: shares of all pixels that lie at the ends of the scale.
        median_level: grey level.
        advice: what to do, in a sentence.
        good: whether nothing needs to be done.
    """

    saturated_share: float
    black_share: float
    median_level: float
    advice: str
    good: bool


def focus_figure(picture: NDArray[np.uint8]) -> float:
    """Return the sharpness, 0 to 100: root mean square slope in per cent of the mean level per pixel.

    This is the normalised Tenengrad.  More light alone does not change it; cloth, target and scale do.  Turn the lens
    until it is highest on one and the same cloth, and compare it with the best seen there, not with another cloth's.

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]``.

    Raises:
        PictureError: no picture, or an almost black one.
    """
    grey = grey_of(picture)
    level = float(grey.mean())
    if level < _DARKEST:
        raise PictureError("The picture is almost black, so there is nothing to focus on; switch the lamp on.")
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    along = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    return min(100.0, 100 * float(np.sqrt(np.mean(across**2 + along**2))) / level)


def exposure_figure(picture: NDArray[np.uint8]) -> Exposure:
    """Find out how a picture of cloth (web only, nothing beside it) is exposed, and what to do.

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]``.

    Raises:
        PictureError: no picture.
    """
    grey = grey_of(picture)
    saturated, black = float((grey >= CLIPPED).mean()), float((grey <= _BLACK).mean())
    median = float(np.median(grey))
    low, high = MEDIAN_LEVEL
    advice = ""
    if saturated > MOST_SATURATED:
        advice = f"{saturated:.1%} of the pixels are saturated: expose shorter or close the aperture."
    elif median > high:
        advice = f"The median of {median:.0f} is too light: expose shorter, until it lies in {low} to {high}."
    elif median < low:
        advice = f"The median of {median:.0f} is too dark: expose longer or give more light, to {low} to {high}."
    elif black > MOST_BLACK:
        advice = f"{black:.1%} of the pixels are black: light the cloth from both sides, or look at the web only."
    return Exposure(saturated, black, median, advice or "The exposure is good.", not advice)
