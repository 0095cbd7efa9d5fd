"""This module learns the long look from good cloth, line by line.

What it keeps are means: one profile of columns for every ``step_lines`` lines, and of every line the averages of some
strips of columns.  From them it learns, in this order and in this cloth's own units: what lies beside a place tells of
it; the spread of single means; what the camera's columns always show; where good cloth is restless; how it leans; the
spread of sums over each window, and how high good cloth peaks there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.long import direction
from model.long.look import Floats, LongLook
from model.long.means import LineSums, Mean, strip_means

STEP_MM = 25.0
STEP_LINES, STEP_RANGE = 64, (16, 256)
"""A mean along the warp takes 25 mm of cloth, or these lines where there is no scale."""
CELLS, WIDE_PX = 32, 3000
"""The web is cut into so many strips of columns, twice as many where it is wider than this."""
NARROWEST_CELL_PX = 8
MOST_PX = 160_000_000
"""More good cloth than this is not looked at (40 m of a metre's width at 0.5 mm): learning it would take long."""
LEAST_LINES = 512


@dataclass(eq=False)
class Run:
    """A run is cloth without a break: its means of lines, and its strips' means line by line."""

    means: list[Mean]
    strips: list[Floats]


class LongLearner:
    """The learner sees good cloth and learns what windows of it look like.

    Args:
        width_px: width of the camera's picture.
        mm_per_px_along: scale along the cloth, None if unknown.
    """

    def __init__(self, width_px: int, mm_per_px_along: float | None = None) -> None:
        lines = STEP_LINES if mm_per_px_along is None else round(STEP_MM / mm_per_px_along)
        self._step = int(np.clip(lines, *STEP_RANGE))
        self._width = width_px
        self._most_lines = MOST_PX // width_px
        self._cells = 0
        self._cell_px = 0
        self._sums = LineSums(self._step)
        self._run = Run([], [])
        self._runs: list[Run] = []
        self._lines = 0
        self.why_not = ""
        """This says in a sentence why the cloth seen taught nothing; '' if it did."""

    def see(self, pixels: NDArray[np.uint8], left_px: int, right_px: int) -> None:
        """Take the next lines of good cloth, uint8 ``[lines, width]`` or ``[lines, width, 3]``.

        Args:
            left_px, right_px: columns of the web on them, half-open; empty where there is no cloth, which ends the run.
        """
        if right_px - left_px < CELLS * NARROWEST_CELL_PX:
            self.end_run()
            return
        if self._lines >= self._most_lines:
            return
        if not self._cells:
            self._cells = CELLS * (2 if right_px - left_px >= WIDE_PX else 1)
            self._cell_px = (right_px - left_px) // self._cells
        self._lines += pixels.shape[0]
        self._run.means += self._sums.push(pixels, left_px, right_px)
        self._run.strips.append(strip_means(pixels, left_px, right_px, self._cells, self._cell_px))

    def end_run(self) -> None:
        """End the run: the cloth seen next does not go on from here."""
        self._run.means += self._sums.end()
        if self._run.means:
            self._runs.append(self._run)
        self._run = Run([], [])

    def learned(self) -> LongLook | None:
        """Learn from all that was seen; None, with :attr:`why_not`, where that is too little."""
        self.end_run()
        self.why_not = ""
        if self._lines < LEAST_LINES:
            self.why_not = (
                f"{self._lines} lines of good cloth are too few to learn how long, faint flaws would show; "
                f"at least {LEAST_LINES} are needed."
            )
            return None
        strips = [np.concatenate(run.strips, 1) for run in self._runs]
        try:
            warp = direction.learn_warp([run.means for run in self._runs], self._step)
            weft = direction.learn_weft(strips, self._cells)
        except np.linalg.LinAlgError:  # cloth without any chance in it, as drawn cloth: nothing varies
            warp = weft = None
        if warp is None or weft is None:
            self.why_not = "The good cloth shows no texture by which a faint flaw in it could be told."
            return None
        peaks = {f"warp {level}": found for level, found in warp.peaks.items()}
        peaks |= {f"weft {level}": found for level, found in weft.peaks.items()}
        return LongLook(
            warp=warp.direction,
            weft=weft.direction,
            width_px=self._width,
            step_lines=self._step,
            cells=self._cells,
            cell_px=self._cell_px,
            peaks=peaks,
            lines_seen=self._lines,
        )
