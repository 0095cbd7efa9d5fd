"""This module judges what one broad look scores: the line's own blending, levels and regions, at another size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.scorer import TileScorer
from station.contract import Defect, LookView
from station.line.flow import StripPart, TileRow
from station.line.judging.blending import Blender
from station.line.judging.decision import geometry
from station.line.judging.defects import DefectTracker
from station.line.judging.looks.joining import LOOKS_NOT
from station.line.judging.web_state import WebState
from station.recipe import Recipe
from station.recipe.looks import BroadLook
from station.state.defect import Look


class BroadJudge:
    """The judge of a broad look turns its scored rows into views and defects in the line's own lines and columns.

    Cloth that differs as a whole is told by the fine look; here it only raises what counts as usual.

    Args:
        look: of the recipe.
        recipe: the recipe as it is.
        width_px: width of the camera.
        scorer: the look's own.
    """

    def __init__(self, look: BroadLook, recipe: Recipe, *, width_px: int, scorer: TileScorer) -> None:
        self.size = look.size
        self._recipe = recipe
        self._width_px = width_px
        self._cell = scorer.cell_px
        self._threshold = look.threshold
        own = recipe.seen_by(look)
        narrow = width_px // look.size
        self._blender = Blender.of(own, scorer, narrow)
        self._web = WebState(own, lambda _: None)
        self._tracker = DefectTracker.of(own, scorer, narrow)
        self._start = 0
        self._has_ended = False

    @property
    def decided_line(self) -> int:
        """Give the roll line before which this look has decided everything; no limit while it does not look on."""
        return LOOKS_NOT if self._has_ended else self._full(self._tracker.decided_line)

    def row(self, row: TileRow, maps: NDArray[np.float32]) -> Iterator[LookView | Defect]:
        """Judge a row by its raw maps; yields what is seen, then the defects that changed."""
        self._start = row.run_line
        self._has_ended = False
        yield from self._part(self._blender.add(row, maps))

    def end_run(self) -> Iterator[LookView | Defect]:
        """End the run and decide all that waits; yields as :meth:`row`."""
        tail = self._blender.tail()
        if tail is not None:
            yield from self._part(tail)
        yield from map(self._in_full, self._tracker.end_run())
        self._has_ended = True

    def _part(self, part: StripPart) -> Iterator[LookView | Defect]:
        part = self._web.see(part)
        scores = self._tracker.judged_scores(part)
        yield LookView(
            look=Look.BROAD,
            first_line=self._full(part.run_line + part.first),
            end_line=self._full(part.run_line + part.end),
            scores=part.scores,
            threshold=self._threshold,
            cell_px=self._cell * self.size,
            piece=part.piece,
        )
        yield from map(self._in_full, self._tracker.feed(part, scores))

    def _full(self, line: int) -> int:
        return self._start + (line - self._start) * self.size

    def _in_full(self, defect: Defect) -> Defect:
        """Return the defect in the line's own lines and columns."""
        first_line = self._full(defect.first_line)
        return replace(
            defect,
            first_line=first_line,
            end_line=self._full(defect.end_line),
            first_px=defect.first_px * self.size,
            end_px=min(defect.end_px * self.size, self._width_px),
            position_mm=first_line * self._recipe.scale_along,
            kind=geometry(defect.length_mm, defect.width_mm, self._recipe),
            look=Look.BROAD,
            peak_line=self._full(defect.peak_line),
            peak_px=defect.peak_px * self.size,
        )


def broad_judges(recipe: Recipe, scorer: TileScorer, width_px: int) -> list[BroadJudge]:
    """Return a judge for each broad look that the recipe has on and the scorer has."""
    return [
        BroadJudge(one, recipe, width_px=width_px, scorer=scorer.broad[one.size])
        for one in recipe.broad_among(scorer.broad)
    ]
