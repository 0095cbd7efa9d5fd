"""This module measures after how many pixels good cloth repeats, along and across, by its autocorrelation.

What repeats within a few threads is the weave and not asked for here: cloth is first made smaller by averaging, and its
light is taken off.  Each direction has its own profile: how alike cloth is to itself so many cells on (1 is the same).
The repeat is the first peak about as high as the highest; it is then measured again at its highest multiple, which is
as much more exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from model.scorer import CELL_PX

Cells = NDArray[np.float32]

THREADS_PX = 8.0
"""Cloth is blurred by so much (standard deviation) before it is looked at."""
LEAST_PX = 32.0
"""What repeats within less is told as the weave."""
LARGEST_PX = 2200.0
LONGEST_STRETCH = 1200
"""So many lines of cells are looked at together: three times the repeat of 1,400 px that is asked for."""
MOST_CELLS = 4_000_000
LEAST_OVERLAP = 0.3
LEAST_STRENGTH = 0.5
"""Of what differs from cell to cell so much must repeat; chance alone stays far below."""
LEAST_RISE = 0.1
ABOUT_AS_HIGH = 0.95
LEAN = 0.03
"""Cloth may lie askew by this much."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The repeat says after how many px cloth looks the same again; None where it does not in that direction.

    Attributes:
        along_strength, across_strength: how much of what differs from cell to cell repeats (0..1).
        looked_along_px, looked_across_px: no larger repeat could be seen in the cloth at hand.
    """

    along_px: float | None = None
    across_px: float | None = None
    along_strength: float = 0.0
    across_strength: float = 0.0
    looked_along_px: float = 0.0
    looked_across_px: float = 0.0

    @property
    def is_there(self) -> bool:
        """Say whether cloth repeats in any direction."""
        return self.along_px is not None or self.across_px is not None


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey cloth of half the size, uint8; cloth in colour, ``[lines, width, 3]``, is taken as grey."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    lines, width = (side // 2 for side in grey.shape)
    if not lines or not width:
        return np.zeros((lines, width), np.uint8)
    return np.asarray(cv2.resize(grey[: lines * 2, : width * 2], (width, lines), interpolation=cv2.INTER_AREA))


def cells_of(half: NDArray[np.uint8]) -> Cells:
    """Return the relative lightness of cells around 0, float32 ``[lines, cells]``, of cloth made by :func:`halved`.

    Single threads are averaged away, as cells would show a moiré of them; a parabola across takes off what light does.
    """
    lines, width = (side * 2 // CELL_PX for side in half.shape)
    if not lines or not width:
        return np.zeros((lines, width), np.float32)
    soft = cv2.GaussianBlur(half[: lines * 2, : width * 2].astype(np.float32), (0, 0), THREADS_PX / 2)
    small = np.asarray(cv2.resize(soft, (width, lines), interpolation=cv2.INTER_AREA), np.float32)
    columns, places = small.mean(axis=0), np.linspace(-1, 1, width)
    light = np.polyval(np.polyfit(places, columns, 2), places) if width > 2 else columns
    return np.asarray(small / np.maximum(light, 1.0).astype(np.float32) - 1, np.float32)


def inside(left_px: int, right_px: int) -> tuple[int, int]:
    """Return the columns of a web, half-open, that are looked at for its pattern: its edges wander by some cells, and
    what was taken for cloth may have a selvedge or some bare machine in it, which would outdo any pattern."""
    room = min(10 * CELL_PX, (right_px - left_px) // 32)
    return left_px + room, right_px - room


class RepeatFinder:
    """The finder sees good cloth line after line and then says how it repeats.

    Attributes:
        stretches: cells of cloth that was seen without a break, each float32 ``[lines, cells]``.
    """

    def __init__(self) -> None:
        self.stretches: list[Cells] = []
        self._parts: list[NDArray[np.uint8]] = []
        self._left: NDArray[np.uint8] | None = None
        self._edges = (0, 0)
        self._kept = 0

    def see(self, pixels: NDArray[np.uint8], left_px: int, right_px: int) -> None:
        """Take the run's next lines, uint8 ``[lines, width]`` or ``[lines, width, 3]``, cloth from ``left_px`` to
        ``right_px``; where the web moves by some cells, what was seen before ends."""
        if self._kept >= MOST_CELLS or right_px - left_px < 4 * CELL_PX:
            return
        if left_px > self._edges[0] or right_px < self._edges[1]:
            self.end_run()
        if self._left is None:
            self._edges = inside(left_px, right_px)
        lines = pixels[:, self._edges[0] : self._edges[1]]
        if self._left is not None:
            lines = np.concatenate([self._left, lines])
        whole = len(lines) // CELL_PX * CELL_PX
        self._left = lines[whole:].copy()
        if whole:
            self._parts.append(halved(lines[:whole]))
        if sum(map(len, self._parts)) >= LONGEST_STRETCH * 2:
            self.end_run()

    @property
    def has_enough(self) -> bool:
        """Say whether as much cloth was seen as one stretch holds at most."""
        return len(self.stretches) > 0 and sum(map(len, self.stretches)) >= LONGEST_STRETCH

    def end_run(self) -> None:
        """End what is seen without a break: other cloth follows."""
        if self._parts:
            stretch = cells_of(np.concatenate(self._parts))
            self.stretches.append(stretch)
            self._kept += stretch.size
        self._parts = []
        self._left = None

    def repeat(self) -> Repeat:
        """Return how all the cloth seen repeats."""
        self.end_run()
        profiles = [_profiles(stretch) for stretch in self.stretches if min(stretch.shape) >= LEAST_PX / CELL_PX]
        along, along_strength = _period([one[0] for one in profiles])
        across, across_strength = _period([one[1] for one in profiles])
        looked = [float(CELL_PX * max((len(one[side][0]) for one in profiles), default=0)) for side in (0, 1)]
        return Repeat(along, across, along_strength, across_strength, looked[0], looked[1])


Profile = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A profile is how alike cloth is so many cells on, and from how many cells that is known."""


