"""This module teaches each look how good cloth scores at every place of its pattern, where cloth repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from drivers.camera import Camera
from model.mfrnet import MFRNet
from model.pattern.picture import Picture, drawn
from model.pattern.repeat import RepeatFinder
from model.pattern.scores import PatternLearner
from model.runtime import Runtime
from model.scorer import CELL_PX, FINE, TileScorer
from model.time_budget import TimeBudget
from station.line.flow import EndOfRun, StripPart, TileRow
from station.line.judging.pattern_place import PatternFollower
from station.recipe import Recipe
from station.recipe.looks import BROAD_OVERLAP_PX, look_name
from station.recipe.repeat import ClothRepeat
from station.teaching.looks.broad import steps_of
from station.teaching.looks.strips import LookStrips
from station.teaching.sampling import tile_rows

LEAST_CELLS = 6
"""A look that sees a repeat in fewer of its cells sees it many times in each tile, and needs no model of it."""
FINE_SHARE = 0.7
LEAST_SEEN, ENOUGH_SEEN = 20.0, 400.0
"""Each place of the pattern is to be seen so often on average, even a little later than planned; more is not needed."""
LATER = 0.04


def teach_pattern(
    finder: RepeatFinder,
    open_cloth: Callable[[], Camera],
    recipe: Recipe,
    network: MFRNet,
    runtime: Runtime,
    budget: TimeBudget,
    end: float,
) -> ClothRepeat:
    """Measure how the cloth repeats and teach the looks of a network and of its runtime what that means for scores.

    Args:
        finder: has seen the cloth.
        recipe: the draft by which cloth is found.
        end: share of the time at which this ends.
    """
    repeat = finder.repeat()
    if not repeat.is_there:
        return ClothRepeat.of(repeat)
    picture = drawn(finder.stretches, repeat)
    if picture is None:
        return ClothRepeat.of(repeat, why_not="no stretch of the cloth taught shows the whole of it")
    begun = budget.spent()
    middle = begun + FINE_SHARE * (end - begun)

    def until(share: float, learner: PatternLearner) -> Callable[[], bool]:
        def stopped() -> bool:
            budget.report("setting the threshold", min(budget.spent(), share))
            late = budget.spent() > share + (LATER if learner.seen < LEAST_SEEN else 0.0)
            return late or learner.seen >= ENOUGH_SEEN or budget.cancelled()

        return stopped

    whys: list[str] = []
    modelled: list[str] = []
    for size, scorer, net in (
        (FINE, runtime, network),
        *((n, runtime.broad[n], network.broad[n]) for n in runtime.broad),
    ):
        own = smaller(picture, size)
        if own is None:
            continue
        gathering = Gathering(scorer, own, BROAD_OVERLAP_PX if size != FINE else recipe.overlap_px)
        if size == FINE:
            gathering.take_all(tile_rows(open_cloth(), recipe, until(middle, gathering.learner)))
        else:
            share = budget.spent() + (end - budget.spent()) / max(1, len(runtime.broad) - len(modelled) + 1)
            gathering.take_all(steps_of(open_cloth(), recipe, (size,), until(max(share, middle), gathering.learner)))
        budget.check()
        pattern = gathering.learner.learned()
        if pattern is None:
            whys.append(gathering.learner.why_not)
            continue
        net.pattern = pattern.to_arrays()
        scorer.pattern = net.pattern
        modelled.append(look_name(size))
    return ClothRepeat.of(repeat, modelled, "" if modelled else next(iter(whys), ""))


def smaller(picture: Picture, size: int) -> Picture | None:
    """Return a picture as a broad look sees it, so many times smaller; None where it sees nothing of a repeat."""
    if size == FINE:
        return picture
    sides = [side if side == 1 else round(side / size) for side in picture.cells.shape]
    if any(side != 1 and side < LEAST_CELLS for side in sides):
        return None
    cells = cv2.resize(picture.cells, (sides[1], sides[0]), interpolation=cv2.INTER_AREA)
    blur = np.sqrt(4.0 - (2.0 / size) ** 2)  # cells of the picture are blurred by two already
    padded = np.pad(cells, 8, mode="wrap")
    soft = cv2.GaussianBlur(padded, (0, 0), blur)[8:-8, 8:-8]
    along, across = picture.repeat_cells
    repeat = along if sides[0] == 1 else along / size, across if sides[1] == 1 else across / size
    return Picture(np.ascontiguousarray(soft, np.float32), repeat)


class Gathering:
    """The gathering has a look score good cloth and notes where in the repeat each score lies."""

    def __init__(self, scorer: TileScorer, picture: Picture, overlap_px: int) -> None:
        self.learner = PatternLearner(picture)
        self._follower = PatternFollower(picture)
        self._strips = LookStrips(scorer, overlap_px)

    def take_all(self, steps: Iterable[TileRow | EndOfRun]) -> None:
        """Take rows of tiles and ends of runs."""
        for step in steps:
            if isinstance(step, TileRow):
                if not len(step.columns):
                    continue
                self._follower.see(step)
            self._see(self._strips.take(step))

    def _see(self, part: StripPart | None) -> None:
        if part is None or not part.seen:
            return
        at = self._follower.at(part.first, (part.scores.shape[0], part.scores.shape[1]))
        if at is not None:
            web = slice(-(-part.left_px // CELL_PX), part.right_px // CELL_PX)
            self.learner.see(part.scores[:, web], (at[0][:, web], at[1][:, web]))
