"""This module takes each line of cloth once from the line's tile rows, which overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from station.line.flow import TileRow


class NewLines:
    """This takes the lines of each row that no row before it had.

    Only cloth that is seen over the web's whole width is taken; where it is not, the run ends.

    Attributes:
        is_open: whether cloth of a run was taken.
        start: roll line of the first line that was taken.
        piece: the piece that the run is on.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.start = 0
        self.piece: str | None = None
        self._run_line = 0
        self._taken = 0

    def goes_on(self, row: TileRow) -> bool:
        """Say whether a row's cloth goes on from what was taken; else end the run before taking it."""
        return self.is_open and row.run_line == self._run_line and is_whole(row)

    def take(self, row: TileRow) -> tuple[NDArray[np.uint8], int]:
        """Return the row's new lines, uint8 ``[lines, width]`` or ``[lines, width, 3]``, and their first roll line;
        no lines where not all of the web is seen."""
        if not is_whole(row):
            return row.pixels[:0], 0
        if not self.is_open:
            self.is_open = True
            self._run_line = row.run_line
            self._taken = row.first
            self.start = row.run_line + row.first
            self.piece = row.piece
        first = self._taken
        self._taken = row.end
        return row.pixels[first - row.first :], row.run_line + first

    def end_run(self) -> None:
        """End the run."""
        self.is_open = False


def is_whole(row: TileRow) -> bool:
    """Say whether all of the web's width is seen, or there is no cloth at all."""
    return row.blind is None and row.seen in ((), ((row.left_px, row.right_px),))
