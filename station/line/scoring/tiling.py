"""This module cuts accepted line blocks into rows of overlapping tiles, from cloth to be judged only.

A *run* is a sequence of consecutive lines of one piece.  Rows of tiles start every ``tile - overlap`` lines; at the end
of a run the last row is shifted back up so that the run's end is judged too.  A row may also be asked for early, so
that a slow machine need not wait for a tile's height of cloth: it looks at the newest lines and overlaps the row before
it by more.  Across, tiles spread evenly between the web's edges with at least the recipe's overlap; where the
web is narrower than a tile, it is mirrored.  Where one of several cameras shows nothing, tiles lie beside its columns;
they stay the same within a run.

A picture lower than a tile is mirrored up to a tile's size, as low teaching pictures are.  A run of the loom that is
shorter than a tile (between two losses, after the last, or a whole roll) has no tiles and counts as uninspected: its
network never saw a mirror image, and takes a twill that turns into a herringbone for a flaw, even if only a few lines
are mirrored.  Nor is anything mirrored where one of several cameras shows nothing, as it counts as uninspected anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from model.scorer import CELL_PX, TILE_PX
from station.contract import UninspectedReason
from station.line.columns import Spans, is_partly_blind, seen_spans, snap_edges, spread_columns, web_span, widest_view
from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.web import WebFinder
from station.recipe import Recipe
from station.recipe.frame_spots import FrameAt

EARLY_LINES = 16
"""An early row decides at least this many lines."""


class Edges(Protocol):
    """The web's edges lie at these columns, half-open; the cloth is as wide as ``cloth_px`` says, 0 if unknown."""

    @property
    def left_px(self) -> int: ...

    @property
    def right_px(self) -> int: ...

    @property
    def cloth_px(self) -> int: ...


class EdgeFinder(Protocol):
    """An edge finder says where the web lies, as :class:`station.line.scoring.web.WebFinder` does."""

    def find(self, pixels: NDArray[np.uint8]) -> Edges | None: ...

    def reset(self) -> None: ...


