"""This module gathers the line's scores of held-out good cloth in one pass: how high it scores, and where.

From that follow the threshold and the places where the line is to be less sensitive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.scorer import TILE_PX
from station.contract import Event, RowJudged, StripView
from station.recipe.cloth_look import ClothLook, Features, look_at, look_of
from station.recipe.frame_spots import Frames, FrameSpots, SpotDivisors
from station.recipe.score_levels import ScoreLevels, levels_across, levels_of
from station.recipe.sensitivity import SensitivityProfile
from station.teaching.request import FALSE_ALARM_BUDGET_PER_100_M
from station.teaching.sensitivity_finder import SensitivityFinder
from station.teaching.spot_finder import SpotFinder, drawn

PARTS = 4
"""Each patch has this many parts side by side: their highest scores say more of the tail than the patch's alone."""
ENOUGH_PATCHES = 12_000
"""No more patches are needed: one false alarm per 100 m is then no extrapolation on a web of one metre.  A smaller
budget takes proportionally more."""

LOOKS_ASIDE, MOST_LOOKS = 4, 4000
MOST_RAW_CELLS = 32_000_000
"""Once so many scores are kept, the fixed spots are looked for, and the rest is judged by them: memory is bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row holds one row of patches.

    Attributes:
        piece: the piece (picture) it is on.
        first_line, end_line: roll lines, half-open.
        left_px, right_px: the web's edges.
        width_px, cell_px: width of the camera, side of a cell.
        patches: how many are side by side.
        tops: float32 ``[cells]``, highest raw score of each column of cells, divided at fixed spots of the frame.
        heights: int ``[cells]``, which row of cells holds it.
        raw: float16 ``[cells along, cells]``, the raw scores, while the fixed spots are not known yet.
        frames: in which frames it was seen.
    """

    piece: str | None
    first_line: int
    end_line: int
    left_px: int
    right_px: int
    width_px: int
    cell_px: int
    patches: int
    tops: NDArray[np.float32]
    heights: NDArray[np.intp]
    raw: NDArray[np.float16] | None = None
    frames: Frames = ()

    @classmethod
    def of(cls, view: StripView, judged: RowJudged, spots: SpotDivisors | None) -> Row:
        """Make a row of a judged strip of cloth; while ``spots`` are not known, it keeps what they will need."""
        scores = view.scores
        if spots is not None:
            divisors = spots.of(view.frames, view.first_line, len(scores), view.pixels.shape[1])
            scores = scores if divisors is None else scores / divisors
        return cls(
            piece=judged.piece,
            first_line=judged.first_line,
            end_line=judged.end_line,
            left_px=view.left_px,
            right_px=view.right_px,
            width_px=view.pixels.shape[1],
            cell_px=view.cell_px,
            patches=judged.peaks.size,
            tops=scores.max(axis=0),
            heights=scores.argmax(axis=0),
            raw=scores.astype(np.float16) if spots is None and view.frames else None,
            frames=view.frames,
        )

    def under(self, spots: SpotDivisors) -> Row:
        """Return the row as it is once the fixed spots are known."""
        if self.raw is None:
            return self
        divisors = spots.of(self.frames, self.first_line, len(self.raw), self.width_px)
        if divisors is None:
            return replace(self, raw=None)
        scores = self.raw / divisors
        return replace(self, tops=scores.max(axis=0), heights=scores.argmax(axis=0), raw=None)

    def followed_by(self, tail: Row) -> Row | None:
        """Return both as one row, if ``tail`` is the short end of the run: it counts with the row before it."""
        edges = (self.end_line, self.left_px, self.right_px, self.patches, self.piece)
        if tail.end_line - tail.first_line >= TILE_PX // 2:
            return None
        if (tail.first_line, tail.left_px, tail.right_px, tail.patches, tail.piece) != edges:
            return None
        below = (self.end_line - self.first_line) // self.cell_px
        return Row(
            piece=self.piece,
            first_line=self.first_line,
            end_line=tail.end_line,
            left_px=self.left_px,
            right_px=self.right_px,
            width_px=self.width_px,
            cell_px=self.cell_px,
            patches=self.patches,
            tops=np.maximum(self.tops, tail.tops),
            heights=np.where(tail.tops > self.tops, below + tail.heights, self.heights),
            raw=None if self.raw is None or tail.raw is None else np.concatenate([self.raw, tail.raw]),
            frames=self.frames,
        )

    def scores(self, sensitivity: SensitivityProfile) -> NDArray[np.float32]:
        """Return the highest score of each column of cells as the line judges it, float32 ``[cells]``."""
        judged: NDArray[np.float32] = self.tops / sensitivity.divisors(self.left_px, self.right_px, self.width_px)
        return judged

    def bounds(self) -> NDArray[np.intp]:
        """Return first and end column, in cells, of the parts: ``[patches * PARTS + 1]``."""
        first, end = self.left_px // self.cell_px, -(-self.right_px // self.cell_px)
        count = self.patches * PARTS
        return first + np.arange(count + 1) * (end - first) // count

    def patch(self, number: int) -> tuple[int, int]:
        """Return first and end column, in cells, of a patch."""
        first, end = self.bounds()[[number * PARTS, (number + 1) * PARTS]]
        return int(first), int(end)

    def peaks(self, sensitivity: SensitivityProfile) -> NDArray[np.float32]:
        """Return the highest score of each part, float32 ``[patches, PARTS]``."""
        bounds = self.bounds()
        tops = self.scores(sensitivity)[: bounds[-1]]
        peaks: NDArray[np.float32] = np.maximum.reduceat(tops, bounds[:-1]).reshape(self.patches, PARTS)
        return peaks


