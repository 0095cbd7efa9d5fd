"""The picture scrolls smoothly although cloth arrives in strips."""

from __future__ import annotations

from collections import deque

_ARRIVALS = 6
_FIRST_GUESS_S = 0.5


class Follower:
    """The row shown at the bottom runs after the newest row at an even pace.

    Strips come once in a second or ten times, frames thirty times.  The follower stays about one strip behind the
    newest row and moves at the mean pace of the last strips.  It never shows a row that has not come, never runs
    backwards within a roll, comes to rest when the cloth does, and jumps when it is more than a few strips behind.
    """

    def __init__(self) -> None:
        self.restart(0.0)

    def restart(self, row: float) -> None:
        """Stand at ``row``."""
        self._row = float(row)
        self._newest = float(row)
        self._now_s = 0.0
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=_ARRIVALS)

    @property
    def row(self) -> int:
        """Give the row just below the bottom of the picture."""
        return int(self._row)

    def arrive(self, newest_row: float) -> None:
        """Take note that rows up to ``newest_row`` are there."""
        if newest_row > self._newest:
            self._newest = float(newest_row)
            self._arrivals.append((self._now_s, self._newest))

    def advance(self, passed_s: float) -> bool:
        """Let ``passed_s`` go by; True if the picture moves by at least a row."""
        passed_s = min(max(passed_s, 1e-3), 0.25)
        self._now_s += passed_s
        before, behind = self.row, self._newest - self._row
        if behind > 0:
            speed, interval_s = self._pace()
            aim = speed * interval_s
            if behind > 4 * aim + 200 and len(self._arrivals) > 2:
                self._row = self._newest - aim
            step = max(speed + 0.3 * (behind - aim) / interval_s, behind * 0.25) * passed_s
            self._row = min(self._row + max(step, 0.0), self._newest)
            if self._newest - self._row < 1.0:
                self._row = self._newest
        return self.row != before

    def _pace(self) -> tuple[float, float]:
        """Reckon rows per second and seconds per strip from the last arrivals; slower the longer none has come."""
        if len(self._arrivals) < 2:
            return (self._newest - self._row) / (2 * _FIRST_GUESS_S), _FIRST_GUESS_S
        (first_s, first), (last_s, last) = self._arrivals[0], self._arrivals[-1]
        interval_s = max((last_s - first_s) / (len(self._arrivals) - 1), 0.03)
        speed = (last - first) / max(last_s - first_s, 0.03)
        waited_s = self._now_s - last_s
        if waited_s > 1.6 * interval_s:
            speed *= 1.6 * interval_s / waited_s
        return speed, interval_s
