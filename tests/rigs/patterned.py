"""Cloth with a pattern drawn at random, that repeats exactly where it is asked to, wherever a window of it begins."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Patterned:
    """Patterned cloth has blotches that repeat after ``along`` lines and ``across`` columns; 0 where they do not.

    Attributes:
        lean: the pattern rises by so many lines a column.
        contrast, grain: standard deviations of pattern and of what is random, as shares of grey.
    """

    along: int = 240
    across: int = 180
    lean: float = 0.0
    contrast: float = 0.1
    grain: float = 0.05
    seed: int = 0

    def picture(self) -> NDArray[np.float32]:
        """Return one repeat, float32, mean 0 and standard deviation 1."""
        random = np.random.default_rng(self.seed)
        raw = random.normal(size=(self.along or 1, self.across or 1)).astype(np.float32)
        wide = np.pad(raw, [(60 if side > 1 else 0,) * 2 for side in raw.shape], mode="wrap")
        soft = cv2.GaussianBlur(wide, (0, 0), 12.0)
        cut = [slice(60, -60) if side > 1 else slice(None) for side in raw.shape]
        made = soft.reshape(wide.shape)[cut[0], cut[1]]
        return np.asarray((made - made.mean()) / max(float(made.std()), 1e-9), np.float32)

    def window(self, first: int, lines: int, left: int, width: int) -> NDArray[np.uint8]:
        """Return cloth, uint8 ``[lines, width]``, from this line and column on."""
        picture = self.picture()
        columns = left + np.arange(width)
        rows = first + np.arange(lines)[:, None] + np.round(self.lean * columns).astype(int)
        shown = picture[rows % picture.shape[0], columns % picture.shape[1]]
        random = np.random.default_rng((self.seed, first % 100_003, left % 100_003, 7))
        grey = 120 * (1 + self.contrast * shown + self.grain * random.normal(size=shown.shape))
        return np.clip(np.rint(grey), 0, 255).astype(np.uint8)
