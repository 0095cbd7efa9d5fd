"""A yarn-dyed check in colour with a repeat of 180 px, as met in the field (f05), wherever its picture begins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

REPEAT, LINES, WIDTH = 180, 512, 1024
BAR_PX = 125


def yarn_dyed(seed: int, lines: int = LINES, width: int = WIDTH) -> NDArray[np.uint8]:
    """Draw a picture of good cloth, uint8 RGB ``[lines, width, 3]``; the seed chooses yarn and where it begins."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:lines, :width].astype(np.float32)
    across, along = (x + random.integers(REPEAT)) % REPEAT, (y + random.integers(REPEAT)) % REPEAT
    cloth = np.full((lines, width, 3), (200, 190, 160), np.float32)
    cloth[across < 60] = (40, 60, 120)
    cloth[along < 50] = cloth[along < 50] * 0.5 + np.array((60, 20, 30))
    cloth[(across > 110) & (across < 120)] = (220, 40, 40)
    thin = (along > 120) & (along < 128)
    cloth[thin] = cloth[thin] * 0.4 + np.array((20, 90, 30))
    weave = np.sin(2 * np.pi * x / 6) * np.sin(2 * np.pi * y / 6)
    yarn = cv2.GaussianBlur(random.normal(0, 1, (lines, width)).astype(np.float32), (0, 0), 4) * 4
    grain = 11 * weave + yarn + random.normal(0, 1.5, (lines, width))
    return np.clip(cloth + grain[..., None], 0, 255).astype(np.uint8)


def barred(picture: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Draw a black bar of 125 × 6 px, a little askew, at a random place; return the picture and its middle (x, y)."""
    random = np.random.default_rng(seed)
    x, y = int(random.integers(70, picture.shape[1] - 70)), int(random.integers(10, picture.shape[0] - 10))
    marred = picture.copy()
    cv2.line(marred, (x - BAR_PX // 2 + 2, y - 3), (x + BAR_PX // 2 - 2, y + 3), (20, 20, 20), 5)
    return marred, (x, y)
