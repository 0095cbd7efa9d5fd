"""This module paints the steps of a run as a map of scores in cells, for the heat map and the maps of pictures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from model.long.look import Floats
from model.long.scorer import Hit, Step, WarpStep
from model.scorer import CELL_PX

UNTOLD = np.float32(0.99)


def paint(steps: Iterable[Step], first_line: int, end_line: int, width_px: int) -> Floats:
    """Return every cell's highest score over its limit, float32 ``[ceil(lines / CELL_PX), ceil(width / CELL_PX)]``.

    A window is painted over all the cloth it sums.  What is told along the warp is painted as it leans, and only that
    reaches 1 there.

    Args:
        steps: of one run.
        first_line, end_line: roll lines of the map, half-open.
    """
    shape = -(-(end_line - first_line) // CELL_PX), -(-width_px // CELL_PX)
    cells = np.zeros(shape, np.float32)
    starts: dict[int, tuple[int, int]] = {}
    for step in steps:
        low, high = (max(0, line - first_line) // CELL_PX for line in (step.first_line, step.end_line + CELL_PX - 1))
        part = cells[low:high]
        if not len(part):
            continue
        if isinstance(step, WarpStep):
            starts[step.index] = low, high
            for count, scores in step.windows:
                top = starts.get(step.index + 1 - count, (0, 0))[0]
                np.maximum(cells[top:high], np.minimum(scores, UNTOLD), out=cells[top:high])
            for hit in step.hits:
                _paint_warp(cells, hit, starts)
        else:
            columns = np.arange(shape[1]) * CELL_PX + CELL_PX // 2 - step.left_px
            strip = columns // step.cell_px
            inside = (columns >= 0) & (strip < step.scores.shape[1])
            found = np.where(inside, step.scores[: len(part), np.clip(strip, 0, step.scores.shape[1] - 1)], 0)
            np.maximum(part[: len(found)], found, out=part[: len(found)])
    return cells


def _paint_warp(cells: Floats, hit: Hit, starts: dict[int, tuple[int, int]]) -> None:
    for index in range(hit.last + 1 - hit.count, hit.last + 1):
        if index in starts:
            low, high = starts[index]
            place = hit.place_at(index)
            left = int((place - (hit.width_px - 1) // 2) // CELL_PX)
            right = int((place + hit.width_px // 2) // CELL_PX) + 1
            part = cells[low:high, max(left, 0) : right]
            np.maximum(part, np.float32(hit.score), out=part)
