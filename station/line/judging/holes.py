"""This module tells holes from other flaws: in a hole one sees what lies behind the cloth, and that lies beside it too.

What lies beside the web is measured as the cloth passes: its grey at the picture's border on each side, and how little
it varies.  A flaw is a hole if within its box a round piece, some pixels thick, is as bright as that and as even: a
stain may be as dark as the table, but the yarns show in it.  Where the cloth fills the picture, or what lies beside it
is no brighter or darker than the cloth itself, nothing is known of the background and no hole is claimed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from station.line.flow import StripPart

BORDER_PX = 8
"""So many columns at the picture's border lie beside the web wherever an edge was found on that side."""
BESIDE_PX = 64
"""The light at the border is that on so many columns of cloth next to it."""
REMEMBERED = 16
"""The background is the median over so many parts of the strip."""
APART = 3.0
"""The background differs from the cloth if it lies this many times the cloth's own spread from its middle."""
LEAST_APART = 24.0
"""... and so many grey levels."""
NEAR = 0.25
"""The inside of a hole lies within this share of the way from the background to the cloth."""
EVEN, EVEN_LEVELS = 1.3, 0.5
"""... and its neighbouring pixels differ by so many times as much as the background's do, and this many grey levels."""
WHITE = 250.0
"""What is brighter than this has clipped, and says nothing of the light."""
LIGHT = 0.8, 1.25
"""The light elsewhere on the web is at most so many times that at its border; the rest is the cloth's own pattern."""
AROUND_PX, MOST_LINES = 32, 512
"""So much cloth around a flaw tells the light there; of a longer flaw the lines around its peak are looked at."""
THICK_PX = 5
"""A round piece of this diameter at least: thinner is what shows between threads that part."""
SHARE = 0.15
"""The inside fills so much of the flaw's box."""
ROUND = 4.0
"""No gap between two threads, however wide, is a hole: the inside is at most so many times longer than thick."""

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Background:
    """A background is what lies beside the web on one side, in grey levels: its middle, how neighbouring pixels of it
    differ, and the middle of the cloth next to it, under the same light."""

    level: float
    rough: float
    cloth: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one part of the strip shows: background on each side where there is any, middle and spread of the cloth."""

    left: Background | None
    right: Background | None
    cloth: float
    spread: float


class HoleFinder:
    """The finder looks at the border of every part of the strip, and at each reject once, when it is closed."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque(maxlen=REMEMBERED)
        self._piece: str | None = None

    def see(self, part: StripPart) -> None:
        """Measure what lies beside the cloth in a part of the strip."""
        if part.piece != self._piece:
            self._seen.clear()
            self._piece = part.piece
        width = part.pixels.shape[1]
        if part.right_px - part.left_px < 2 * BORDER_PX or len(part.pixels) < 4:
            return
        cloth = _grey(part.pixels[::8, part.left_px : part.right_px : 8])
        low, middle, high = np.percentile(cloth, (16, 50, 84)).tolist()
        left = right = None
        if part.left_px >= 2 * BORDER_PX:
            beside = part.pixels[::8, part.left_px : min(part.left_px + BESIDE_PX, part.right_px) : 2]
            left = _background(part.pixels[:, :BORDER_PX], beside)
        if width - part.right_px >= 2 * BORDER_PX:
            beside = part.pixels[::8, max(part.right_px - BESIDE_PX, part.left_px) : part.right_px : 2]
            right = _background(part.pixels[:, width - BORDER_PX :], beside)
        self._seen.append(_Seen(left, right, middle, (high - low) / 2))

    @property
    def backgrounds(self) -> list[Background]:
        """Give what lies beside the cloth, where that can be told from it; empty where nothing is known."""
        if not self._seen:
            return []
        cloth = float(np.median([one.cloth for one in self._seen]))
        least = max(LEAST_APART, APART * float(np.median([one.spread for one in self._seen])))
        found = []
        for side in ([one.left for one in self._seen], [one.right for one in self._seen]):
            known = [one for one in side if one is not None]
            if 2 * len(known) <= len(side):
                continue
            level = float(np.median([one.level for one in known]))
            if abs(level - cloth) >= least:
                rough, beside = (float(np.median([getattr(one, name) for one in known])) for name in ("rough", "cloth"))
                found.append(Background(level, rough, beside))
        return found

    def is_hole(self, pixels: NDArray[np.uint8], box: tuple[int, int, int, int]) -> bool:
        """Say whether a flaw is a hole.

        Args:
            pixels: the flaw with some cloth around, uint8 ``[h, w]`` or ``[h, w, 3]``.
            box: of the flaw in it: first line, end line, first column, end column.
        """
        backgrounds = self.backgrounds
        if not backgrounds:
            return False
        grey = _grey(pixels)
        around = np.ones(grey.shape, np.bool_)
        around[box[0] : box[1], box[2] : box[3]] = False
        usual = float(np.median([one.cloth for one in self._seen]))
        cloth = float(np.median(grey[around])) if around.any() else usual
        for one in backgrounds:
            light = float(np.clip(cloth / max(one.cloth, 1.0), *LIGHT))
            level = min(one.level * light, WHITE) if one.level < WHITE else one.level
            if abs(level - cloth) >= LEAST_APART and _shows(grey, box, replace(one, level=level), cloth):
                return True
        return False


def _shows(grey: Grey, box: tuple[int, int, int, int], background: Background, cloth: float) -> bool:
    """Say whether a background shows within a box."""
    near = NEAR * abs(cloth - background.level) + 2 * background.rough
    inside = (np.abs(grey - background.level) <= near).astype(np.uint8)
    top, bottom, left, right = box
    outside = inside.copy()
    outside[top:bottom, left:right] = 0
    inside -= outside
    if cv2.countNonZero(inside) < SHARE * (bottom - top) * (right - left):
        return False
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (THICK_PX, THICK_PX))
    inside = np.asarray(cv2.morphologyEx(inside, cv2.MORPH_OPEN, disc), np.uint8)
    count, labels, figures, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    if count < 2:
        return False
    largest = 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())
    area = int(figures[largest, cv2.CC_STAT_AREA])
    if area < SHARE * (bottom - top) * (right - left):
        return False
    piece = (labels == largest).astype(np.uint8)
    thick = 2 * float(cv2.distanceTransform(np.pad(piece, 1), cv2.DIST_L2, 3).max())
    if area > ROUND * thick**2:
        return False
    core = np.asarray(cv2.erode(piece, np.ones((3, 3), np.uint8)), np.bool_)
    return _rough(grey, core) <= EVEN * background.rough + EVEN_LEVELS


def _background(columns: NDArray[np.uint8], beside: NDArray[np.uint8]) -> Background:
    grey = _grey(columns[:256])
    rough = float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2
    return Background(float(np.median(grey)), rough, float(np.median(_grey(beside))))


def _rough(grey: Grey, where: NDArray[np.bool_]) -> float:
    """Return the mean difference of neighbours, along and across, both of which lie where asked; infinite of none."""
    differences = [
        np.abs(grey[1:] - grey[:-1])[where[1:] & where[:-1]],
        np.abs(grey[:, 1:] - grey[:, :-1])[where[:, 1:] & where[:, :-1]],
    ]
    both = np.concatenate(differences)
    return float(both.mean()) if len(both) else float("inf")


def _grey(pixels: NDArray[np.uint8]) -> Grey:
    return np.asarray(pixels if pixels.ndim == 2 else pixels.mean(axis=2), np.float32)
