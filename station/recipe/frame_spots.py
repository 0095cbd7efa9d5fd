"""This module makes the line less sensitive at fixed places of a picture where all good cloth scores high.

Dust on an area camera's sensor lies at one place of every frame.  It is no flaw, and would have the highest score of
every picture.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from model.scorer import CELL_PX

MOST_IN_SPOT = 4.0
"""A spot is small: a flaw over it reaches beyond, and a very strong one is still seen in it."""

SpotRatio = Annotated[float, Field(ge=1.0, le=MOST_IN_SPOT)]
Place = Annotated[int, Field(ge=0, multiple_of=CELL_PX)]
SPOTS_NAMED = 5


class FrameAt(NamedTuple):
    """This says where in its frame (a picture, or what an area camera sees at once) a line of cloth was seen.

    From ``line`` on, counted as its holder counts lines, cloth was seen in a frame of ``frame_lines`` lines, from the
    frame's own line ``frame_line`` on.
    """

    line: int
    frame_line: int
    frame_lines: int


Frames = tuple[FrameAt, ...]
"""In the order of their lines; a line belongs to the last frame that begins at or before it.  Empty: no frames."""


class Spot(NamedTuple):
    """A spot is a box in the frame, half-open px, and the highest ratio in it."""

    first_px: int
    end_px: int
    first_line: int
    end_line: int
    ratio: float

    def __str__(self) -> str:
        """Say where it is and how large."""
        size = f"{self.end_px - self.first_px} × {self.end_line - self.first_line} px"
        return f"column {self.first_px}, line {self.first_line} ({size}, up to {self.ratio:.2g} times)"


class FrameSpots(BaseModel):
    """The spots say how many times higher good cloth scores at fixed places of the frame; scores there are divided.

    Attributes:
        cells: (line, first column, end column, ratio) in px of runs of cells along a line of cells.
        width_px, lines: size of the frame whose places they are; on frames of another size they do not apply.
        usual: the raw score that nine of ten cells of good cloth stay below elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cells: tuple[tuple[Place, Place, Place, SpotRatio], ...] = Field((), max_length=16384)
    width_px: int = Field(0, ge=0)
    lines: int = Field(0, ge=0)
    usual: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _cells_lie_in_the_frame(self) -> FrameSpots:
        width = -(-self.width_px // CELL_PX) * CELL_PX
        if any(line >= self.lines or not first < end <= width for line, first, end, _ in self.cells):
            raise ValueError(f"a spot lies beyond the frame of {self.width_px} × {self.lines} px")
        return self

    @classmethod
    def of(cls, ratios: NDArray[np.float32], width_px: int, lines: int, usual: float) -> FrameSpots:
        """Make spots of the ratios of all cells of a frame, float ``[cells along, cells across]``; 1 where there is
        none."""
        ratios = np.clip(np.round(ratios.astype(np.float64), 2), 1.0, MOST_IN_SPOT)
        cells = []
        for row in np.flatnonzero((ratios > 1).any(axis=1)):
            borders = np.flatnonzero(np.diff(ratios[row], prepend=1.0, append=1.0))
            for first, end in pairwise(borders):
                if ratios[row, first] > 1:
                    ratio = float(ratios[row, first])
                    cells.append((int(row) * CELL_PX, int(first) * CELL_PX, int(end) * CELL_PX, ratio))
        if not cells:
            return cls()
        return cls(cells=tuple(cells), width_px=width_px, lines=lines, usual=usual)

    def ratios(self) -> NDArray[np.float32]:
        """Return the divisor of every cell of the frame, float32 ``[cells along, cells across]``, 1 or more."""
        made = np.ones((-(-self.lines // CELL_PX), -(-self.width_px // CELL_PX)), np.float32)
        for line, first, end, ratio in self.cells:
            made[line // CELL_PX, first // CELL_PX : end // CELL_PX] = ratio
        return made

    def spots(self) -> tuple[Spot, ...]:
        """Return the spots, cells that touch joined, the highest first."""
        if not self.cells:
            return ()
        import cv2  # here, as the command line knows recipes and must start fast

        ratios = self.ratios()
        count, labels, boxes, _ = cv2.connectedComponentsWithStats((ratios > 1).astype(np.uint8), connectivity=8)
        found = []
        for label in range(1, count):
            left, top, width, height = (int(side) * CELL_PX for side in boxes[label, :4])
            ratio = float(ratios[labels == label].max())
            found.append(Spot(left, min(left + width, self.width_px), top, min(top + height, self.lines), ratio))
        return tuple(sorted(found, key=lambda spot: -spot.ratio))

    def told(self) -> str:
        """Say what an engineer should know, in a sentence or two; empty where there are no spots."""
        if not self.cells:
            return ""
        spots = self.spots()
        named = ", ".join(map(str, spots[:SPOTS_NAMED]))
        more = len(spots) - SPOTS_NAMED
        count = f"{len(spots)} fixed places" if len(spots) > 1 else "one fixed place"
        return (
            f"Good cloth scores high at {count} of every picture of {self.width_px} × {self.lines} px, at {named}"
            f"{f' and {more} more' if more > 0 else ''}: dust on the sensor or lens, or a reflection.  The line is as "
            "much less sensitive there; clean the camera and teach again."
        )


class SpotDivisors:
    """The divisors are made ready once and asked for every strip of cloth."""

    def __init__(self, spots: FrameSpots) -> None:
        self.spots = spots
        self._size = spots.width_px, spots.lines
        self._ratios = spots.ratios()

    def of(self, frames: Frames, first_line: int, count: int, width_px: int) -> NDArray[np.float32] | None:
        """Return the divisors of ``count`` rows of cells from a line on, float32 ``[count, cells across]``; None where
        all are 1, as in frames of another size."""
        if not self.spots.cells or not frames or width_px != self._size[0]:
            return None
        rows = frame_rows(frames, self._size[1], first_line, count)
        made = np.where(rows[:, None] >= 0, self._ratios[rows], np.float32(1))
        return made if (made > 1).any() else None


def frame_rows(frames: Frames, frame_lines: int, first_line: int, count: int) -> NDArray[np.intp]:
    """Return which row of cells of a frame of ``frame_lines`` lines each of ``count`` rows of cells from a line on is;
    -1 where it is in no such frame."""
    if not frames:
        return np.full(count, -1, np.intp)
    lines = first_line + CELL_PX * np.arange(count)
    which = np.searchsorted([frame.line for frame in frames], lines, side="right") - 1
    at = np.array(frames, np.intp)[np.maximum(which, 0)]
    places = lines - at[:, 0] + at[:, 1]
    fits = (which >= 0) & (at[:, 2] == frame_lines) & (places >= 0) & (places < frame_lines)
    return np.where(fits, places // CELL_PX, -1)
