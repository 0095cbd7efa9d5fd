"""Figures over the pixels of many images at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from station.evaluation.metrics import PixelScores


def pixel_scores(
    truths: Sequence[NDArray[np.bool_]],
    maps: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]] | None = None,
) -> PixelScores:
    """All images (``[h, w]`` each) counted; ``valid`` says which pixels count."""
    pixels = PixelScores()
    for index, (truth, one) in enumerate(zip(truths, maps, strict=True)):
        pixels.add(truth, one, None if valid is None else valid[index])
    return pixels
