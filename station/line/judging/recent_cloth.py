"""This module keeps the last lines of cloth and their scores for the pictures of defects."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from station.line.flow import StripPart

KEEP_LINES = 1024
"""This is enough for a picture around any peak of the last parts (each at most a tile), and no more: it limits
memory."""


class RecentCloth:
    """The recent cloth is a bounded memory of the newest strip parts of one run."""

    def __init__(self, cell_px: int) -> None:
        self._cell = cell_px
        self._parts: deque[StripPart] = deque()

    def append(self, part: StripPart) -> None:
        """Remember the part and forget parts that are too old."""
        self._parts.append(part)
        while len(self._parts) > 1 and part.end - self._parts[1].first >= KEEP_LINES:
            self._parts.popleft()

    @property
    def first(self) -> int:
        """Give the oldest line that is remembered, counted from the run's start."""
        return self._parts[0].first if self._parts else 0

    @property
    def end(self) -> int:
        """Give the line after the newest one, counted from the run's start."""
        return self._parts[-1].end if self._parts else 0

    def pixels(self, first_line: int, end_line: int, first_px: int, end_px: int) -> NDArray[np.uint8] | None:
        """Cut out these lines and columns, clipped to the cloth of the run; uint8 ``[h, w]`` or ``[h, w, 3]``.

        The result is None if some of it is forgotten, or there is none.
        """
        first_line, first_px = max(0, first_line), max(0, first_px)
        parts = [p for p in self._parts if p.first < end_line and first_line < p.end]
        if not parts or first_line < parts[0].first:
            return None
        columns = slice(first_px, end_px)
        return np.concatenate([p.pixels[max(0, first_line - p.first) : end_line - p.first, columns] for p in parts])

    def picture(self, line: int, column: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
        """Cut out pixels and scores, ``size`` square around a place, clipped to the remembered cloth and the picture.

        Returns uint8 ``[h, w]`` or ``[h, w, 3]`` and float32 ``[h, w]`` raw scores; None if the place is forgotten.
        """
        parts = [p for p in self._parts if p.first < line + size // 2 and line - size // 2 < p.end]
        if not parts or line < parts[0].first:
            return None
        cell, width = self._cell, parts[0].pixels.shape[1]
        # Whole cells, so that scores and picture fit exactly.
        top = max(parts[0].first, (line - size // 2) // cell * cell)
        bottom = min(parts[-1].end, top + size)
        left = max(0, (column - size // 2) // cell * cell)
        right = min(width, left + size)
        spans = [(p, max(top - p.first, 0), bottom - p.first) for p in parts if top < p.end and p.first < bottom]
        crop = np.concatenate([p.pixels[start:stop, left:right] for p, start, stop in spans])
        across = slice(left // cell, -(-right // cell))
        scores = np.concatenate([p.scores[start // cell : -(-stop // cell), across] for p, start, stop in spans])
        smooth = cv2.resize(scores, (scores.shape[1] * cell, scores.shape[0] * cell), interpolation=cv2.INTER_LINEAR)
        return crop, np.array(smooth[: crop.shape[0], : crop.shape[1]], np.float32)
