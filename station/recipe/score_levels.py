"""This module keeps how high the middle of good cloth scores across the web, so that a whole web that differs shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from model.scorer import CELL_PX, unfolded

PARTS = 16
LEAST_PART_CELLS = 4
"""A narrower web has no parts to compare."""
LEAST_ROWS = 32
"""So many rows of cells must be there: a flaw across the web fills a shorter stretch."""
EVERY_ROW = 2
FEWEST_STRETCHES = 3
LEAST_LINES, LEAST_WEB_PX = LEAST_ROWS * CELL_PX, PARTS * LEAST_PART_CELLS * CELL_PX


class ScoreLevels(BaseModel):
    """The levels are the medians of good cloth's raw scores in equal parts of the web, from left to right.

    Attributes:
        parts: the level of each part, the median over stretches of good cloth.
        spread: the logarithm of a stretch's level over these lies within this for 95 of 100.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    parts: tuple[float, ...] = Field(min_length=PARTS, max_length=PARTS)
    spread: float = Field(ge=0)

    @property
    def middle(self) -> float:
        """Give the level in the middle of the parts."""
        return float(np.median(self.parts))

    def apart(self, levels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logarithm of how many times higher a stretch scores than good cloth, float ``[PARTS]``."""
        taught = np.array(self.parts)
        least = self._least()
        return np.asarray(np.log((levels + least) / (taught + least)), np.float64)

    def higher(self, levels: NDArray[np.float32]) -> float:
        """Return how much higher the middle part of a stretch lies than good cloth, as a difference of logarithms of
        errors (:func:`model.scorer.unfolded`)."""
        taught, least = np.array(self.parts, np.float32), np.float32(self._least())
        return float(np.median(unfolded(levels + least) - unfolded(taught + least)))

    def _least(self) -> float:
        return max(0.02 * max(self.parts), 1e-9)  # what scores next to nothing may score twice as much


def levels_across(scores: NDArray[np.float32], left_px: int, right_px: int) -> NDArray[np.float32] | None:
    """Return the median raw score of each part of the web, float32 ``[PARTS]``; None where the stretch is too short or
    the web too narrow to tell.

    Args:
        scores: float32 ``[rows, cells across]`` of a stretch of cloth.
        left_px, right_px: the web's edges.
    """
    first, end = left_px // CELL_PX, -(-right_px // CELL_PX)
    cells = (end - first) // PARTS
    if len(scores) < LEAST_ROWS or cells < LEAST_PART_CELLS:
        return None
    web = scores[::EVERY_ROW, first : first + PARTS * cells]
    rows = web.shape[0]
    parts = web.reshape(rows, PARTS, cells).swapaxes(0, 1).reshape(PARTS, rows * cells)
    middle = parts.shape[1] // 2
    return np.partition(parts, middle, axis=1)[:, middle]


def levels_of(stretches: list[NDArray[np.float32]]) -> ScoreLevels | None:
    """Return what a recipe keeps of the levels of stretches of good cloth; None if these are too few to tell."""
    if len(stretches) < FEWEST_STRETCHES:
        return None
    levels = np.stack(stretches)
    parts = np.median(levels, axis=0)
    if parts.max() <= 0:
        return None
    made = ScoreLevels(parts=tuple(round(float(part), 6) for part in parts), spread=0.0)
    apart = np.abs([made.apart(one) for one in levels])
    # The median of few hides how far they lie apart: as for a mean, the spread of new cloth is so much wider.
    wider = np.sqrt(1 + 2 / len(stretches))
    return made.model_copy(update={"spread": round(float(np.quantile(apart, 0.95) * wider), 4)})
