"""This module takes scores of patterned cloth by where in its repeat each lies, following the pattern as it passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from model.pattern.picture import STRIP, Indices, Picture, Place
from model.pattern.repeat import cells_of, halved, inside
from model.pattern.scores import Pattern
from model.scorer import CELL_PX
from station.contract import Notice, Severity
from station.line.flow import TileRow

Scores = NDArray[np.float32]

LOST_LINES = 1024
"""So many lines without the pattern are told."""


class PatternFollower:
    """The follower knows where in the repeat the newest row of tiles lies."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._place: Place | None = None
        self._at = (0, 0, 0)

    def see(self, row: TileRow) -> None:
        """Find where a row lies; where it shows nothing of the pattern, it lies where the row before it says."""
        left_px, right_px = inside(row.left_px, row.right_px)
        left, right = -(-left_px // CELL_PX), right_px // CELL_PX
        run, line, column = self._at
        expected = None
        if self._place is not None and run == row.run_line:
            expected = self._place.moved((row.first - line) / CELL_PX, left - column)
        strip = cells_of(halved(row.pixels[: STRIP * CELL_PX, left * CELL_PX : right * CELL_PX]))
        self._place = self._picture.place(strip, expected) if right > left else None
        self._at = (row.run_line, row.first, left)

    @property
    def is_known(self) -> bool:
        """Say whether it is known where the newest row lies."""
        return self._place is not None

    def at(self, first: int, shape: tuple[int, int]) -> tuple[Indices, Indices] | None:
        """Return line and column in the picture of a part's scores, of this shape and from the picture's left edge on.

        Args:
            first: the part's first line in the run, within the newest row.
        """
        if self._place is None:
            return None
        _, line, column = self._at
        begun = self._place.moved(0.0, -column)
        return begun.at((first - line) // CELL_PX, *shape, self._picture.cells.shape)


class PatternWatch:
    """The watch tells once when cloth has passed for some time in which the pattern was not found."""

    def __init__(self, emit: Callable[[Notice], None]) -> None:
        self._emit = emit
        self._lines = 0
        self._told = False

    def see(self, lines: int, is_known: bool) -> None:
        """Take so many lines of cloth, and whether their place in the pattern is known."""
        self._lines = 0 if is_known else self._lines + lines
        if is_known:
            self._told = False
        elif self._lines >= LOST_LINES and not self._told:
            self._told = True
            text = (
                f"The pattern of this fabric was not found on {self._lines} lines: the cloth may lie the other way"
                " round or be another one.  Until it is found, flaws are judged less sensitively; turn it, or teach it."
            )
            self._emit(Notice(Severity.WARNING, text))


class PatternScores:
    """The pattern's scores are what the blender makes of a part's raw scores."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._follower = PatternFollower(pattern.picture)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.float32]]) -> PatternScores | None:
        """Return it for what a scorer knows of its cloth's pattern; None where it has none."""
        return cls(Pattern.from_arrays(arrays)) if arrays else None

    def see(self, row: TileRow) -> None:
        """Find where a row lies."""
        self._follower.see(row)

    @property
    def is_known(self) -> bool:
        """Say whether it is known where the newest row lies."""
        return self._follower.is_known

    def judged(self, scores: Scores, first: int) -> tuple[Scores, Scores]:
        """Return scores relative to the means of their places, and what they are to be divided by."""
        return self._pattern.judged(scores, self._follower.at(first, (scores.shape[0], scores.shape[1])))