class PixelCorrection(Protocol):
    """A pixel correction evens out the light (:class:`calibration.shading.Shading`)."""

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a corrected copy of the same shape."""


def cut_tiles(row: TileRow, tile: int, cell: int) -> NDArray[np.uint8]:
    """Cut the row's tiles, uint8 ``[tiles, tile, tile]`` or ``[tiles, tile, tile, 3]``.

    They are mirrored where there is too little cloth.  A tile that lacks less than a cell moves up or to the left by
    that instead; its scores are then out of place by less than a cell.
    """
    tiles = np.empty((len(row.columns), tile, tile, *row.pixels.shape[2:]), np.uint8)
    lines = row.pixels if row.above is None else np.concatenate([row.above, row.pixels])
    for i, x in enumerate(row.columns):
        first, end = row.span_of(x)
        over = x + tile - end
        left = x - over if 0 < over < cell and over <= x - first else x
        cloth = lines[:, left : min(left + tile, end)]
        below, beside = tile - cloth.shape[0], tile - cloth.shape[1]
        if below or beside:
            tiles[i] = cv2.copyMakeBorder(np.ascontiguousarray(cloth), 0, below, 0, beside, cv2.BORDER_REFLECT_101)
        else:
            tiles[i] = cloth
    return tiles


def line_tiler(
    recipe: Recipe,
    width_px: int,
    *,
    tile_px: int = TILE_PX,
    cell_px: int = CELL_PX,
    shading: PixelCorrection | None = None,
) -> Tiler:
    """Return a tiler that finds the web as the recipe says."""
    web = WebFinder(recipe.web_look) if recipe.web.finds else None
    return Tiler(recipe, width_px=width_px, tile_px=tile_px, cell_px=cell_px, web=web, shading=shading)


class Tiler:
    """The tiler turns chunks into tile rows; a row is handed on as soon as its last line is there.

    Without ``web`` the web is what the recipe's rule leaves of the picture (StationError if it does not fit).
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        width_px: int,
        tile_px: int,
        cell_px: int,
        web: EdgeFinder | None = None,
        shading: PixelCorrection | None = None,
    ) -> None:
        self._tile = tile_px
        self._cell = cell_px
        self._width = width_px
        self._overlap = recipe.overlap_px
        self._step = tile_px - recipe.overlap_px
        self._web = web
        self._span = web_span(recipe.web, width_px)
        self._shading = shading
        self._rows: NDArray[np.uint8] | None = None
        self._previous: NDArray[np.uint8] | None = None
        self._start = 0
        self._filled = 0
        self._first = 0
        self._captured_ns = 0
        self._piece: str | None = None
        self._blind: tuple[Spans, UninspectedReason] = ((), UninspectedReason.CAMERA_GONE)
        self._known_edges = (0, width_px)
        self._frames: list[FrameAt] = []

    def push(self, chunk: Chunk) -> Iterator[TileRow | EndOfRun]:
        """Yield the rows that this chunk completes, in order, and ends of runs between them."""
        if self._rows is not None and not self._goes_on(chunk):
            yield from self.end_run()
        pixels = chunk.pixels if self._shading is None else self._shading.apply(chunk.pixels)
        if self._rows is None:
            self._begin(chunk, pixels)
        self._captured_ns = chunk.captured_ns
        self._note_frame(chunk)
        taken = 0
        while taken < len(pixels):
            assert self._rows is not None
            count = min(self._tile - self._filled, len(pixels) - taken)
            self._rows[self._filled : self._filled + count] = pixels[taken : taken + count]
            self._filled += count
            taken += count
            if self._filled == self._tile:
                yield self._full_row()

    def early_row(self) -> TileRow | None:
        """Return a row of the newest lines; None if too few of them are new, or no row came before in this run."""
        if self._rows is None or self._previous is None:
            return None
        first = (self._first + self._filled - self._tile) // self._cell * self._cell
        if first < self._first - self._step + EARLY_LINES:
            return None
        pixels = np.concatenate(
            [
                self._previous[first - (self._first - self._step) : self._step],
                self._rows[: first + self._tile - self._first],
            ]
        )
        row = self._row(pixels, first, self._first, first + self._step)
        kept = self._rows[first + self._step - self._first : self._filled].copy()
        self._previous = pixels
        self._first = first + self._step
        self._filled = len(kept)
        self._rows[: len(kept)] = kept
        return row

    def end_run(self) -> Iterator[TileRow | EndOfRun]:
        """Yield what is still to be judged of the present run, and its end; nothing if no run is open."""
        if self._rows is None:
            return
        if self._previous is None:
            yield self._row(self._rows[: self._filled], 0, 0, self._filled)
        elif self._filled > self._overlap:
            yield self._shifted_row(self._previous, self._rows)
        yield EndOfRun()
        self._rows = None
        self._previous = None

    @property
    def _next_line(self) -> int:
        return self._start + self._first + self._filled

    def _goes_on(self, chunk: Chunk) -> bool:
        blind = chunk.blind_px, chunk.blind_reason
        return chunk.first_line == self._next_line and chunk.piece == self._piece and blind == self._blind

    def _begin(self, chunk: Chunk, pixels: NDArray[np.uint8]) -> None:
        if chunk.piece != self._piece:
            self._known_edges = (0, self._width)
        if self._web is not None and (chunk.piece != self._piece or chunk.blind_px != self._blind[0]):
            self._web.reset()
        self._start = chunk.first_line
        self._piece = chunk.piece
        self._blind = chunk.blind_px, chunk.blind_reason
        self._first = 0
        self._filled = 0
        self._previous = None
        self._rows = np.empty((self._tile, *pixels.shape[1:]), np.uint8)
        self._frames.clear()

    def _note_frame(self, chunk: Chunk) -> None:
        """Note where in its frame a chunk was seen, unless it only goes on with the frame before; forget frames that
        no row will reach back to."""
        if not chunk.frame_lines:
            return
        new = FrameAt(chunk.first_line, chunk.frame_line, chunk.frame_lines)
        last = self._frames[-1] if self._frames else None
        if last is None or last != (new.line - new.frame_line + last.frame_line, last.frame_line, new.frame_lines):
            self._frames.append(new)
        reach = self._start + self._first - self._step
        while len(self._frames) > 1 and self._frames[1].line <= reach:
            del self._frames[0]

    def _full_row(self) -> TileRow:
        rows, step = self._rows, self._step
        assert rows is not None
        row = self._row(rows, self._first, self._first, self._first + step)
        # Take a fresh buffer: the old one travels on with the row.
        self._rows = np.empty_like(rows)
        self._rows[: self._overlap] = rows[step:]
        self._previous = rows
        self._first = self._first + step
        self._filled = self._overlap
        return row

    def _shifted_row(self, previous: NDArray[np.uint8], rows: NDArray[np.uint8]) -> TileRow:
        step = self._step
        end = self._first + self._filled
        first = math.ceil((end - self._tile) / self._cell) * self._cell
        back = first - (self._first - step)
        pixels = np.concatenate([previous[back:step], rows[: self._filled]])
        above = previous[back - (first - (end - self._tile)) : back]
        return self._row(pixels, first, self._first, end, above if len(above) else None)

    def _row(
        self,
        pixels: NDArray[np.uint8],
        first_line: int,
        own_first: int,
        own_end: int,
        above: NDArray[np.uint8] | None = None,
    ) -> TileRow:
        left, right, cloth_px = self._edges(pixels)
        blind_px, reason = self._blind
        seen = seen_spans(left, right, blind_px, self._cell, self._tile)
        blind = reason if is_partly_blind(blind_px, left, right) else None
        is_short = len(pixels) + (0 if above is None else len(above)) < self._tile
        if is_short and blind is None and self._piece is None:
            blind = UninspectedReason.TOO_SHORT
        if is_short and blind is not None:
            seen = ()
        columns = [spread_columns(first, end, self._tile, self._overlap, self._cell) for first, end in seen]
        return TileRow(
            run_line=self._start,
            first=first_line,
            own_first=own_first,
            own_end=own_end,
            pixels=pixels,
            left_px=left,
            right_px=right,
            seen=seen,
            columns=np.concatenate([np.zeros(0, np.intp), *columns]),
            captured_ns=self._captured_ns,
            piece=self._piece,
            above=above,
            blind=blind,
            frames=tuple(self._frames),
            cloth_px=cloth_px,
        )

    def _edges(self, pixels: NDArray[np.uint8]) -> tuple[int, int, int]:
        """Return the web's edges in whole cells, and how wide its cloth is, 0 if unknown; an edge that may be in unseen
        columns stays where it was last seen."""
        if self._web is None:
            return *snap_edges(*self._span, self._width, self._cell), 0
        first, end = widest_view(self._blind[0], self._width)
        edges = self._web.find(pixels[:, first:end])
        if edges is None:
            return 0, 0, 0
        left, right = first + edges.left_px, first + edges.right_px
        known_left, known_right = self._known_edges
        left = known_left if left == first > 0 else left
        right = known_right if right == end < self._width else right
        self._known_edges = left, right
        return *snap_edges(left, right, self._width, self._cell), 0 if self._blind[0] else edges.cloth_px
