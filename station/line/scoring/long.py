"""This module gives the long look the line's cloth as it comes, every line once, and hands on what it saw."""

from __future__ import annotations

from model.long import LongLook, LongScorer
from model.scorer import TileScorer
from station.line.flow import LongSteps, TileRow
from station.line.scoring.new_lines import NewLines
from station.recipe import Recipe


class LongRows:
    """This scores the cloth of the line's tile rows by a long look.

    Cloth that is not seen over the web's whole width is left to the fine look.
    """

    def __init__(self, scorer: LongScorer) -> None:
        self._scorer = scorer
        self._new = NewLines()

    def push(self, row: TileRow) -> list[LongSteps]:
        """Take the lines of a row that were not taken before; return what was seen, and the end of a run before it."""
        seen = self.end_run() if not self._new.goes_on(row) else []
        pixels, first_line = self._new.take(row)
        if len(pixels):
            steps = self._scorer.push(pixels, row.left_px, row.right_px, first_line)
            seen.append(LongSteps(tuple(steps), row.piece))
        return seen

    def end_run(self) -> list[LongSteps]:
        """Return what the end of the run shows; nothing if no run is open."""
        if not self._new.is_open:
            return []
        piece = self._new.piece
        self._new.end_run()
        return [LongSteps(tuple(self._scorer.end_run()), piece, ends=True)]


def long_rows(recipe: Recipe, scorer: TileScorer, width_px: int) -> LongRows | None:
    """Return what scores by the long look; None if the recipe has none on or the model none."""
    if recipe.long_on is None or not scorer.long:
        return None
    return LongRows(LongScorer(LongLook.from_arrays(scorer.long), recipe.long_on.limits(), width_px))
