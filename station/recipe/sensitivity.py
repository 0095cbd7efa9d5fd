"""This module makes the line less sensitive where good cloth scores high: beside the selvedge, in standing streaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from model.scorer import CELL_PX

MOST_AT_EDGE = 4.0
MOST_IN_STREAK = 2.0
"""A streak of the camera looks like a running warp flaw; a strong warp flaw must still be seen in it."""

EdgeRatio = Annotated[float, Field(ge=1.0, le=MOST_AT_EDGE)]
StreakRatio = Annotated[float, Field(ge=1.0, le=MOST_IN_STREAK)]
Column = Annotated[int, Field(ge=0, multiple_of=CELL_PX)]


class SensitivityProfile(BaseModel):
    """The profile says how many times higher good cloth scores in some places than inside the web.

    Scores there are divided by that ratio.

    Attributes:
        left, right: ratios by the distance inwards from the web's left and right edge, in cells of ``CELL_PX``.  The
            picture's own edge does not count as an edge of the web.
        columns: (column in px, ratio) of the camera's cells in which all good cloth scores high: dust, a bad sensor,
            the border of a stripe.
        stripes: those of these columns at which the cloth itself changes its shade: a design, not dust.
        width_px: width of the camera whose columns they are; on a camera of another width they do not apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: tuple[EdgeRatio, ...] = Field((), max_length=256)
    right: tuple[EdgeRatio, ...] = Field((), max_length=256)
    columns: tuple[tuple[Column, StreakRatio], ...] = Field((), max_length=16384)
    stripes: tuple[Column, ...] = Field((), max_length=16384)
    width_px: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _columns_lie_in_the_picture(self) -> SensitivityProfile:
        if any(column >= self.width_px for column, _ in self.columns):
            raise ValueError(f"a column lies beyond the camera's {self.width_px} px")
        return self

    def divisors(self, left_px: int, right_px: int, width_px: int) -> NDArray[np.float32]:
        """Return the divisors of the scores, float32 ``[ceil(width / CELL_PX)]``, 1 or more.

        Args:
            left_px, right_px: edges of the web.
            width_px: width of the camera.
        """
        made = np.ones(-(-width_px // CELL_PX), np.float32)
        if self.width_px == width_px:
            for column, ratio in self.columns:
                made[column // CELL_PX] = ratio
        web = made[left_px // CELL_PX : -(-right_px // CELL_PX)]
        if left_px > 0:
            _raise_to(web, self.left)
        if right_px < width_px:
            _raise_to(web[::-1], self.right)
        return made

    def streaks(self) -> list[tuple[int, int]]:
        """Return the standing streaks as (first, end) in px."""
        return _joined(column for column, _ in self.columns)

    def told(self) -> str:
        """Say what an engineer should know, in a sentence or two; empty where all cloth is judged alike."""
        return " ".join(sentence for sentence in (self._edges_told(), self._streaks_told()) if sentence)

    def _edges_told(self) -> str:
        sides = [
            f"{len(ratios) * CELL_PX} px beside the {side} edge (up to {max(ratios):.2g} times)"
            for side, ratios in (("left", self.left), ("right", self.right))
            if ratios
        ]
        where = " and ".join(sides)
        return f"Good cloth scores high on {where} and the line is as much less sensitive there." if sides else ""

    def _streaks_told(self) -> str:
        of_cloth = set(self.stripes)
        streaks = _joined(column for column, _ in self.columns if column not in of_cloth)
        told = []
        if of_cloth:
            told.append(
                "Good cloth scores high at stripes of its own, in the camera's columns "
                f"{_places(_joined(of_cloth))}, and the line is less sensitive there."
            )
        if streaks:
            told.append(
                f"All good cloth scores high in the camera's columns {_places(streaks)}: dust on the lens, a worn "
                "sensor, or a stripe or flaw that ran through all of it. The line is less sensitive there; if it is "
                "dust, clean the lens and teach again."
            )
        return " ".join(told)


def _joined(columns: Iterable[int]) -> list[tuple[int, int]]:
    """Join cells that touch to (first, end) in px."""
    joined: list[tuple[int, int]] = []
    for column in sorted(columns):
        if joined and joined[-1][1] == column:
            joined[-1] = (joined[-1][0], column + CELL_PX)
        else:
            joined.append((column, column + CELL_PX))
    return joined


def _places(streaks: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{first}–{end} px" for first, end in streaks)


def _raise_to(web: NDArray[np.float32], ratios: tuple[float, ...]) -> None:
    reach = min(len(ratios), len(web))
    web[:reach] = np.maximum(web[:reach], ratios[:reach])
