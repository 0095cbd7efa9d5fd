"""This module notices that a fixed spot of the frame, such as dust on the sensor, is no longer there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drivers.notice import Notice, Severity
from model.scorer import CELL_PX
from station.line.flow import StripPart
from station.recipe.frame_spots import FrameSpots, Spot, frame_rows

FRAMES = 24
"""A spot is judged by the last so many frames."""
HIGH_FRAMES = 4
"""Fewer frames than these may be high by their cloth alone; a spot is high in two of three."""
MOST_WATCHED = 16


class _Watched:
    """This follows one spot from frame to frame."""

    def __init__(self, spot: Spot, usual: float) -> None:
        self.spot = spot
        self.rows = spot.first_line // CELL_PX, -(-spot.end_line // CELL_PX)
        self.columns = slice(spot.first_px // CELL_PX, -(-spot.end_px // CELL_PX))
        self._high = usual * (1 + spot.ratio) / 2
        self._frame: int | None = None
        self._top = 0.0
        self._was_high: deque[bool] = deque(maxlen=FRAMES)

    def see(self, frame: int, top: float) -> bool:
        """Take the highest raw score at the spot of some of a frame; returns whether the spot proves to be gone."""
        if frame == self._frame:
            self._top = max(self._top, top)
            return False
        if self._frame is not None:
            self._was_high.append(self._top >= self._high)
        self._frame = frame
        self._top = top
        return len(self._was_high) == FRAMES and sum(self._was_high) < HIGH_FRAMES


class SpotWatch:
    """The watch takes every part of the strip and tells once of each spot that is gone.  Used from one thread."""

    def __init__(self, spots: FrameSpots, tell: Callable[[Notice], None]) -> None:
        self._spots = spots
        self._tell = tell
        self._watched = [_Watched(spot, spots.usual) for spot in spots.spots()[:MOST_WATCHED]]

    def see(self, part: StripPart) -> None:
        """Take a part; only one that shows spots costs more than a look at its divisors."""
        if part.divisors.ndim == 1 or not self._watched:
            return
        first_line = part.run_line + part.first
        rows = frame_rows(part.frames, self._spots.lines, first_line, len(part.scores))
        for watched in list(self._watched):
            here = np.flatnonzero((rows >= watched.rows[0]) & (rows < watched.rows[1]))
            if len(here) and watched.see(*_at(part, rows, here, watched.columns)):
                self._watched.remove(watched)
                self._tell(
                    Notice(
                        Severity.INFO,
                        f"The fixed spot at {watched.spot} is no longer seen in the last {FRAMES} pictures.  If the "
                        "lens was cleaned, teach again: the line is still less sensitive there.",
                    )
                )


def _at(part: StripPart, rows: NDArray[np.intp], here: NDArray[np.intp], columns: slice) -> tuple[int, float]:
    """Return the line at which the newest frame there begins, and the highest raw score there."""
    newest = int(here[-1])
    begin = part.run_line + part.first + CELL_PX * (newest - int(rows[newest]))
    same = here[here - rows[here] == newest - rows[newest]]
    raw = part.scores[same, columns] * part.divisors[same, columns]
    return begin, float(raw.max(initial=0.0))
