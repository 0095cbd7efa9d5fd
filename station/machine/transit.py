"""This module follows defects on their way from the camera to a place behind it: the marker or the cloth roll."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

Key = tuple[int, int]
"""A key names a defect: count of the roll since the program started, and the defect's number in it."""


class Arrival(Enum):
    """The arrival says where a defect that was just reported is relative to the place."""

    AHEAD = auto()
    LATE = auto()
    MISSED = auto()


@dataclass(slots=True)
class _Under:
    """This holds the encoder lines at which a defect's beginning, and its end with the grace, are at the place."""

    begin: float
    end: float
    closed: bool


class Transit:
    """A transit is the way to one place.  Positions are encoder lines and never fall.

    Args:
        distance_lines: from the camera to the place.
        late_lines: how far behind its end a defect still counts as being there.
    """

    def __init__(self, distance_lines: float, late_lines: float = 0.0) -> None:
        self._distance = distance_lines
        self._late = late_lines
        self._coming: dict[Key, _Under] = {}
        self._over: set[Key] = set()

    def __len__(self) -> int:
        """Count the defects that are still to come."""
        return len(self._coming)

    def put(self, key: Key, lines: tuple[int, int], due_line: int, *, closed: bool) -> Arrival | None:
        """Take a defect with its half-open lines: it appeared, grew, or is reported for the last time (``closed``).

        Returns how it stands to the place, None if it has been there already.
        """
        if key in self._over:
            if closed:
                self._over.remove(key)
            return None
        under = _Under(lines[0] + self._distance, lines[1] + self._distance + self._late, closed)
        if under.begin >= due_line:
            self._coming[key] = under
            return Arrival.AHEAD
        self._coming.pop(key, None)
        if not closed:
            self._over.add(key)
        return Arrival.LATE if under.end >= due_line else Arrival.MISSED

    def join(self, key: Key, into: Key) -> None:
        """Join a defect to an older one: it comes no more, and if it was at the place already, so was the older one."""
        self._coming.pop(key, None)
        if key in self._over:
            self._over.remove(key)
            self._over.add(into)
            self._coming.pop(into, None)

    def advance(self, due_line: int) -> list[Key]:
        """Note how far the cloth has come; returns the defects that arrived meanwhile, in order."""
        here = sorted((under.begin, key) for key, under in self._coming.items() if under.begin <= due_line)
        for _, key in here:
            if not self._coming.pop(key).closed:
                self._over.add(key)
        return [key for _, key in here]

    def nearest(self, due_line: int) -> tuple[Key, float] | None:
        """Return the next defect to come and how many lines it has to go; None if there is none."""
        if not self._coming:
            return None
        key, under = min(self._coming.items(), key=lambda item: item[1].begin)
        return key, max(0.0, under.begin - due_line)

    def clear(self) -> int:
        """Forget all; returns how many were still to come."""
        lost = len(self._coming)
        self._coming.clear()
        self._over.clear()
        return lost