def _profiles(stretch: Cells) -> tuple[Profile, Profile]:
    """Return the profiles along and across of one stretch."""
    lines, width = stretch.shape
    shape = fft.next_fast_len(2 * lines, real=True), fft.next_fast_len(2 * width, real=True)
    power = np.abs(fft.rfft2(stretch - stretch.mean(), shape)) ** 2
    total = fft.irfft2(power, shape)
    squares = (stretch - stretch.mean()).astype(np.float64) ** 2
    found = []
    for size, other, turned, energy in (
        (lines, width, total, squares.sum(axis=1)),
        (width, lines, total.T, squares.sum(axis=0)),
    ):
        lags = np.arange(int(size * (1 - LEAST_OVERLAP)) + 1)
        lags = lags[: int(LARGEST_PX / CELL_PX) + 1]
        alike = np.full(len(lags), -1.0)
        reach = np.minimum(np.ceil(LEAN * lags).astype(int), other // 4)
        before = np.concatenate([[0.0], np.cumsum(energy)])
        both = (before[size - lags] + before[-1] - before[lags]) / 2  # of the two parts that are compared
        for side in range(-int(reach.max()), int(reach.max()) + 1):
            own = np.maximum(both * (1 - abs(side) / other), 1e-12)
            alike = np.where(abs(side) <= reach, np.maximum(alike, turned[lags, side] / own), alike)
        found.append((alike, (size - lags) * float(other)))
    return found[0], found[1]


def _period(profiles: list[Profile]) -> tuple[float | None, float]:
    """Return after how many px cloth of these profiles repeats, and how strongly; None and 0.0 if it does not."""
    longest = max((len(alike) for alike, _ in profiles), default=0)
    total, weight = np.zeros(longest), np.zeros(longest)
    for alike, counts in profiles:
        total[: len(alike)] += alike * counts
        weight[: len(alike)] += counts
    profile = total / np.maximum(weight, 1e-9)
    least = int(LEAST_PX / CELL_PX)
    if longest <= least + 1:
        return None, 0.0
    lowest = np.minimum.accumulate(profile)
    rise = profile - lowest
    strength = rise / np.maximum(1 - lowest, 1e-6)
    inside = np.arange(1, longest - 1)
    is_peak = (profile[inside] >= profile[inside - 1]) & (profile[inside] >= profile[inside + 1])
    peaks = inside[is_peak & (inside >= least)]
    peaks = peaks[(rise[peaks] >= LEAST_RISE) & (strength[peaks] >= LEAST_STRENGTH)]
    if not len(peaks):
        return None, 0.0
    first = int(next(peak for peak in peaks if rise[peak] >= ABOUT_AS_HIGH * rise[peaks].max()))
    period, times = between(profile, first), 1
    while (times + 1) * period < longest - 2:
        times += 1
        near = round(times * period)
        reach = max(1, round(0.01 * near))
        low, high = max(near - reach, 1), min(near + reach + 1, longest - 1)
        peak = low + int(profile[low:high].argmax())
        if rise[peak] < 0.7 * rise[first]:
            break
        period = between(profile, peak) / times
    return float(period * CELL_PX), float(np.clip(strength[first], 0, 1))


def between(profile: NDArray[np.floating], peak: int) -> float:
    """Return where between cells a peak lies, by a parabola through it and its neighbours; a peak at an end stays."""
    if not 0 < peak < len(profile) - 1:
        return float(peak)
    before, at, after = (float(value) for value in profile[peak - 1 : peak + 2])
    bend = before - 2 * at + after
    return float(peak + (0.5 * (before - after) / bend if bend < 0 else 0.0))
