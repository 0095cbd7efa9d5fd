"""This module draws which columns of the teaching pictures were taken for cloth, on one of the pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from station.contract import ColumnsInspected
from station.line.flow import TileRow
from station.line.scoring.cloth_seen import ClothSeen

NAME = "web.png"
SAMPLES, SAMPLE_LINES = 4, 1024
"""So many stretches of cloth are kept to choose from, each of so many lines at most."""
WIDEST_PX = 1200
HEAD_PX, SIDE_PX, LETTER_PX = 64, 24, 17
INK, GROUND, SHADE = (25, 25, 25), (244, 244, 242), (226, 112, 20)
SHADED = 0.45
HATCH_PX = 12

Pixels = NDArray[np.uint8]


@dataclass
class _Strip:
    """A strip holds some lines, RGB made smaller, and the web's edges in columns of the camera."""

    pixels: Pixels
    left_px: int
    right_px: int


@dataclass
class _Sample:
    piece: str | None
    end_line: int
    lines: int = 0
    strips: list[_Strip] = field(default_factory=list)

    def apart_px(self, columns: ColumnsInspected) -> int:
        """Return how far its edges lie from these columns at most."""
        return max(
            max(abs(strip.left_px - columns.left_px), abs(strip.right_px - columns.right_px)) for strip in self.strips
        )


class ClothShown(ClothSeen):
    """This class also keeps a few stretches of the cloth it sees, to draw the columns on."""

    def __init__(self, width_px: int) -> None:
        super().__init__(width_px)
        self._shrink = max(1, -(-width_px // WIDEST_PX))
        self._samples: list[_Sample] = []

    def see(self, row: TileRow) -> None:
        """Take a reading of a row of tiles, and keep its new lines if they are wanted."""
        super().see(row)
        first, end = row.run_line + row.own_first, row.run_line + row.own_end
        last = self._samples[-1] if self._samples else None
        if last is None or (last.piece, last.end_line) != (row.piece, first):
            if len(self._samples) == SAMPLES:
                return
            last = _Sample(row.piece, first)
            self._samples.append(last)
        last.end_line = end
        if last.lines < SAMPLE_LINES:
            last.lines += end - first
            lines = row.pixels[row.own_first - row.first : row.own_end - row.first]
            last.strips.append(_Strip(self._small(lines), row.left_px, row.right_px))

    def picture(self) -> Pixels | None:
        """Return the stretch whose edges are the most usual ones, uint8 RGB ``[h, w, 3]``, with what was not taken for
        cloth shaded, edges as lines and words above; None if no cloth was seen."""
        columns = self.columns
        samples = [sample for sample in self._samples if sample.strips]
        if columns is None or not samples:
            return None
        sample = min(samples, key=lambda one: one.apart_px(columns))
        tops = np.cumsum([0, *(len(strip.pixels) for strip in sample.strips)])
        cloth = np.concatenate([self._drawn(*pair) for pair in zip(sample.strips, tops, strict=False)])
        return _framed(cloth, columns, sample.piece, self._shrink)

    def _small(self, lines: Pixels) -> Pixels:
        size = max(1, lines.shape[1] // self._shrink), max(1, lines.shape[0] // self._shrink)
        small = cv2.resize(lines, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB) if small.ndim == 2 else small, np.uint8)

    def _drawn(self, strip: _Strip, top: int) -> Pixels:
        picture = strip.pixels.astype(np.float32)
        height, width = picture.shape[:2]
        left, right = strip.left_px // self._shrink, -(-strip.right_px // self._shrink)
        off = np.ones(width, np.bool_)
        off[left:right] = False
        y, x = np.mgrid[:height, :width]
        weight = np.where((x + y + top) % HATCH_PX < 2, 0.9, SHADED)[..., None] * off[None, :, None]
        drawn = (picture * (1 - weight) + np.array(SHADE, np.float32) * weight).astype(np.uint8)
        for edge, is_inside in ((left, left > 0), (right - 1, right < width)):
            if is_inside:  # dark between light, so that it shows on any cloth
                drawn[:, max(0, edge - 1) : edge + 2] = 255
                drawn[:, edge] = 0
        return drawn


def _framed(cloth: Pixels, columns: ColumnsInspected, piece: str | None, shrink: int) -> Pixels:
    """Put words above the cloth and the columns' numbers at its edges."""
    height, width = cloth.shape[:2]
    wide = max(width, 560)
    page = Image.new("RGB", (wide + 2 * SIDE_PX, height + HEAD_PX + 2 * SIDE_PX), GROUND)
    page.paste(Image.fromarray(cloth), (SIDE_PX, HEAD_PX))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(LETTER_PX)
    where = "" if piece is None else f"   ({piece.encode('ascii', 'replace').decode()})"
    draw.text((SIDE_PX, 8), f"Taken for cloth: columns {columns}{where}", INK, font)
    parts = ((0, columns.left_px), (columns.right_px, columns.width_px))
    left_out = [first_end for first_end in parts if first_end[1] > first_end[0]]
    if left_out:
        share = sum(end - first for first, end in left_out) / columns.width_px
        draw.rectangle((SIDE_PX, 40, SIDE_PX + 14, 54), SHADE)
        draw.text((SIDE_PX + 22, 36), f"not taught, not inspected: {share:.0%} of the picture", INK, font)
    else:
        draw.text((SIDE_PX, 36), "All of the picture was taught and is inspected.", INK, font)
    small = ImageFont.load_default(LETTER_PX - 3)
    for column, is_left in ((columns.left_px, True), (columns.right_px - 1, False)):
        x = SIDE_PX + min(column // shrink, width - 1)
        draw.line((x, HEAD_PX + height, x, HEAD_PX + height + 6), INK, 2)
        draw.text((x, HEAD_PX + height + 8), str(column), INK, small, anchor="lt" if is_left else "rt")
    return np.asarray(page, np.uint8)
