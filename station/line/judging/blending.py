"""This module joins overlapping score maps of tiles into one strip without seams.

Where maps overlap they are averaged with feather weights: each map fades in over its overlap, across and along.  A
weighted mean of maps that agree gives the value they agree on, so a score that depends on the cloth alone does not show
where tiles lie.  Lines become final as soon as no later tile will touch them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model.scorer import TileScorer
from station.line.columns import Spans
from station.line.flow import StripPart, TileRow
from station.line.judging.pattern_place import PatternScores
from station.recipe import Recipe
from station.recipe.frame_spots import FrameSpots, SpotDivisors
from station.recipe.sensitivity import SensitivityProfile

TINY = np.float32(1e-6)  # below any weight in use: where nothing was added, 0 / TINY is 0


def feather(cells: int, overlap: int, start: int = 0) -> NDArray[np.float32]:
    """Return weights ``[cells]`` of a map on one axis: 0 before ``start``, then rising and falling over the overlap."""
    place = np.arange(cells, dtype=np.float32)
    ramp = np.minimum(place - start, cells - 1 - place) + 0.5
    return np.clip(ramp / max(overlap, 1), 0.0, 1.0).astype(np.float32)


class Blender:
    """The blender blends one run.  Add rows in order; then call :meth:`tail` once for lines that awaited a next row.

    Scores are divided where good cloth itself scores high: by the recipe's ``sensitivity`` profile, at the fixed
    ``spots`` of the frame, and by where in a ``pattern`` they lie.
    """

    def __init__(
        self,
        *,
        width_px: int,
        tile_px: int,
        cell_px: int,
        overlap_px: int,
        sensitivity: SensitivityProfile | None = None,
        spots: FrameSpots | None = None,
        pattern: PatternScores | None = None,
    ) -> None:
        self._width_px = width_px
        self._pattern = pattern
        self._spots = SpotDivisors(spots or FrameSpots())
        self._sensitivity = sensitivity or SensitivityProfile()
        self._divisors = (0, 0, np.ones(-(-width_px // cell_px), np.float32))
        self._cell = cell_px
        self._tile_cells = tile_px // cell_px
        self._overlap = overlap_px // cell_px
        self._width_cells = -(-width_px // cell_px)
        self._across = feather(self._tile_cells, self._overlap)[None, :]
        self._sum = np.zeros((self._tile_cells, self._width_cells), np.float32)
        self._weight = np.zeros_like(self._sum)
        self._last: TileRow | None = None
        self._weights_of: tuple[bytes, Spans] | None = None
        self._over_weight: NDArray[np.float32] = np.zeros((1, self._width_cells), np.float32)
        self._cover = self._over_weight

    @classmethod
    def of(cls, recipe: Recipe, scorer: TileScorer, width_px: int) -> Blender:
        """Return what blends a scorer's maps by a recipe."""
        return cls(
            width_px=width_px,
            tile_px=scorer.tile_px,
            cell_px=scorer.cell_px,
            overlap_px=recipe.overlap_px,
            sensitivity=recipe.sensitivity,
            spots=recipe.spots,
            pattern=PatternScores.of(scorer.pattern),
        )

    @property
    def knows_place(self) -> bool:
        """Say whether it is known where in its pattern the newest row lies; cloth without one has no such place."""
        return self._pattern is None or self._pattern.is_known

    def add(self, row: TileRow, maps: NDArray[np.float32]) -> StripPart:
        """Blend a row's maps, float32 ``[tiles, tile / cell, tile / cell]``; returns the lines that are final now."""
        start = (row.own_first - row.first) // self._cell
        if len(row.columns):
            if self._pattern is not None:
                self._pattern.see(row)
            self._weigh(row)
            scores = self._merge_across(row, maps)
            along = feather(self._tile_cells, self._overlap, start)[start:, None]
            rows = self._tile_cells - start
            self._sum[:rows] += scores[start:] * along
            self._weight[:rows] += along * self._cover
        self._last = row
        return self._part(row, row.own_first, row.own_end)

    def tail(self) -> StripPart | None:
        """End the run and return the lines after the last row's own, None if there are none; a new run may begin."""
        row = self._last
        self._last = None
        part = self._part(row, row.own_end, row.end) if row is not None and row.end > row.own_end else None
        self._sum[:] = 0
        self._weight[:] = 0
        return part

    def _merge_across(self, row: TileRow, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        total = np.zeros_like(self._sum)
        for columns, scores in zip(self._columns(row), maps, strict=True):
            width = columns.stop - columns.start
            total[:, columns] += scores[:, :width] * self._across[:, :width]
        total *= self._over_weight
        return total

    def _weigh(self, row: TileRow) -> None:
        """Sum the weights of the row's tiles and note where they are; computed again only when the tiles move."""
        places = row.columns.tobytes(), row.seen
        if places == self._weights_of:
            return
        weight = np.zeros((1, self._width_cells), np.float32)
        for columns in self._columns(row):
            weight[:, columns] += self._across[:, : columns.stop - columns.start]
        self._weights_of = places
        self._over_weight = np.reciprocal(np.maximum(weight, TINY), dtype=np.float32)
        self._cover = (weight > 0).astype(np.float32)

    def _columns(self, row: TileRow) -> Iterator[slice]:
        """Yield the cells across that each tile of the row covers."""
        for place in row.columns.tolist():
            first = place // self._cell
            yield slice(first, min(first + self._tile_cells, -(-row.span_of(place)[1] // self._cell)))

    def _part(self, row: TileRow, first: int, end: int) -> StripPart:
        rows = -(-(end - first) // self._cell)
        weight = self._weight[:rows]
        scores = np.divide(self._sum[:rows], np.maximum(weight, TINY), dtype=np.float32)
        divisors = self._divisors_between(row.left_px, row.right_px)
        if (at_spots := self._spots.of(row.frames, row.run_line + first, rows, self._width_px)) is not None:
            divisors = divisors * at_spots
        if self._pattern is not None:
            scores, of_pattern = self._pattern.judged(scores, first)
            divisors = divisors * of_pattern
        scores /= divisors
        scores[:, : row.left_px // self._cell] = 0
        scores[:, -(-row.right_px // self._cell) :] = 0
        for held in (self._sum, self._weight):
            held[: self._tile_cells - rows] = held[rows:].copy()
            held[self._tile_cells - rows :] = 0
        return StripPart(
            run_line=row.run_line,
            first=first,
            end=end,
            pixels=row.pixels[first - row.first : end - row.first],
            scores=scores,
            divisors=divisors,
            left_px=row.left_px,
            right_px=row.right_px,
            seen=row.seen,
            patches=tuple(int(np.sum((row.columns >= start) & (row.columns < stop))) for start, stop in row.seen),
            piece=row.piece,
            blind=row.blind,
            cloth_px=row.cloth_px,
            frames=row.frames,
        )

    def _divisors_between(self, left_px: int, right_px: int) -> NDArray[np.float32]:
        """Return the divisors of the sensitivity profile, computed again only when the web moves."""
        if self._divisors[:2] != (left_px, right_px):
            self._divisors = (left_px, right_px, self._sensitivity.divisors(left_px, right_px, self._width_px))
        return self._divisors[2]
