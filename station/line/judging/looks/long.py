"""This module judges what the long look scores: the map of what it saw, and the defects that it follows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from model.long import LongLook, Step, WarpStep, paint
from model.scorer import CELL_PX, TileScorer
from station.contract import Defect, LookView
from station.line.flow import LongSteps
from station.line.judging.looks.joining import LOOKS_NOT
from station.line.judging.looks.long_defect import Picture
from station.line.judging.looks.long_lines import THRESHOLD, LongLines
from station.recipe import Recipe
from station.state.defect import Look

RANK = 1000
"""Among the looks it is the broadest: what finer looks see of a long line are its parts."""
LAG_STEPS = 16
"""A line is told after this many steps in most cases; so long what other looks see of it is not closed."""
MAP_STEPS = 4096
"""A picture has fewer; of endless cloth the map is told in pieces."""


class LongJudge:
    """The judge of the long look turns its steps into views and defects.

    Args:
        picture: cuts the cloth for a defect's picture.
        width_px: width of the camera.
        view: whether to yield views.
    """

    def __init__(self, recipe: Recipe, look: LongLook, picture: Picture, width_px: int, *, view: bool) -> None:
        self._lines = LongLines(recipe, width_px=width_px, number=itertools.count(1).__next__, picture=picture)
        self._lag = LAG_STEPS * look.step_lines
        self._width_px = width_px
        self._is_viewed = view
        self._steps: list[Step] = []
        self._end_line = 0
        self._has_ended = False

    @property
    def decided_line(self) -> int:
        """Give the roll line before which hardly anything is added to what this look told; no limit while it does not
        look on."""
        return LOOKS_NOT if self._has_ended else self._end_line - self._lag

    def take(self, seen: LongSteps) -> Iterator[LookView | Defect]:
        """Take new steps; yields the defects that changed and, at the end of a run, what was seen of it."""
        if self._is_viewed:
            self._steps += [step.for_map() for step in seen.steps]
        self._end_line = max([self._end_line, *(step.end_line for step in seen.steps if isinstance(step, WarpStep))])
        yield from self._lines.feed(seen.steps, seen.piece)
        self._has_ended = seen.ends
        if seen.ends:
            yield from self._lines.end_run()
        if self._steps and (seen.ends or len(self._steps) >= MAP_STEPS):
            yield self._view(seen.piece)
            self._steps = []

    def _view(self, piece: str | None) -> LookView:
        first = min(step.first_line for step in self._steps)
        end = max(step.end_line for step in self._steps)
        return LookView(
            look=Look.LONG,
            first_line=first,
            end_line=end,
            scores=paint(self._steps, first, end, self._width_px),
            threshold=THRESHOLD,
            cell_px=CELL_PX,
            piece=piece,
        )


def long_judge(recipe: Recipe, scorer: TileScorer, picture: Picture, width_px: int, *, view: bool) -> LongJudge | None:
    """Return the judge of the long look; None if the recipe has none on or the scorer none."""
    if recipe.long_on is None or not scorer.long:
        return None
    return LongJudge(recipe, LongLook.from_arrays(scorer.long), picture, width_px, view=view)
