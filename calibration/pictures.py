"""This module turns pictures of targets to grey and refuses those on which nothing can be measured."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import PictureError

CLIPPED = 250
"""Grey levels from here on count as saturated."""
SOFTEST_EDGE_PX = 6.0
"""Edges of a target may take this many pixels to rise from 10 to 90 per cent; beyond, the lens is out of focus."""
_LEAST_CONTRAST = 20.0
_DARKEST_WHITE, _LIGHTEST_BLACK = 40.0, 75.0


def grey_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture in grey, uint8 ``[lines, width]``.

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]`` (RGB).

    Raises:
        PictureError: anything else, or an empty picture.
    """
    if (
        picture.dtype != np.uint8
        or picture.ndim not in (2, 3)
        or not picture.size
        or picture.shape[2:] not in ((), (3,))
    ):
        raise PictureError(
            f"The picture has {picture.dtype} pixels of shape {list(picture.shape)}; "
            "give uint8 of shape [lines, width] or [lines, width, 3]."
        )
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def greys_of_one_size(pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return all pictures in grey.

    Raises:
        PictureError: none was given, one is no picture, or one has another size than the first.
    """
    if not pictures:
        raise PictureError("No picture of the target was given; take one or more.")
    greys = [grey_of(picture) for picture in pictures]
    for number, grey in enumerate(greys, start=1):
        if grey.shape != greys[0].shape:
            raise PictureError(
                f"Picture {number} is {grey.shape[1]} x {grey.shape[0]} px, the first one {greys[0].shape[1]} x "
                f"{greys[0].shape[0]} px; take all with one camera at one setting."
            )
    return greys


def check_target(grey: NDArray[np.uint8]) -> None:
    """Refuse a picture on which no target can be measured.

    Raises:
        PictureError: too dark, over-exposed or out of focus.
    """
    dark, light = (float(level) for level in np.percentile(grey, (0.2, 99.8)))
    check_levels(dark, light)
    if light - dark >= _LEAST_CONTRAST:
        across, along = (cv2.Sobel(grey, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        steepest = float(np.percentile(cv2.magnitude(across, along), 99.8))
        check_edges(0.8 * (light - dark) / max(steepest, 1e-6))


def check_levels(dark: float, light: float) -> None:
    """Refuse a target by the grey levels of its dark and light parts.

    White that clips does no harm by itself, because it does not shift the middle of an edge; if the dark parts are no
    longer dark, it does.

    Raises:
        PictureError: too dark or over-exposed.
    """
    if light < _DARKEST_WHITE:
        raise PictureError(
            f"The picture of the target is too dark (its lightest parts have grey level {light:.0f}); "
            "switch the lamp on or expose longer."
        )
    if light >= CLIPPED and dark > _LIGHTEST_BLACK:
        raise PictureError(
            f"The picture of the target is over-exposed (its darkest parts have grey level {dark:.0f}, its lightest "
            "are saturated); expose shorter or close the aperture."
        )


def check_edges(rise_px: float) -> None:
    """Refuse a target by the pixels its edges take to rise from 10 to 90 per cent.

    Raises:
        PictureError: out of focus.
    """
    if rise_px > SOFTEST_EDGE_PX:
        raise PictureError(
            f"The picture of the target is blurred (its edges are {rise_px:.0f} px wide, {SOFTEST_EDGE_PX:.0f} at most "
            "will do); focus the lens on the target, hold it still and take the picture anew."
        )
