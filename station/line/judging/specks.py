"""This module measures specks in the picture: what is smaller than the model can see has a size there alone.

To the model a bright pixel looks like any other point.  Where a point stands out so far that nothing of the cloth
around comes near, its size can be read from the pixels themselves; anywhere else the model's word stands.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

ABOVE_LINES, BELOW_LINES, BESIDE_PX = 48, 16, 48
"""The cloth around ends here; so far below, cloth has been seen whenever a place is judged."""
STANDS_OUT = 2.0
"""A speck deviates so many times as far as all the cloth around."""


def speck(around: NDArray[np.uint8], line: int, column: int, reach: int) -> tuple[int, int, int, int] | None:
    """Return the box of the speck at a place: lines and columns of the picture, half-open; None if there is none.

    It spans the pixels that deviate from the median of the cloth at least half as far as the one that does most.

    Args:
        around: picture of the place and the cloth around, uint8 ``[lines, width]`` or ``[lines, width, 3]``.
        line, column: of the place in it.
        reach: the speck lies within so many px of the place.
    """
    grey = around.reshape(*around.shape[:2], -1).astype(np.float32)
    deviation = np.abs(grey - np.median(grey, axis=(0, 1))).max(axis=2)
    top, left = max(0, line - reach), max(0, column - reach)
    inner = deviation[top : line + reach, left : column + reach].copy()
    if not inner.size:
        return None
    deviation[top : line + reach, left : column + reach] = 0
    highest = inner.max()
    if highest <= STANDS_OUT * max(deviation.max(), 1.0):
        return None
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((inner >= highest / 2).astype(np.uint8), connectivity=8)
    x, y, width, height, _ = boxes[labels[np.unravel_index(int(inner.argmax()), inner.shape)]].tolist()
    return top + y, top + y + height, left + x, left + x + width
