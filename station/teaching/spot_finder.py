"""This module finds fixed places of the frame where all good cloth scores high, such as dust on a camera's sensor.

Each cell of the frame is asked how high it scores from frame to frame.  Cloth moves on between frames, so what is high
at one place of most of them does not belong to the cloth; a flaw on some of them changes nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, maximum_filter

from model.scorer import CELL_PX
from station.contract import StripView
from station.recipe.frame_spots import FrameSpots, frame_rows

SPOTS = "spots.png"
FEWEST_FRAMES = 5
"""At least this many frames must show a place."""
MOST_FRAMES = 64
"""A place seen this often is known; more frames would only fill the memory."""
USUAL_LEVEL = 0.9
MANY_LEVEL = 0.35
"""Two of three frames must be high at a spot."""
SPOT_RATIO = 1.25
"""They must be so many times higher than nine of ten cells of good cloth are."""
WIDEST_SPOT_CELLS = 24
"""What is wider than this both ways is no spot but the light or the cloth."""
RIM_CELLS = 2
"""The network's blur lets a spot reach this far beyond the cells that stand out in most frames."""

Cells = NDArray[np.float32]


class SpotFinder:
    """The finder gathers strips of good cloth, then says at which places of the frame to be less sensitive.

    Frames of more than one size have no common places: then there are no spots.
    """

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None
        self._is_mixed = False
        self._rows: list[list[NDArray[np.float16]]] = []
        self._sum = np.zeros((0, 0), np.float32)
        self._seen = np.zeros(0, np.intp)

    def take(self, view: StripView) -> None:
        """Take one strip; one that was seen in no frame, or not judged over the whole width, is ignored."""
        if view.blind_px or not view.frames or self._is_mixed:
            return
        size = view.pixels.shape[1], view.frames[-1].frame_lines
        if self._size is None:
            self._begin(size)
        if size != self._size or any(frame.frame_lines != size[1] for frame in view.frames):
            self._is_mixed = True
            return
        web = slice(view.left_px // CELL_PX, -(-view.right_px // CELL_PX))
        rows = frame_rows(view.frames, size[1], view.first_line, len(view.scores))
        for number, row in enumerate(rows.tolist()):
            if row < 0:
                continue
            lines = view.pixels[number * CELL_PX : (number + 1) * CELL_PX]
            self._see(row, lines)
            if len(self._rows[row]) < MOST_FRAMES:
                kept = np.full(view.scores.shape[1], np.nan, np.float16)
                kept[web] = view.scores[number, web]
                self._rows[row].append(kept)

    def found(self) -> FrameSpots:
        """Return the fixed spots; none if too little was seen."""
        if self._size is None or self._is_mixed:
            return FrameSpots()
        width, lines = self._size
        many, high, usual = self._levels(-(-width // CELL_PX))
        if usual <= 0:
            return FrameSpots()
        standing = many > SPOT_RATIO
        for part in _components(standing):
            rows, columns = np.nonzero(part)
            if min(np.ptp(rows), np.ptp(columns)) >= WIDEST_SPOT_CELLS:
                standing &= ~part
        reach = binary_dilation(standing, np.ones((3, 3), bool), iterations=RIM_CELLS)
        spread = np.where(reach, maximum_filter(np.where(reach, high, 1.0), 3), 1.0)
        return FrameSpots.of(np.maximum(spread, 1.0).astype(np.float32), width, lines, usual)

    def mean_picture(self) -> NDArray[np.uint8] | None:
        """Return the mean of all frames, uint8 ``[lines, width]`` with its contrast stretched: cloth fades, what stays
        in place shows; None if no frame was seen, or not every line of one."""
        if not len(self._seen) or not self._seen.all():
            return None
        mean = self._sum / self._seen[:, None]
        low, high = np.quantile(mean, [0.005, 0.995])
        stretched = (mean - low) * (255 / max(float(high - low), 1.0))
        return np.clip(stretched, 0, 255).astype(np.uint8)

    def _begin(self, size: tuple[int, int]) -> None:
        self._size = size
        self._rows = [[] for _ in range(-(-size[1] // CELL_PX))]
        self._sum = np.zeros((size[1], size[0]), np.float32)
        self._seen = np.zeros(size[1], np.intp)

    def _see(self, row: int, lines: NDArray[np.uint8]) -> None:
        grey = lines if lines.ndim == 2 else lines.mean(axis=2)
        first = row * CELL_PX
        end = min(first + len(grey), len(self._sum))
        self._sum[first:end] += grey[: end - first]
        self._seen[first:end] += 1

    def _levels(self, width: int) -> tuple[Cells, Cells, float]:
        """Return how high each cell scores in many and in most of its frames, over the usual level ``[along, across]``,
        and that level.

        A column that is high in all of its rows is a streak, which is not a spot's matter: it is measured by itself.
        """
        shape = (len(self._rows), width)
        many, high, middle = (np.zeros(shape, np.float32) for _ in range(3))
        sample: list[NDArray[np.float16]] = []
        for number, kept in enumerate(self._rows):
            if len(kept) < FEWEST_FRAMES:
                continue
            scores = np.sort(np.stack(kept), axis=0)  # what is not cloth comes last
            count = np.isfinite(scores).sum(axis=0)
            cloth = count >= max(FEWEST_FRAMES, len(scores) / 2)
            for levels, share in ((many, MANY_LEVEL), (middle, 0.5), (high, USUAL_LEVEL)):
                rank = np.round(share * np.maximum(count - 1, 0)).astype(np.intp)
                levels[number, cloth] = np.take_along_axis(scores, rank[None], axis=0)[0, cloth]
            sample.append(scores[np.isfinite(scores)])
        known = middle > 0
        if not known.any():
            return many, high, 0.0
        usual = float(np.quantile(np.concatenate(sample), USUAL_LEVEL))
        columns = np.nan_to_num(np.nanmedian(np.where(known, middle, np.nan)[:, known.any(axis=0)], axis=0))
        streak = np.ones(width, np.float32)
        streak[known.any(axis=0)] = np.maximum(1.0, columns / np.median(middle[known]))
        return many / (usual * streak), high / (usual * streak), usual


def _components(cells: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    labels, count = label(cells, np.ones((3, 3)))
    return [labels == number for number in range(1, count + 1)]


def drawn(mean: NDArray[np.uint8], spots: FrameSpots) -> NDArray[np.uint8]:
    """Draw the spots on the mean of the frames, uint8 RGB ``[lines, width, 3]``, each with a frame around it."""
    picture = cv2.cvtColor(mean, cv2.COLOR_GRAY2RGB)
    for spot in spots.spots():
        corners = (spot.first_px - 6, spot.first_line - 6), (spot.end_px + 5, spot.end_line + 5)
        cv2.rectangle(picture, *corners, (0, 0, 0), 3)
        cv2.rectangle(picture, *corners, (255, 190, 60), 1)
    return np.asarray(picture, np.uint8)
