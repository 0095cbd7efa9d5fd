"""This module lays loose fibres and grain on the cloth's face."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.simulated.lattice import rng_at

_SHEET_LINES = 1024
_LAYER_SHEET, _LAYER_SHIFT = 30, 31


class Fuzz:
    """The fuzz is an endless face of loose hairs: one drawn sheet, laid down repeatedly, shifted and turned at random.

    Args:
        hairs_per_cm2: how many.
        mm_per_px: scale.
        width_px: columns.
        seed: which randomness.
    """

    def __init__(self, hairs_per_cm2: float, mm_per_px: float, width_px: int, seed: int) -> None:
        self._seed = seed
        rng = rng_at(seed, _LAYER_SHEET, 0)
        sheet = cv2.GaussianBlur(rng.standard_normal((_SHEET_LINES, width_px), np.float32), (3, 3), 0.7) * 3.0
        # hairs much thinner than a pixel are part of the grain
        hairs_per_cm2 = hairs_per_cm2 if mm_per_px <= 1 else 0.0
        area_cm2 = _SHEET_LINES * width_px * (mm_per_px / 10) ** 2
        for _ in range(rng.poisson(hairs_per_cm2 * area_cm2)):
            _hair(sheet, mm_per_px, rng)
        self._sheet = sheet
        self._shift = lru_cache(maxsize=64)(self._draw_shift)

    def _draw_shift(self, sheet: int) -> tuple[int, bool]:
        rng = rng_at(self._seed, _LAYER_SHIFT, sheet)
        return int(rng.integers(self._sheet.shape[1])), bool(rng.integers(2))

    def add(self, canvas: NDArray[np.float32], first_line: int, first_px: int) -> None:
        """Lay the fibres over ``canvas`` float32 ``[lines, px]`` with its corner at (first_line, first_px)."""
        lines, px = canvas.shape
        line = first_line
        while line < first_line + lines:
            sheet, row = divmod(line, _SHEET_LINES)
            count = min(_SHEET_LINES - row, first_line + lines - line)
            shift, turned = self._shift(sheet)
            rows = (
                self._sheet[_SHEET_LINES - row - count : _SHEET_LINES - row][::-1]
                if turned
                else self._sheet[row : row + count]
            )
            width = rows.shape[1]
            start = (first_px + shift) % width
            head = min(px, width - start)
            target = canvas[line - first_line : line - first_line + count]
            target[:, :head] += rows[:, start : start + head]
            target[:, head:] += rows[:, : px - head]
            line += count


def _hair(sheet: NDArray[np.float32], mm_per_px: float, rng: np.random.Generator) -> None:
    """Draw one bent hair, lighter or darker, wholly inside the sheet's lines; across, the sheet joins itself."""
    lines, width = sheet.shape
    length = rng.uniform(1.5, 5.0) / mm_per_px
    turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, 5))
    steps = np.stack([np.cos(turns), np.sin(turns)], 1) * length / 5
    path = np.vstack([np.zeros((1, 2)), np.cumsum(steps, 0)])
    size = int(np.ceil(np.ptp(path, axis=0).max())) + 4
    if size >= min(lines, width):
        return
    small = np.zeros((size, size), np.uint8)
    points = np.round((path - path.min(0) + 1.5) * 16).astype(np.int32)
    cv2.polylines(small, [points.reshape(-1, 1, 2)], False, 255, 1, cv2.LINE_AA, 4)
    top, left = int(rng.integers(lines - size)), int(rng.integers(width - size))
    sheet[top : top + size, left : left + size] += small * np.float32(rng.choice([-4.0, 3.5, 6.0]) / 255)
