"""This module puts together what all looks score of one piece of cloth: its anomaly map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from station.contract import LookView, StripView
from station.display_score import AT_THRESHOLD, display_scores
from station.state.defect import Look

SPREAD_CELLS = 2.5
"""A broad look blurs by up to so many of its own cells."""

MUTING = 3
"""Below its threshold the score of the long look counts by the share it reaches of it, to this power."""

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class HeatStrip:
    """A heat strip keeps what a map needs of a strip: ``heat`` (cells of the fine look) and where its cloth is."""

    heat: Heat
    first_line: int
    lines: int
    width_px: int
    cell_px: int
    left_px: int
    right_px: int


class HeatMap:
    """The heat map gathers what was seen of one piece, in cells; at full size it would cost the line time and memory.

    Args:
        raw: keep the fine look's raw scores alone, as where nothing is decided; otherwise display scores of all looks.
    """

    def __init__(self, *, raw: bool = False) -> None:
        self._raw = raw
        self._strips: list[HeatStrip] = []
        self._broad: dict[int, list[tuple[int, Heat]]] = {}
        """First line and heat, by the side of a cell."""

    def take(self, view: StripView | LookView) -> None:
        """Take what was seen next."""
        if isinstance(view, LookView):
            if not self._raw:
                heat = display_scores(view.scores, view.threshold)
                if view.look is Look.LONG:
                    heat = muted(heat)
                self._broad.setdefault(view.cell_px, []).append((view.first_line, heat))
            return
        heat = view.scores if self._raw else display_scores(view.scores, view.threshold)
        lines, width_px = view.pixels.shape[:2]
        self._strips.append(
            HeatStrip(heat, view.first_line, lines, width_px, view.cell_px, view.left_px, view.right_px)
        )

    def full_size(self) -> tuple[Heat, NDArray[np.bool_]]:
        """Return the map at the size of the picture, and where the web is.

        Between the cells' centres the map is smooth, but no pixel scores less than its cell: every reject of the line
        also stands out in the map.  Where the fine look sees at least as much as a broad one within that one's blur,
        its sharper map counts alone.

        Returns:
            float32 ``[lines, width]``, 0 off the web, and bool ``[lines, width]``.
        """
        begin, cell, width_px = self._strips[0].first_line, self._strips[0].cell_px, self._strips[0].width_px
        lines = sum(strip.lines for strip in self._strips)
        heat = np.concatenate([strip.heat for strip in self._strips])
        for cell_px, strips in sorted(self._broad.items()):
            heat = sharper(heat, _laid_out(strips, begin, cell_px), cell_px // cell)
        size = (heat.shape[1] * cell, heat.shape[0] * cell)
        smooth = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
        full = np.maximum(smooth, cv2.resize(heat, size, interpolation=cv2.INTER_NEAREST))[:lines, :width_px]
        web = np.zeros((lines, width_px), np.bool_)
        line = 0
        for strip in self._strips:
            web[line : line + strip.lines, strip.left_px : strip.right_px] = True
            line += strip.lines
        return np.where(web, full, np.float32(0)).astype(np.float32), web


def muted(heat: Heat) -> Heat:
    """Return the display scores of the long look, lower where it rejects nothing; their order stays.

    Good cloth lies higher and flatter in a look that averages so much; it would drown what the others see below their
    thresholds.
    """
    below = heat * np.minimum(heat / AT_THRESHOLD, 1) ** MUTING
    return np.asarray(below, np.float32)


def _laid_out(strips: list[tuple[int, Heat]], begin: int, cell_px: int) -> Heat:
    """Return strips of one look as one map of the piece that begins at line ``begin``."""
    rows = [(first_line - begin) // cell_px for first_line, _ in strips]
    laid = np.zeros((max(row + len(heat) for row, (_, heat) in zip(rows, strips, strict=True)), strips[0][1].shape[1]))
    for row, (_, heat) in zip(rows, strips, strict=True):
        laid[row : row + len(heat)] = heat
    return laid.astype(np.float32)


def sharper(fine: Heat, broad: Heat, times: int) -> Heat:
    """Return the higher of two maps, but the finer one where it sees at least as much within the broad one's blur.

    Args:
        fine: float32 ``[rows, columns]``.
        broad: float32, the same cloth in cells so many ``times`` larger.
    """
    rows, columns = fine.shape
    if times == 1:  # a long look's line is as narrow as it is
        large = broad[:rows, :columns]
        large = np.pad(large, ((0, rows - large.shape[0]), (0, columns - large.shape[1])))
        return np.maximum(fine, large)
    large = np.repeat(np.repeat(broad, times, axis=0), times, axis=1)[:rows, :columns]
    large = np.pad(large, ((0, rows - large.shape[0]), (0, columns - large.shape[1])), mode="edge")
    seen = maximum_filter(fine, 2 * round(SPREAD_CELLS * times) + 1)
    return np.where(seen >= large, fine, np.maximum(fine, large)).astype(np.float32)
