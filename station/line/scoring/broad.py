"""This module cuts the cloth of the line's tile rows, made smaller, into rows of tiles for a broad look.

A broad look is the line's own way of looking, at another size: the same tiles, cells and blending, on cloth made
smaller by averaging.  Cloth that is not seen over the web's whole width is left to the fine look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from model.scorer import TileScorer
from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.new_lines import NewLines
from station.line.scoring.relight import Relighting
from station.line.scoring.tiling import Tiler
from station.recipe import Recipe
from station.recipe.cloth import TaughtCloth
from station.recipe.frame_spots import FrameAt


class Edges(NamedTuple):
    """The edges of the web in px, half-open; the width of the cloth is told by the row at its full size."""

    left_px: int
    right_px: int
    cloth_px: int = 0


class SeenEdges:
    """This gives the tiler of a broad look the web's edges that were found in the cloth at its full size."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, Edges]] = deque()

    def see(self, end: int, edges: Edges, reach: int) -> None:
        """Take the edges of cloth up to line ``end``; those that ended ``reach`` lines before are forgotten."""
        self._recent.append((end, edges))
        while self._recent[0][0] <= end - reach:
            self._recent.popleft()

    def find(self, pixels: NDArray[np.uint8]) -> Edges | None:  # noqa: ARG002  (they were found before)
        """Return the columns that were cloth all the time, None where there are none."""
        left = max(edges.left_px for _, edges in self._recent)
        right = min(edges.right_px for _, edges in self._recent)
        return Edges(left, right) if right > left else None

    def reset(self) -> None:
        """Keep what was seen: it is of the cloth in hand."""

    def clear(self) -> None:
        """Forget what was seen: other cloth follows."""
        self._recent.clear()


class BroadRows:
    """This makes the rows of tiles of one broad look from the line's rows.

    Its rows count lines and columns in the smaller pixels, from the roll line at which its run starts.

    Args:
        size: how many times smaller the cloth is made.
        recipe: the recipe as this look takes it, see :meth:`station.recipe.Recipe.seen_by`.
        width_px: width of the camera.
        taught: the cloth of the teaching, in whose light this look sees all cloth.
    """

    def __init__(
        self,
        size: int,
        recipe: Recipe,
        *,
        width_px: int,
        tile_px: int,
        cell_px: int,
        taught: TaughtCloth | None = None,
    ) -> None:
        self._size = size
        self._tile = tile_px
        self._width = width_px // size
        self._edges = SeenEdges()
        self._tiler = Tiler(recipe, width_px=self._width, tile_px=tile_px, cell_px=cell_px, web=self._edges)
        self._light = Relighting(taught if taught and taught.width_px == width_px else None, self._width)
        self._new = NewLines()
        self._made = 0
        self._rest: NDArray[np.uint8] | None = None

    def push(self, row: TileRow) -> Iterator[TileRow | EndOfRun]:
        """Take the lines of a row that were not taken before; yield the rows of this look that they complete."""
        if not self._new.goes_on(row):
            yield from self.end_run()
        new, _ = self._new.take(row)
        if not self._new.is_open:
            return
        lines = new if self._rest is None else np.concatenate([self._rest, new])
        count = len(lines) // self._size
        self._rest = lines[count * self._size :].copy()
        edges = Edges(-(-row.left_px // self._size), min(row.right_px // self._size, self._width))
        self._edges.see(self._made + count, edges, self._tile)
        smaller = self._light.relit(shrunk(lines, self._size), edges.left_px, edges.right_px)
        for chunk in self._chunks(smaller, row):
            yield from map(self._own, self._tiler.push(chunk))

    def end_run(self) -> Iterator[TileRow | EndOfRun]:
        """Yield what is still to be judged of the present run, and its end; nothing if no run is open."""
        yield from map(self._own, self._tiler.end_run())
        self._new.end_run()
        self._light.end_run()
        self._made = 0
        self._rest = None
        self._edges.clear()

    def _own(self, step: TileRow | EndOfRun) -> TileRow | EndOfRun:
        """Return a step as this look's; too few lines to fill half a tile, which would be mostly mirror image, are not
        judged."""
        if isinstance(step, EndOfRun):
            return replace(step, size=self._size)
        if len(step.pixels) < self._tile // 2:
            return replace(step, size=self._size, seen=(), columns=step.columns[:0])
        return replace(step, size=self._size)

    def _chunks(self, pixels: NDArray[np.uint8], row: TileRow) -> Iterator[Chunk]:
        """Yield the smaller lines, those of each frame by themselves."""
        size, start, count = self._size, self._new.start, len(pixels)
        begins = [-(-(frame.line - start) // size) - self._made for frame in row.frames]
        cuts = sorted({0, count, *(line for line in begins if 0 < line < count)})
        for first, end in pairwise(cuts):
            place, lines = _in_frame(row, start + (self._made + first) * size)
            yield Chunk(
                pixels=pixels[first:end],
                first_line=start + self._made + first,
                captured_ns=row.captured_ns,
                piece=row.piece,
                frame_line=place // size,
                frame_lines=lines // size,
            )
        self._made += count


def broad_rows(recipe: Recipe, scorer: TileScorer, width_px: int) -> list[BroadRows]:
    """Return what makes the rows of each broad look that the recipe has on and the scorer has."""
    return [
        BroadRows(
            one.size,
            recipe.seen_by(one),
            width_px=width_px,
            tile_px=scorer.tile_px,
            cell_px=scorer.cell_px,
            taught=recipe.cloth,
        )
        for one in recipe.broad_among(scorer.broad)
    ]


def _in_frame(row: TileRow, line: int) -> tuple[int, int]:
    """Return where in its frame a roll line was seen, and the frame's lines; zeros where it is in none."""
    frame: FrameAt | None = next((one for one in reversed(row.frames) if one.line <= line), None)
    if frame is None or line - frame.line + frame.frame_line >= frame.frame_lines:
        return 0, 0
    return line - frame.line + frame.frame_line, frame.frame_lines


def shrunk(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return cloth made smaller by averaging, uint8 ``[lines // size, width // size]`` or ``[…, 3]``; what is left over
    at the right and below is left out."""
    lines, width = (side // size for side in pixels.shape[:2])
    if not lines:
        return np.empty((0, width, *pixels.shape[2:]), np.uint8)
    whole = pixels[: lines * size, : width * size]
    return np.asarray(cv2.resize(whole, (width, lines), interpolation=cv2.INTER_AREA), np.uint8)
