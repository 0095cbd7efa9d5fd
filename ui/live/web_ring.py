"""The cloth at screen resolution: a ring of pixel rows that strips are laid into once and painted from many times."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from station.contract import LookView, StripView
from station.display_score import display_scores
from ui.theme.heat import heat_colours

GAP_DARK, GAP_LIGHT = (74, 74, 74), (104, 104, 104)
UNSEEN_LIGHT = (16, 100, 146)
"""Stripes, BGR: lines that never came are grey; columns that nobody saw, as a camera is missing, are amber."""
EDGE_LIGHT, HATCH_LIGHT, HATCH_PX = 210, 110, 12
_HEAT_COLOURS = heat_colours()


class WebRing:
    """Rows of cloth around a ring, newest over oldest.

    Row ``r`` shows the lines from ``r / scale`` on and lies at index ``r % rows``.  Fixed levels: what is grey on the
    cloth is the same grey on the screen all day.

    Attributes:
        picture: ``[rows, width, 4]`` uint8 BGRX.
        heat: the same, premultiplied BGRA.
        scale: screen px per camera px, both axes.
        first_row, end_row: rows that are filled, half-open.
        resets: how often the ring began anew (another roll, another camera width).
    """

    def __init__(self, width_px: int, rows: int) -> None:
        self._strips: deque[StripView] = deque()
        self._looks: deque[LookView] = deque()
        self._camera_px = 0
        self.resets = 0
        self.resize(width_px, rows)

    def resize(self, width_px: int, rows: int) -> None:
        """Take another screen size; the cloth that is still known is laid out anew."""
        self.width_px = max(width_px, 16)
        self.rows = max(rows, 64)
        self.picture = np.zeros((self.rows, self.width_px, 4), np.uint8)
        self.heat = np.zeros((self.rows, self.width_px, 4), np.uint8)
        self.first_row = 0
        self.end_row = 0
        self.scale = self.width_px / self._camera_px if self._camera_px else 0.0
        strips, looks = self._strips, self._looks
        self._strips = deque()
        self._looks = deque()
        for strip in strips:
            self.add(strip)
        for view in looks:
            self.add_look(view)

    def clear(self) -> None:
        """Forget all cloth: a new roll."""
        self._strips.clear()
        self._looks.clear()
        self._camera_px = 0
        self.first_row = 0
        self.end_row = 0
        self.scale = 0.0
        self.picture[:] = 0
        self.heat[:] = 0
        self.resets += 1

    @property
    def newest(self) -> StripView | None:
        """Give the strip that came last."""
        return self._strips[-1] if self._strips else None

    def add(self, strip: StripView) -> None:
        """Lay a strip.  Lines that never came before it are shown as a gap, never closed up."""
        lines, width = strip.pixels.shape[:2]
        end_line = self._strips[-1].first_line + len(self._strips[-1].pixels) if self._strips else strip.first_line
        if width != self._camera_px or strip.first_line < end_line:
            self.clear()
            self._camera_px = width
            self.scale = self.width_px / width
            end_line = strip.first_line
        if not self._strips:
            self.first_row = self.row_of(strip.first_line)
            self.end_row = self.first_row
        first, end = self.row_of(strip.first_line), self.row_of(strip.first_line + lines)
        if strip.first_line > end_line:
            self._lay_gap(self.end_row, first)
        if end > first:
            self._lay(strip, first, end)
        self.end_row = end
        self.first_row = max(self.first_row, end - self.rows)
        self._remember(strip)

    def add_look(self, view: LookView) -> None:
        """Lay what another look scores of cloth that is here already: where it is hotter, its heat is shown."""
        gone = max(math.ceil(self.line_of(self.first_row)) - view.first_line, 0) // view.cell_px
        view = replace(view, first_line=view.first_line + gone * view.cell_px, scores=view.scores[gone:].copy())
        first, end = self.row_of(view.first_line), self.row_of(view.end_line)
        here = self._strips and end > max(first, self.first_row) and first < self.end_row
        if not here or not _HEAT_COLOURS[_cells(view).max(initial=0)].any():
            return
        self._looks.append(view)
        heat = self._heat_of(view, (view.end_line - view.first_line, self._camera_px), end - first)
        row = max(first, self.first_row)
        heat = heat[row - first : self.end_row - first]
        while len(heat):  # in two parts where the ring begins anew
            shown = self.heat[row % self.rows :, : heat.shape[1]][: len(heat)]
            part = heat[: len(shown)]
            hotter = part[:, :, 3] > shown[:, :, 3]  # the hotter, the more opaque
            np.copyto(shown.view(np.uint32)[:, :, 0], part.view(np.uint32)[:, :, 0], where=hotter)
            heat = heat[len(part) :]
            row += len(part)

    def row_of(self, line: float) -> int:
        """Find the row that shows a line."""
        return math.floor(line * self.width_px / self._camera_px) if self._camera_px else 0

    def line_of(self, row: float) -> float:
        """Find the line that a row shows."""
        return row / self.scale if self.scale else 0.0

    def crop(self, first_line: int, end_line: int, first_px: int, end_px: int) -> NDArray[np.uint8] | None:
        """Camera pixels of a region as far as they are still here (from the strip that holds its middle), or None."""
        middle = (first_line + end_line) // 2
        for strip in reversed(self._strips):
            if strip.first_line <= middle < strip.first_line + len(strip.pixels):
                a = max(first_line - strip.first_line, 0)
                return strip.pixels[a : end_line - strip.first_line, max(first_px, 0) : end_px]
        return None

    def _remember(self, strip: StripView) -> None:
        self._strips.append(strip)
        while self.row_of(strip.first_line - self._strips[0].first_line) > self.rows:
            self._strips.popleft()
        while self._looks and self._looks[0].end_line <= self._strips[0].first_line:
            self._looks.popleft()

    def _lay(self, strip: StripView, first: int, end: int) -> None:
        small = _shrink(strip.pixels, self.width_px, end - first)
        code = cv2.COLOR_GRAY2BGRA if small.ndim == 2 else cv2.COLOR_RGB2BGRA
        shown = np.asarray(cv2.cvtColor(small, code), np.uint8)
        self._dim_beside_web(shown, strip, first)
        for blind in strip.blind_px:
            left, right = math.floor(blind[0] * self.scale), math.ceil(blind[1] * self.scale)
            shown[:, left:right] = _stripes(first, end, self.width_px, UNSEEN_LIGHT)[:, left:right]
        self._write(self.picture, shown, end)
        self._write(self.heat, self._heat_of(strip, strip.pixels.shape[:2], end - first), end)

    def _heat_of(self, view: StripView | LookView, size: tuple[int, ...], rows: int) -> NDArray[np.uint8]:
        """Return the colours of scores whose cells cover ``size`` lines and columns: BGRA ``[rows, width, 4]``."""
        cells = _cells(view)
        # cells may reach over the last line and column: cut what lies beyond
        along, across = (px / (count * view.cell_px) for px, count in zip(size, cells.shape, strict=True))
        full = (max(round(rows / along), 1), max(round(self.width_px / across), 1))
        soft = cv2.resize(cells, (full[1], full[0]), interpolation=cv2.INTER_LINEAR)
        return np.asarray(_HEAT_COLOURS[np.ascontiguousarray(soft[:rows, : self.width_px])], np.uint8)

    def _dim_beside_web(self, shown: NDArray[np.uint8], strip: StripView, first: int) -> None:
        """Show dimmed and hatched, behind a light line, what lies beside the web and is not looked at."""
        if strip.right_px <= strip.left_px:
            return
        left, right = math.floor(strip.left_px * self.scale), math.ceil(strip.right_px * self.scale)
        columns = np.arange(self.width_px)
        beside = (columns < left) | (columns >= right)
        shown[:, beside, :3] //= 2
        hatch = (np.arange(first, first + len(shown))[:, None] + columns) % HATCH_PX == 0
        shown[hatch & beside, :3] = HATCH_LIGHT
        shown[:, max(left - 1, 0) : left, :3] = EDGE_LIGHT
        shown[:, right : right + 1, :3] = EDGE_LIGHT

    def _lay_gap(self, first: int, end: int) -> None:
        count = min(end - first, self.rows)
        if count <= 0:
            return
        self._write(self.picture, _stripes(end - count, end, self.width_px, GAP_LIGHT), end)
        self._write(self.heat, np.zeros((count, self.width_px, 4), np.uint8), end)

    def _write(self, ring: NDArray[np.uint8], rows: NDArray[np.uint8] | cv2.typing.MatLike, end: int) -> None:
        """Write ``rows`` so that the last one lies just before row ``end``."""
        kept = rows[-self.rows :]
        start = (end - len(kept)) % self.rows
        head = min(len(kept), self.rows - start)
        ring[start : start + head] = kept[:head]
        ring[: len(kept) - head] = kept[head:]


def _cells(view: StripView | LookView) -> NDArray[np.uint8]:
    """Return 255 × the display scores."""
    return np.clip(display_scores(view.scores, view.threshold) * 255.0, 0, 255).astype(np.uint8)


def _stripes(first: int, end: int, width: int, light: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Diagonal stripes for rows ``[first, end)``, ``[rows, width, 4]`` BGRX, which go on from strip to strip."""
    is_light = (np.arange(first, end)[:, None] + np.arange(width)[None]) // 12 % 2 > 0
    return np.where(is_light[:, :, None], np.array((*light, 255), np.uint8), np.array((*GAP_DARK, 255), np.uint8))


def _shrink(pixels: NDArray[np.uint8], width: int, rows: int) -> NDArray[np.uint8]:
    """Resize for the eye."""
    way = cv2.INTER_AREA if width <= pixels.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, rows), interpolation=way), np.uint8)