class HeldOut:
    """This collector takes the line's events and keeps of each strip only the highest score of every column.

    The line's recipe must have no sensitivity yet; with ``NO_DECISION`` as threshold the line follows no defects.

    Args:
        budget_per_100_m: false alarms wanted per 100 m, above 0: it decides how much cloth is enough.
        looks_at_cloth: whether :meth:`look` will be asked for.

    Attributes:
        enough_patches: how many are enough.
        rows: the rows judged, in order.
        patches, lines: how many patches and lines these are.
    """

    def __init__(self, budget_per_100_m: float = FALSE_ALARM_BUDGET_PER_100_M, *, looks_at_cloth: bool = True) -> None:
        self.enough_patches = ENOUGH_PATCHES * max(1.0, FALSE_ALARM_BUDGET_PER_100_M / budget_per_100_m)
        self._finder = SensitivityFinder()
        self._spot_finder = SpotFinder()
        self._spots: SpotDivisors | None = None
        self._raw_cells = 0
        self._levels: list[NDArray[np.float32]] = []
        self._looks_at_cloth = looks_at_cloth
        self._looks: list[Features] = []
        self._view: StripView | None = None
        self.rows: list[Row] = []
        self.patches = 0
        self.lines = 0

    def take(self, event: Event) -> None:
        """Take an event of the line; once there is enough, the rest is ignored, so that speed decides nothing."""
        if self.is_enough:
            return
        if isinstance(event, StripView):
            self._view = event
            self._finder.take(event)
            if self._spots is None:
                self._spot_finder.take(event)
            levels = None if event.blind_px else levels_across(event.scores, event.left_px, event.right_px)
            if levels is not None:
                self._levels.append(levels)
            if self._looks_at_cloth:
                self._look_at(event)
        elif isinstance(event, RowJudged) and self._view is not None and event.peaks.size:
            row = Row.of(self._view, event, self._spots)
            self._add(row)
            self._raw_cells += 0 if row.raw is None else row.raw.size
            if self._raw_cells > MOST_RAW_CELLS:
                self.spots()

    def _add(self, row: Row) -> None:
        self.lines += row.end_line - row.first_line
        joined = self.rows[-1].followed_by(row) if self.rows else None
        if joined is not None:
            self.rows[-1] = joined
        else:
            self.rows.append(row)
            self.patches += row.patches

    @property
    def is_enough(self) -> bool:
        """Say whether enough cloth was judged."""
        return self.patches >= self.enough_patches

    @property
    def web_px(self) -> float:
        """Give the mean width of the web."""
        return float(np.mean([row.right_px - row.left_px for row in self.rows]))

    @property
    def row_lines(self) -> float:
        """Give the mean number of lines of a row of patches; short pieces make short rows."""
        return self.lines / len(self.rows)

    def sensitivity(self) -> SensitivityProfile:
        """Return where good cloth itself scores high."""
        return self._finder.found()

    def _look_at(self, view: StripView) -> None:
        """Look at parts of the web side by side: few strips then show how much cloth differs from place to place."""
        width = view.right_px - view.left_px
        parts = max(1, min(LOOKS_ASIDE, width // TILE_PX))
        edges = [view.left_px + width * number // parts for number in range(parts + 1)]
        looks = [look_at(view.pixels, *pair) for pair in pairwise(edges)]
        self._looks += [look for look in looks if look is not None][: MOST_LOOKS - len(self._looks)]

    def look(self) -> ClothLook | None:
        """Return what good cloth looks like; None if too little was seen."""
        return look_of(self._looks)

    def levels(self) -> ScoreLevels | None:
        """Return how high the middle of good cloth scores across the web; None if too little was seen."""
        return levels_of(self._levels)

    def spots(self) -> FrameSpots:
        """Return the fixed places of the frame where good cloth scores high; all rows count under them from then on."""
        if self._spots is None:
            self._spots = SpotDivisors(self._spot_finder.found())
            self.rows = [row.under(self._spots) for row in self.rows]
            self._raw_cells = 0
        return self._spots.spots

    def spots_picture(self) -> NDArray[np.uint8] | None:
        """Draw the spots on the mean of the frames, uint8 RGB ``[lines, width, 3]``; None where there are none."""
        mean, spots = self._spot_finder.mean_picture(), self.spots()
        return None if mean is None or not spots.cells else drawn(mean, spots)
