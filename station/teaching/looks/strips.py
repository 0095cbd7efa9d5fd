"""This module has a look score good cloth row by row, as the line does, without judging it."""

from __future__ import annotations

from model.scorer import CELL_PX, TILE_PX, TileScorer
from station.line.flow import EndOfRun, StripPart, TileRow
from station.line.judging.blending import Blender
from station.line.judging.pattern_place import PatternScores
from station.line.scoring.tiling import cut_tiles


class LookStrips:
    """The strips are what the blender makes of a look's scores.

    Args:
        scorer: of that look.
        overlap_px: by which its tiles overlap.
    """

    def __init__(self, scorer: TileScorer, overlap_px: int) -> None:
        self._scorer = scorer
        self._overlap_px = overlap_px
        self._blender: Blender | None = None

    def take(self, step: TileRow | EndOfRun) -> StripPart | None:
        """Take a row of tiles or the end of a run; return what of the strip is final by it, None if nothing is."""
        if isinstance(step, EndOfRun):
            return None if self._blender is None else self._blender.tail()
        if self._blender is None:
            self._blender = Blender(
                width_px=step.pixels.shape[1],
                tile_px=TILE_PX,
                cell_px=CELL_PX,
                overlap_px=self._overlap_px,
                pattern=PatternScores.of(self._scorer.pattern),
            )
        return self._blender.add(step, self._scorer.infer(cut_tiles(step, TILE_PX, CELL_PX)))
