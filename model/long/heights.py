"""This module says how high sums over windows stand out, in spreads of good cloth as it is around them.

Good cloth is not equally calm everywhere: where the loom or the encoder wobbled, every line stands out a little.  So
what stands out is held against what stands out around it, outside a flaw's own width, if that is more than usual.  It
also keeps the filter's echo beside a strong flaw, and broad bands such as seams, from looking like flaws of their own.
"""

from __future__ import annotations

import cv2
import numpy as np

from model.long.look import LEVELS, UNIT, Direction, Floats
from model.long.passing import Sums

AROUND_PX, CORE_PX = 16, 5
"""Around a place are those from the second to the first away, on both sides."""
HELD = 2.5
"""What lies around counts at most so many times what is usual: the filter looks aside, and a strong flaw has echoes."""


def raw_heights(sums: Sums, direction: Direction) -> Floats:
    """Return the highest sum of lines through each place in spreads of good cloth, float32 ``[windows, places]``."""
    highest = np.maximum(sums.values.max(0), -sums.values.min(0))
    units = 1 / (UNIT * direction.spread[sums.level - LEVELS[0]])
    return np.asarray((highest * units.astype(np.float32)[:, None]).max(1))


def around(raw: Floats, low: int, high: int, held: float = np.inf) -> Floats:
    """Return the mean height around each place of ``[low, high)``, float32 ``[windows, high - low]``.

    Heights count up to ``held``.
    """
    inside = np.minimum(raw[:, low:high], np.float32(held))
    wide, core = 2 * AROUND_PX + 1, 2 * CORE_PX + 1
    mean = cv2.blur(inside, (wide, 1), borderType=cv2.BORDER_REFLECT_101) * np.float32(wide)
    mean -= cv2.blur(inside, (core, 1), borderType=cv2.BORDER_REFLECT_101) * np.float32(core)
    return np.asarray(mean / np.float32(wide - core))


def heights(sums: Sums, direction: Direction, low: int, high: int) -> Floats:
    """Return how high each place stands out, float32 ``[windows, places]``, 0 outside ``[low, high)``."""
    out = np.zeros(sums.values.shape[1::2], np.float32)
    usual = direction.usual[sums.level - LEVELS[0]]
    if high - low > 2 * AROUND_PX and np.isfinite(usual):
        raw = raw_heights(sums, direction)
        out[:, low:high] = raw[:, low:high] / np.maximum(around(raw, low, high, HELD * usual) / usual, 1)
    return out
