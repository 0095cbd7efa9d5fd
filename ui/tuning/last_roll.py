"""This module finds the roll a fabric's recipe is tuned against, as the records know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from station.recipe import Recipe
from station.records.history import History
from station.records.rows import DefectFilter, DefectRow, RollFilter, RollRow

_LOOK_BACK = 50


@dataclass(frozen=True, slots=True, eq=False)
class LastRoll:
    """The page needs to know this of a fabric: recipe in force, last roll, its defects and patch peaks ``[n]``.

    ``report_level``: raw score below which that roll's own recipe recorded no defects.
    ``other_rolls``: there are rolls, but all of another model or scale, whose scores and sizes say nothing of this one.
    """

    recipe: Recipe
    roll: RollRow | None
    defects: Sequence[DefectRow]
    peaks: NDArray[np.float32]
    report_level: float
    other_rolls: bool = False

    @property
    def inspected_m(self) -> float | None:
        """Tell the metres judged; None without a roll or a scale, or while its ledger is not closed."""
        if self.roll is None or self.roll.mm_per_line is None or not self.roll.ledger.lines_inspected:
            return None
        return self.roll.ledger.lines_inspected * self.roll.mm_per_line / 1000


def roll_to_tune(rolls: Sequence[RollRow]) -> RollRow | None:
    """Choose of a fabric's rolls, newest first, the last that ended with judged cloth, else the newest, else None.

    A roll under way changes under the engineer's hands; one that ended with nothing judged shows nothing.
    """
    ended = (roll for roll in rolls if roll.ended_at is not None and roll.ledger.lines_inspected > 0)
    return next(ended, rolls[0] if rolls else None)


def read_last_roll(history: History, fabric: str) -> LastRoll:
    """Read the fabric's recipe in force and the roll it is tuned against.  Raises RecordsError."""
    versions = {row.recipe.version: row.recipe for row in history.recipes(fabric)}
    recipe = history.recipe(fabric)
    measures = (recipe.model_sha256, recipe.mm_per_px)
    alike = {number for number, old in versions.items() if (old.model_sha256, old.mm_per_px) == measures}
    rolls = history.rolls(RollFilter(fabric=fabric, limit=_LOOK_BACK))
    roll = roll_to_tune([roll for roll in rolls if roll.recipe_version in alike])
    if roll is None:
        return LastRoll(recipe, None, (), np.zeros(0, np.float32), recipe.report_level, other_rolls=bool(rolls))
    _, peaks = history.profile(roll.id)
    defects = history.defects(DefectFilter(roll.id, limit=20000))
    report_level = versions[roll.recipe_version].report_level
    return LastRoll(recipe, roll, defects, np.asarray(peaks, np.float32), report_level)
