"""Where good cloth itself scores high, it is judged more leniently: beside the selvedge, and in standing streaks."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

CELL_PX = 4
MOST = 8.0

Ratio = Annotated[float, Field(ge=1.0, le=MOST)]


class Leniency(BaseModel):
    """How many times higher good cloth scores in some places than inside the web; scores there are divided by it.

    Attributes:
        left, right: by the distance inwards from the web's left and right edge, in cells of 4 px.
        columns: (column in px, ratio) of the camera's cells in which all good cloth scores high: dust, a bad sensor.
        width_px: of the camera whose columns they are; another's are judged alike.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: tuple[Ratio, ...] = Field((), max_length=256)
    right: tuple[Ratio, ...] = Field((), max_length=256)
    columns: tuple[tuple[Annotated[int, Field(ge=0, multiple_of=CELL_PX)], Ratio], ...] = ()
    width_px: int = Field(0, ge=0)

    def divisors(self, left_px: int, right_px: int, width_px: int) -> NDArray[np.float32]:
        """What scores are divided by, float32 ``[ceil(width / 4)]``, 1 or more.

        Args:
            left_px, right_px: edges of the web.
            width_px: of the camera.
        """
        cells = -(-width_px // CELL_PX)
        made = np.ones(cells, np.float32)
        if self.width_px == width_px:
            for column, ratio in self.columns:
                made[column // CELL_PX] = ratio
        first, end = left_px // CELL_PX, -(-right_px // CELL_PX)
        reach = min(len(self.left), max(0, end - first))
        made[first : first + reach] = np.maximum(made[first : first + reach], self.left[:reach])
        reach = min(len(self.right), max(0, end - first))
        made[end - reach : end] = np.maximum(made[end - reach : end], self.right[:reach][::-1])
        return made

    def streaks(self) -> list[tuple[int, int]]:
        """Standing streaks as (first, end) in px."""
        joined: list[tuple[int, int]] = []
        for column, _ in sorted(self.columns):
            if joined and joined[-1][1] == column:
                joined[-1] = (joined[-1][0], column + CELL_PX)
            else:
                joined.append((column, column + CELL_PX))
        return joined
