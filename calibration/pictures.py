"""Pictures of targets: brought to grey, refused where nothing can be measured on them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import PictureError

CLIPPED = 250
"""Grey levels from here on count as saturated."""


def grey_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 ``[lines, width]`` of a picture uint8 ``[lines, width]`` or ``[lines, width, 3]`` (RGB).

    Raises:
        PictureError: something else, or an empty picture.
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
    """All pictures in grey.

    Raises:
        PictureError: one is no picture, or not of the first one's size.
    """
    greys = [grey_of(picture) for picture in pictures]
    for number, grey in enumerate(greys, start=1):
        if grey.shape != greys[0].shape:
            raise PictureError(
                f"Picture {number} is {grey.shape[1]} x {grey.shape[0]} px, the first one {greys[0].shape[1]} x "
                f"{greys[0].shape[0]} px; take all with one camera at one setting."
            )
    return greys
