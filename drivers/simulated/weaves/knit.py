"""This module draws the face of a single jersey: columns of loops that hang in each other, seen as rows of V."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_OVERLAP = 0.35
"""The legs of a loop reach this far, in courses, below the loop that hangs in it."""


def loops(samples: int, cover: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw one loop as it repeats.

    Args:
        samples: of each side of the drawing.
        cover: the yarn's diameter, 1.0 where the legs of two loops touch.

    Returns:
        lightness, and how much of each place is yarn (0..1), float64 ``[samples, samples]``: courses along, wales
        across.
    """
    place = (np.arange(samples) + 0.5) / samples
    along, across = place[:, None], np.abs(place - 0.5)[None, :]
    light, yarn = np.full((samples, samples), 0.1), np.zeros((samples, samples))
    for course in (1, 0):  # what hangs lower lies on top
        at = along + course
        leg = 0.09 + 0.25 * at
        round_yarn = np.sqrt(np.clip(1 - ((across - leg) / (0.17 * cover)) ** 2, 0, 1)) * (at < 1 + _OVERLAP)
        seen = round_yarn > 0
        light = np.where(seen, (0.4 + 0.6 * round_yarn) * (1.05 - 0.35 * at), light)
        yarn = np.where(seen, 0.5 + 0.5 * round_yarn, yarn)
    return light, yarn
