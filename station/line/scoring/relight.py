"""This module gives cloth the light of the teaching, for looks that see change too soft to be told from light.

A lamp that ages, is turned or replaced changes the light slowly across the picture.  The cloth's own greys across it,
held against those of the teaching, say by how much: a parabola through their logarithms, which no stain can follow.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from station.recipe.cloth import TaughtCloth

MEMORY_LINES = 1000
"""Greys of lines before count less and less, by this length."""
DEGREE, FEWEST_PARTS = 2, 6
"""The light is a parabola where it is known in so many parts of the picture, and one for all where it is in fewer."""
MOST = 3.0
"""The light is changed by this factor at most."""
SMALL = 0.01
"""A change of light below this share is none."""

Pixels = NDArray[np.uint8]


class Relighting:
    """The relighting follows one run of cloth.

    Args:
        taught: what is known of the teaching's cloth; without greys across it, pixels stay as they are.
        width_px: width of the pictures given, which may be smaller than the camera's by a whole factor.
    """

    def __init__(self, taught: TaughtCloth | None, width_px: int) -> None:
        greys = () if taught is None else taught.greys_across
        self._taught = np.array([np.nan if grey is None else grey for grey in greys], np.float64)
        self._borders = np.linspace(0, width_px, len(self._taught) + 1).round().astype(int)
        self._places = np.linspace(-1, 1, width_px) if width_px > 1 else np.zeros(width_px)
        self.end_run()

    def end_run(self) -> None:
        """Forget the cloth seen: other cloth follows."""
        self._sums = np.zeros(len(self._taught))
        self._lines = np.zeros(len(self._taught))

    def relit(self, pixels: Pixels, left_px: int, right_px: int) -> Pixels:
        """Take the run's next lines, uint8 ``[lines, width]`` or ``[lines, width, 3]``; return them as lit in teaching.

        Args:
            left_px, right_px: columns that are cloth, half-open.
        """
        if not len(self._taught) or not len(pixels):
            return pixels
        self._see(pixels, left_px, right_px)
        gains = self._gains()
        if gains is None:
            return pixels
        across = gains.astype(np.float32)[None, :, None] if pixels.ndim == 3 else gains.astype(np.float32)[None]
        return np.clip(np.rint(pixels * across), 0, 255).astype(np.uint8)

    def _see(self, pixels: Pixels, left_px: int, right_px: int) -> None:
        columns = cv2.reduce(pixels, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F).reshape(pixels.shape[1], -1).mean(1)
        sums = np.concatenate([[0.0], np.cumsum(columns, dtype=np.float64)])
        firsts, ends = self._borders[:-1], self._borders[1:]
        means = (sums[ends] - sums[firsts]) / np.maximum(1, ends - firsts)
        seen = len(pixels) * ((firsts >= left_px) & (ends <= right_px))  # lines that are cloth all over
        kept = np.exp(-len(pixels) / MEMORY_LINES)
        self._sums = self._sums * kept + means * seen
        self._lines = self._lines * kept + seen

    def _gains(self) -> NDArray[np.float64] | None:
        """Return by what each column is multiplied, None where the light is the teaching's."""
        now = self._sums / np.maximum(self._lines, 1e-9)
        known = np.isfinite(self._taught) & (now > 0) & (self._taught > 0)
        if not known.any():
            return None
        middles = (self._borders[:-1] + self._borders[1:]) / 2
        places = 2 * middles[known] / max(1, self._borders[-1]) - 1
        logs = np.log(self._taught[known] / now[known])
        degree = DEGREE if known.sum() >= FEWEST_PARTS else 0
        change = np.polyval(np.polyfit(places, logs, degree), np.clip(self._places, places.min(), places.max()))
        change = np.clip(change, -np.log(MOST), np.log(MOST))
        return None if np.abs(change).max() < SMALL else np.exp(change)
