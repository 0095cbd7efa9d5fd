"""This module puts marks on the cloth, and knows how far the next reject is from the marker and the cloth roll."""

from __future__ import annotations

from collections.abc import Callable

from station.contract import Defect, NextReject, Notice, Severity
from station.machine.settings import MachineSettings
from station.machine.transit import Arrival, Key, Transit


class Marking:
    """The marking follows the rejects of all rolls behind the camera.

    A mark is put where a defect begins.  A defect decided only when its beginning is past the marker is marked at once
    if the mark still falls on it or close behind it, and a notice says so; otherwise it is not marked, because a mark
    on good cloth misleads, and a notice says that too.  So it does of a reject that comes to the marker while there is
    no link.  Where no marker is wired (``marks`` is False) the metres are shown, but nothing is marked or missed.
    """

    def __init__(self, settings: MachineSettings, tell: Callable[[Notice], None], *, marks: bool = True) -> None:
        self._settings = settings
        self._tell = tell
        self._marks = marks
        self._mm_per_line = 0.0
        self._to_marker: Transit | None = None
        self._to_roll: Transit | None = None
        self._late = 0  # to be marked at once
        self.marked = 0
        self.marked_late = 0
        self.not_marked = 0

    def begin_roll(self, mm_per_line: float) -> None:
        """Begin a new roll; rejects of the last one still in transit go on as long as the scale is the same."""
        if mm_per_line == self._mm_per_line:
            return
        self.restart()
        self._mm_per_line = mm_per_line
        settings = self._settings
        self._to_marker = (
            None if settings.marker_mm is None else self._transit(settings.marker_mm, settings.marker_late_mm)
        )
        self._to_roll = None if settings.roll_mm is None else self._transit(settings.roll_mm, 0.0)

    def restart(self) -> None:
        """Start over, as the encoder restarted its count: the place of the cloth behind the camera is unknown now."""
        for transit in (self._to_marker, self._to_roll):
            lost = 0 if transit is None else transit.clear()
            if transit is self._to_marker and lost and self._marks:
                self._not_marked(lost, "the encoder began to count anew")

    def forget(self) -> None:
        """Forget all, as the cloth has no scale: no way behind the camera can be measured."""
        self.restart()
        self._mm_per_line = 0.0
        self._to_marker = None
        self._to_roll = None

    def defect(self, key: Key, defect: Defect, origin_line: int, due_line: int) -> None:
        """Note that a defect appeared, grew, closed or turned out to be part of another."""
        for transit in (self._to_marker, self._to_roll):
            if transit is None:
                continue
            if defect.merged_into is not None:
                transit.join(key, (key[0], defect.merged_into))
            elif defect.is_reject:
                lines = (origin_line + defect.first_line, origin_line + defect.end_line)
                arrival = transit.put(key, lines, due_line, closed=defect.closed)
                if transit is self._to_marker and arrival is Arrival.LATE:
                    self._late += 1
                elif transit is self._to_marker and arrival is Arrival.MISSED and self._marks:
                    self._not_marked(1, "it was decided when it had passed the marker")

    def advance(self, due_line: int, *, linked: bool) -> int:
        """Note how far the cloth has come; returns how many rejects are to be marked now."""
        if self._to_roll is not None:
            self._to_roll.advance(due_line)
        arrived = 0 if self._to_marker is None else len(self._to_marker.advance(due_line))
        late = self._late
        self._late = 0
        marks = arrived + late if self._marks else 0
        if marks and not linked:
            self._not_marked(marks, "there was no link to the marker")
            return 0
        self.marked += marks
        if marks and late:
            self._marked_late(late)
        return marks

    def take_back(self, marks: int) -> None:
        """Count this many marks as missed: they never reached the marker."""
        if marks:
            self.marked -= marks
            self._not_marked(marks, "there was no link to the marker")

    def ahead(self, due_line: int) -> tuple[NextReject | None, NextReject | None]:
        """Return the next reject before the marker, and the next before the cloth roll."""
        return self._next(self._to_marker, due_line), self._next(self._to_roll, due_line)

    def _transit(self, distance_mm: float, late_mm: float) -> Transit:
        return Transit(distance_mm / self._mm_per_line, late_mm / self._mm_per_line)

    def _next(self, transit: Transit | None, due_line: int) -> NextReject | None:
        nearest = None if transit is None else transit.nearest(due_line)
        return None if nearest is None else NextReject(nearest[0][1], nearest[1] * self._mm_per_line / 1000)

    def _marked_late(self, count: int) -> None:
        before = self.marked_late
        self.marked_late = self.marked_late + count
        if any(is_told(number) for number in range(before + 1, self.marked_late + 1)):
            what = f"{self.marked_late} rejects were" if self.marked_late > 1 else "A reject was"
            self._tell(Notice(Severity.WARNING, f"{what} marked behind the beginning, being decided too late for it."))

    def _not_marked(self, count: int, why: str) -> None:
        before = self.not_marked
        self.not_marked = self.not_marked + count
        if any(is_told(number) for number in range(before + 1, self.not_marked + 1)):
            what = f"{self.not_marked} rejects have" if self.not_marked > 1 else "A reject has"
            self._tell(Notice(Severity.WARNING, f"{what} no mark, the last one because {why}."))


def is_told(count: int) -> bool:
    """Say whether this count is worth a notice: 1, 2, 4, 8 … are, as the status has the exact figure."""
    return count & (count - 1) == 0
