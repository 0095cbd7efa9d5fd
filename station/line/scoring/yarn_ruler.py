"""This module measures where yarns that were learned begin and end across, for cloth that nothing else tells.

A window of 64 columns that is half on the cloth shows half of its yarns' amplitude, so that the border lies where the
amplitude has risen by half; where the shade steps as well, the step says it to the pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from station.line.scoring.yarns import WINDOW_PX

Floats = NDArray[np.float32]

RULED = 4
"""No more of the yarns' peaks are measured."""
STEP_PX = 8
"""Amplitudes are known so many columns apart."""

_LEAST_OVER = 2.0  # power over the floor: less is chance
_WIDE_PX = 96  # yarns are seen in so many columns together
_MOST = 1.5  # of the amplitude learned: the rest is chance, where it is dark
_NEAR_PX = 320  # the cloth's own amplitude is that of so much cloth beside the border
_STEP = 0.15  # of shade, in natural logarithm
_REACH_PX = 80  # how far a step may lie from where the amplitude has risen by half
_STEADY_PX = 24  # so many columns of the cloth's shade in a row are cloth
_BANDS = 4
_INSET_PX = 2


class YarnRuler:
    """The ruler measures one block after another.

    Args:
        yarns, strength: as in :class:`station.recipe.web_look.WebLook`; at least one peak, of which the first
            ``RULED`` are measured.
    """

    def __init__(self, yarns: Sequence[tuple[int, int]], strength: float) -> None:
        ruled = yarns[:RULED]
        self._along = sorted({along for along, _ in ruled})
        self._across = {
            one: [(peak[1], _beside(peak, yarns)) for peak in ruled if peak[0] == one] for one in self._along
        }
        self._strength = max(strength, 1e-12)

    def begins(self, grey: NDArray[np.uint8], *, left: bool, right: bool) -> tuple[int, int] | None:
        """Return how many columns at the left and the right border show no yarns, 0 where not asked for.

        Args:
            grey: uint8 ``[lines, width]``, 8 lines and 64 columns or more.

        Returns:
            The columns, or None where no yarns are in sight.
        """
        shares = np.minimum(np.sqrt(self.excess(grey) / self._strength), _MOST)
        at_left = _begin(shares, 0, grey) if left else 0
        beyond = grey.shape[1] - STEP_PX * (len(shares) - 1)  # the last one's window has its middle there
        at_right = _begin(shares[::-1], beyond, grey[:, ::-1]) if right else 0
        return None if at_left is None or at_right is None else (at_left, at_right)

    def excess(self, grey: NDArray[np.uint8]) -> Floats:
        """Return the power of the yarns above the floor every ``STEP_PX`` columns, over the mean grey squared.

        What lies outside the picture has no power.
        """
        pixels = grey.astype(np.float32)
        columns = pixels.mean(axis=0, keepdims=True)
        level = cv2.blur(columns, (WINDOW_PX + 1, 1), borderType=cv2.BORDER_REFLECT)
        lines = cv2.blur(pixels.mean(axis=1, keepdims=True), (1, WINDOW_PX + 1), borderType=cv2.BORDER_REFLECT)
        pixels -= lines / max(float(lines.mean()), 1e-6) * level  # light that falls along ends at the picture's border
        high, low = np.zeros(0, np.float32), np.zeros(0, np.float32)
        for along, rows in zip(self._along, self._waves_along(pixels), strict=True):
            for across, beside in self._across[along]:
                high = _power(rows, across) + (high if len(high) else 0)
                low = np.mean([_power(rows, one) for one in beside], axis=0) + (low if len(low) else 0)
        wide = (_WIDE_PX // STEP_PX, 1)
        is_seen = cv2.blur(high[None], wide) > _LEAST_OVER * cv2.blur(low[None], wide)
        is_seen = cv2.dilate(is_seen.astype(np.uint8), np.ones((1, wide[0] + 1), np.uint8)) > 0
        light = cv2.dilate(level, np.ones((1, 3 * WINDOW_PX // 2)))  # half a window of cloth beside the dark is half
        light = light[0, STEP_PX // 2 :: STEP_PX][: len(high)]
        excess = np.where(is_seen[0], np.maximum(high - low, 0), 0) / RULED / (np.square(light) + 1)
        return np.asarray(excess, np.float32)

    def _waves_along(self, pixels: Floats) -> NDArray[np.complex64]:
        """Return the waves along of each frequency in windows of lines, complex64 ``[frequencies, windows, width]``."""
        lines = len(pixels)
        tall = min(WINDOW_PX, lines)
        firsts = np.arange(0, lines - tall + 1, tall)
        window = np.hanning(tall + 1)[:-1] * (WINDOW_PX / tall)
        filters = np.zeros((2, len(self._along), len(firsts), lines), np.float32)
        for number, along in enumerate(self._along):
            turning = window * np.exp(-2j * np.pi * along / WINDOW_PX * np.arange(tall))
            for row, first in enumerate(firsts):
                filters[:, number, row, first : first + tall] = turning.real, turning.imag
        real, imag = (filters.reshape(-1, lines) @ pixels).reshape(2, len(self._along), len(firsts), -1)
        return np.asarray(real + 1j * imag, np.complex64)


def _beside(peak: tuple[int, int], peaks: Sequence[tuple[int, int]]) -> list[int]:
    """Return frequencies across, beside a peak and beside no other, at which the floor lies."""
    along, across = peak

    def is_free(one: int) -> bool:
        return 3 <= one <= WINDOW_PX // 2 and all(max(abs(along - y), abs(one - x)) >= 3 for y, x in peaks)

    free = [one for off in range(4, WINDOW_PX // 4) for one in (across - off, across + off) if is_free(one)]
    return free[:2] or [across + 5 if across < WINDOW_PX // 4 else across - 5]


def _power(rows: NDArray[np.complex64], across: int) -> Floats:
    """Return the mean power of one frequency in the window around every ``STEP_PX`` columns."""
    steps = rows.shape[1] // STEP_PX
    turning = np.exp(-2j * np.pi * across / WINDOW_PX * np.arange(STEP_PX)).astype(np.complex64)
    sums = rows[:, : steps * STEP_PX].reshape(len(rows), steps, STEP_PX) @ turning
    sums *= np.exp(-2j * np.pi * across * STEP_PX / WINDOW_PX * np.arange(steps)).astype(np.complex64)
    hann = np.hanning(WINDOW_PX // STEP_PX + 2)[None, 1:-1].astype(np.float32)
    hann *= WINDOW_PX / 2 / STEP_PX / hann.sum()
    real, imag = (
        cv2.filter2D(np.ascontiguousarray(part), -1, hann, borderType=cv2.BORDER_CONSTANT, anchor=(hann.size // 2, 0))
        for part in (sums.real, sums.imag)
    )
    return np.asarray((real**2 + imag**2).mean(axis=0), np.float32)


def _begin(shares: Floats, first_px: int, grey: NDArray[np.uint8]) -> int | None:
    """Return the column at which the cloth begins; the middle of the first share's window is at ``first_px``."""
    even = cv2.blur(shares[None], (_WIDE_PX // STEP_PX, 1)).ravel()
    shows = np.flatnonzero(even >= 0.5)
    if not len(shows):
        return None
    first = int(shows[0])
    near = even[first : first + _NEAR_PX // STEP_PX]
    half = 0.5 * float(np.median(near))
    wide = _WIDE_PX // STEP_PX
    within = min(first + wide // 2, len(shares) - 1)
    below = np.flatnonzero(shares[:within] < half)
    risen = int(below[-1]) + 1 if len(below) else 0
    if risen == 0:
        return 0
    rise = float(shares[risen] - shares[risen - 1])
    place = STEP_PX * (risen - (float(shares[risen]) - half) / rise) if rise > 0 else STEP_PX * risen
    return _at_step(grey, first_px + round(float(place))) + _INSET_PX


def _at_step(grey: NDArray[np.uint8], place: int) -> int:
    """Return the innermost place of a step of shade near a place, or the place where shade does not step."""
    outside = slice(max(0, place - _REACH_PX - WINDOW_PX), max(WINDOW_PX // 4, place - _REACH_PX))
    inside = slice(place + _REACH_PX, place + _REACH_PX + WINDOW_PX)
    at = np.arange(outside.stop, inside.stop)
    places: list[int] = []
    for band in np.array_split(grey, max(1, min(_BANDS, len(grey) // 8))):
        columns = cv2.blur(band.mean(axis=0, keepdims=True), (5, 1)).ravel()
        if not len(columns[inside]):
            return place
        at = at[at < len(columns)]
        beside, cloth = _shade_at(columns, outside, at), _shade_at(columns, inside, at)
        middle = min(place - outside.stop, len(at) - 1)
        if abs(np.log((cloth[middle] + 1) / (beside[middle] + 1))) < _STEP:
            return place
        is_cloth = np.abs(columns[at] - beside) >= np.abs(columns[at] - cloth)
        runs = np.flatnonzero(np.convolve(is_cloth, np.ones(_STEADY_PX), mode="valid") > _STEADY_PX - 0.5)
        places.append(int(at[0]) + int(runs[0]) if len(runs) else place)
    return max(places)


def _shade_at(columns: Floats, seen: slice, at: NDArray[np.intp]) -> Floats:
    """Return the shade that columns, float32 ``[width]``, would go on with elsewhere: light falls off steadily."""
    shade = columns[seen]
    middle = len(shade) // 2
    if len(shade) < WINDOW_PX:
        return np.full(len(at), np.median(shade), np.float32)
    first, last = float(np.median(shade[:middle])), float(np.median(shade[middle:]))
    slope = (last - first) / middle
    return np.asarray(first + slope * (at - seen.start - middle / 2), np.float32).clip(0)
