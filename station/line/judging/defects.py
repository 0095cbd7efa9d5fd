"""This module turns regions of high score into the defects of a roll: one defect, one number, however long it grows.

A defect is reported when it first is a reject, at most twice a second while it grows, and once when it is closed, with
its picture.  Regions that never become a reject are reported once, closed, as defects that pass.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.scorer import TileScorer
from station.contract import Defect, DefectKind
from station.line.flow import StripPart
from station.line.judging.areas import AreaJoiner
from station.line.judging.decision import decide, geometry
from station.line.judging.holes import AROUND_PX, MOST_LINES, HoleFinder
from station.line.judging.recent_cloth import RecentCloth
from station.line.judging.regions import BLUR, Region, RegionFinder
from station.line.judging.specks import ABOVE_LINES, BELOW_LINES, BESIDE_PX, speck
from station.recipe import Recipe

GROWTH_INTERVAL_S = 0.5
SMALL_PICTURE_PX, LARGE_PICTURE_PX = 128, 256


@dataclass(slots=True, eq=False)
class _Track:
    """The track keeps what was reported of a region, and its picture so far."""

    number: int | None = None
    told_s: float = 0.0
    told_box: tuple[float, ...] | None = None
    left_px: int = 0
    pictured: float = -1.0
    measured_at: tuple[int, int] | None = None
    speck: tuple[int, int, int, int] | None = None
    crop: NDArray[np.uint8] | None = None
    crop_scores: NDArray[np.float32] | None = None


class DefectTracker:
    """The tracker follows the defects of a roll, run by run.

    Args:
        edge_drop, point_spread_px: properties of the scorer; see :class:`model.scorer.TileScorer`.
        holes: tells holes from other flaws, None where that is left to another look.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        width_px: int,
        cell_px: int,
        edge_drop: float,
        point_spread_px: float,
        holes: HoleFinder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recipe = recipe
        self._cell = cell_px
        self._holes = holes
        self._clock = clock
        self._edge_drop = edge_drop
        self._point_spread_px = point_spread_px
        self._width_px = width_px
        self._gap = int(recipe.join_gap_mm / recipe.scale / cell_px)
        self._margin_px = recipe.edge_margin_mm / recipe.scale
        self._numbers = 0
        self._run_line = 0
        self._piece: str | None = None
        self._finder: RegionFinder | None = None
        self._areas = self._new_areas()
        self._cloth = RecentCloth(self._cell)
        self._tracks: dict[Region, _Track] = {}
        self._closing: list[Region] = []

    @classmethod
    def of(cls, recipe: Recipe, scorer: TileScorer, width_px: int, holes: HoleFinder | None = None) -> DefectTracker:
        """Return what follows the defects that a scorer shows."""
        return cls(
            recipe,
            width_px=width_px,
            cell_px=scorer.cell_px,
            edge_drop=scorer.edge_drop,
            point_spread_px=scorer.point_spread_px,
            holes=holes,
        )

    @property
    def decided_line(self) -> int:
        """Give the roll line before which everything of the present run is decided."""
        return self._run_line + (self._finder.rows_decided * self._cell if self._finder is not None else 0)

    def picture(self, line: int, column: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
        """Cut out the cloth around a roll line and a column, with its scores; None if it is forgotten."""
        return self._cloth.picture(line - self._run_line, column, size)

    def judged_scores(self, part: StripPart) -> NDArray[np.float32]:
        """Return the part's scores, set to 0 within the recipe's margin at the web's edges."""
        if self._margin_px <= 0:
            return part.scores
        scores = part.scores.copy()
        scores[:, : int(np.ceil((part.left_px + self._margin_px) / self._cell))] = 0
        scores[:, max(0, int((part.right_px - self._margin_px) // self._cell)) :] = 0
        return scores

    def feed(self, part: StripPart, scores: NDArray[np.float32]) -> Iterator[Defect]:
        """Take the next part of the run with its judged scores; yields the defects that changed."""
        if self._finder is None:
            width = -(-self._width_px // self._cell)
            self._finder = RegionFinder(
                level=self._recipe.report_level,
                threshold=self._recipe.threshold,
                drop=self._edge_drop,
                gap=self._gap,
                width=width,
                joins_lines=self._recipe.join_gap_mm > 0,
            )
            self._areas = self._new_areas()
            self._run_line = part.run_line
            self._piece = part.piece
            self._cloth = RecentCloth(self._cell)
        self._cloth.append(part)
        if self._holes is not None:
            self._holes.see(part)
        self._finder.feed(scores, scores * part.divisors)
        yield from self._collect(part.left_px, ended=False)

    def end_run(self) -> Iterator[Defect]:
        """End the run and close all its defects.  Yields the defects that changed."""
        if self._finder is None:
            return
        self._finder.flush()
        yield from self._collect(0, ended=True)
        self._finder = None
        self._tracks.clear()

    def _new_areas(self) -> AreaJoiner:
        recipe = self._recipe
        return AreaJoiner(
            threshold=recipe.threshold,
            mm_per_row=self._cell * recipe.scale_along,
            mm_per_column=self._cell * recipe.scale,
            has_scale=recipe.mm_per_px is not None,
            joins=recipe.join_gap_mm > 0,
        )

    def _collect(self, left_px: int, *, ended: bool) -> Iterator[Defect]:
        assert self._finder is not None
        closed = self._finder.take_closed()
        for region in [*self._finder.opened, *closed]:
            self._tracks.setdefault(region, _Track(left_px=left_px))
        if ended:
            closed = self._areas.flush(closed)
        else:
            closed = self._areas.take(closed, self._finder.opened, self._finder.rows_decided)
        growing = [*self._finder.opened, *self._areas.waiting]
        for region in [*growing, *closed]:
            yield from self._absorb(region)
        self._closing += closed
        for region in [*growing, *self._closing]:
            self._picture(region, ended=ended)
        waiting = []
        for region in self._closing:
            if ended or self._in_sight(region):
                yield self._tell(region, closed=True)
                del self._tracks[region]
            else:
                waiting.append(region)
        self._closing = waiting
        for region in [*growing, *waiting]:
            yield from self._growth(region)

    def _absorb(self, region: Region) -> Iterator[Defect]:
        """Join regions that proved to be one: the older number stays, a younger one already reported is withdrawn."""
        for other in region.absorbed:
            gone = self._tracks.pop(other, None)
            if gone is None:
                continue
            track = self._tracks[region]
            if gone.pictured > track.pictured:
                track.pictured = gone.pictured
                track.crop = gone.crop
                track.crop_scores = gone.crop_scores
            numbers = sorted(n for n in (track.number, gone.number) if n is not None)
            track.number = numbers[0] if numbers else None
            if len(numbers) == 2:
                yield self._defect(other, gone, numbers[1], closed=True, merged_into=numbers[0])
        region.absorbed.clear()

    def _growth(self, region: Region) -> Iterator[Defect]:
        if region.core is None:
            return  # it is the rim of something stronger beside it or still to come: it has no size of its own yet
        track, box = self._tracks[region], region.box
        state = (box.top, box.bottom, box.left, box.right, region.peak)
        if state == track.told_box or not self._is_reject(region):
            return
        if track.number is not None and self._clock() - track.told_s < GROWTH_INTERVAL_S:
            return
        track.told_box = state
        yield self._tell(region, closed=False)

    def _tell(self, region: Region, *, closed: bool) -> Defect:
        track = self._tracks[region]
        if track.number is None:
            self._numbers += 1
            track.number = self._numbers
        track.told_s = self._clock()
        return self._defect(region, track, track.number, closed=closed)

    def _in_sight(self, region: Region) -> bool:
        return self._cloth.end >= region.peak_row * self._cell + LARGE_PICTURE_PX // 2 + BLUR * self._cell

    def _picture(self, region: Region, *, ended: bool) -> None:
        """Take the picture once enough cloth is there, and again if the peak has risen since."""
        track, box = self._tracks[region], region.box
        if track.pictured >= region.peak or not (ended or self._in_sight(region)):
            return
        extent = max(box.bottom - box.top, box.right - box.left) * self._cell
        size = SMALL_PICTURE_PX if extent <= SMALL_PICTURE_PX // 2 else LARGE_PICTURE_PX
        picture = self._cloth.picture(region.peak_row * self._cell, region.peak_column * self._cell, size)
        if picture is not None:
            track.pictured = region.peak
            track.crop, track.crop_scores = picture

    def _is_reject(self, region: Region) -> bool:
        rule = self._recipe
        return decide(region.peak, *self._size_mm(region), threshold=rule.threshold, min_length_mm=rule.min_length_mm)

    def _box_px(self, region: Region) -> tuple[int, int, int, int]:
        """Return lines from the run's start and columns, half-open, within the picture: within the region, or of the
        speck that the picture shows."""
        box, extent = region.box, region.extent
        top, bottom = self._without_blur(box.top, box.bottom, extent.top, extent.bottom, self._cloth.end)
        left, right = self._without_blur(box.left, box.right, extent.left, extent.right, self._width_px)
        looks_a_point = region.parts == 1 and max(bottom - top, right - left) <= self._point_spread_px
        if looks_a_point and region.peak >= self._recipe.threshold:
            return self._speck(region) or (top, bottom, left, right)
        return top, bottom, left, right

    def _speck(self, region: Region) -> tuple[int, int, int, int] | None:
        """Return the box of what is smaller than the model can see, None if the picture does not tell."""
        track = self._tracks.get(region)
        if track is None:
            return None
        if track.measured_at != (region.peak_row, region.peak_column):
            track.measured_at = region.peak_row, region.peak_column
            line, column = (self._cell * place + self._cell // 2 for place in track.measured_at)
            top, left = max(0, line - ABOVE_LINES), max(0, column - BESIDE_PX)
            around = self._cloth.pixels(top, line + BELOW_LINES, left, column + BESIDE_PX)
            box = None if around is None else speck(around, line - top, column - left, int(self._point_spread_px))
            track.speck = None if box is None else (top + box[0], top + box[1], left + box[2], left + box[3])
        return track.speck

    def _without_blur(
        self, first: float, end: float, region_first: float, region_end: float, picture_end: int
    ) -> tuple[int, int]:
        """Return the flaw's own extent in px from one side of a box in cells.

        Widths of blurred things add by their squares: a flaw ``s`` wide looks √(s² + point²) wide.  A flaw that looks
        no wider than a point may have any width up to that, and is reported as half of it, but at least one cell.
        """
        cell, point = self._cell, self._point_spread_px
        lowest, highest = region_first * cell, min(region_end * cell, picture_end)  # the last cell may reach outside
        looks = (end - first) * cell
        size = max(math.sqrt(max(looks**2 - point**2, 0.0)), point / 2, cell)
        size = min(size, highest - lowest)
        start = min(max((first + end) * cell / 2 - size / 2, lowest), highest - size)
        return math.floor(start + 0.5), math.floor(start + size + 0.5)

    def _is_hole(self, box: tuple[int, int, int, int], peak_line: int) -> bool:
        """Say whether the picture shows a hole in a box of lines from the run's start and columns."""
        if self._holes is None:
            return False
        top, bottom, left, right = box
        top = max(top, peak_line - MOST_LINES // 2)  # of a long one, the cloth around its peak
        bottom = min(bottom, top + MOST_LINES)
        first, column = max(self._cloth.first, top - AROUND_PX), max(0, left - AROUND_PX)
        pixels = self._cloth.pixels(first, bottom + AROUND_PX, column, right + AROUND_PX)
        if pixels is None or top < first:
            return False
        return self._holes.is_hole(pixels, (top - first, bottom - first, left - column, right - column))

    def _size_mm(self, region: Region) -> tuple[float, float]:
        top, bottom, left, right = self._box_px(region)
        return (bottom - top) * self._recipe.scale_along, (right - left) * self._recipe.scale

    def _defect(
        self, region: Region, track: _Track, number: int, *, closed: bool, merged_into: int | None = None
    ) -> Defect:
        across, along = self._recipe.scale, self._recipe.scale_along
        top, bottom, left, right = self._box_px(region)
        length_mm, width_mm = self._size_mm(region)
        is_reject = merged_into is None and self._is_reject(region)
        kind = geometry(length_mm, width_mm, self._recipe, region.parts)
        if closed and is_reject and self._is_hole((top, bottom, left, right), region.peak_row * self._cell):
            kind = DefectKind.HOLE
        return Defect(
            number=number,
            first_line=self._run_line + top,
            end_line=self._run_line + bottom,
            first_px=left,
            end_px=right,
            length_mm=length_mm,
            width_mm=width_mm,
            area_mm2=region.area * self._cell**2 * across * along,
            position_mm=(self._run_line + top) * along,
            across_mm=((left + right) / 2 - track.left_px) * across,
            score=region.peak,
            threshold=self._recipe.threshold,
            kind=kind,
            is_reject=is_reject,
            closed=closed,
            piece=self._piece,
            crop=track.crop if closed else None,
            crop_scores=track.crop_scores if closed else None,
            merged_into=merged_into,
            peak_line=self._run_line + region.peak_row * self._cell,
            peak_px=region.peak_column * self._cell,
            parts=region.parts,
        )
