"""This module keeps the ledger of a roll: it is the one place that counts lines.

Lines are numbered from the start of the roll.  A line is *acquired* once the encoder says it was due (or once it has
come, if the encoder reports it later), *in flight* until it is judged or given up, and from then on *inspected* or
*uninspected* for good.  Arrival only moves forward: all lines before the newest one taken are settled or in flight, so
a line that comes again (reverse, duplicate, overlap) is *repeated* and is not judged.  One that comes late, after its
absence was noted, stays uninspected; as it was not seen before, it is not repeated either.
"""

from __future__ import annotations

import threading

from station.contract import Ledger, Stretch, UninspectedReason
from station.line.errors import LineError

GAPS_KEPT = 64
"""This many of the newest gaps are remembered, to tell a late line from one that comes again."""


class LineLedger:
    """The ledger counts lines and what became of them, exact at any moment.  All methods may be called from any thread.

    The stretches taken from it cover the roll from line 0 without gap or overlap, and neighbours differ in outcome.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0
        self._taken = 0
        self._inspected = 0
        self._uninspected = 0
        self._repeated = 0
        self._gaps: list[tuple[int, int]] = []
        self._front = 0
        self._ahead: dict[int, Stretch] = {}
        self._current: Stretch | None = None
        self._complete: list[Stretch] = []
        self._closed = False

    def due(self, line: int) -> None:
        """Note that by the encoder all lines before ``line`` have passed the camera."""
        with self._lock:
            if not self._closed:
                self._due = max(self._due, line)

    def arrive(self, first: int, end: int, gap: UninspectedReason) -> tuple[int, int] | None:
        """Note that lines ``[first, end)`` came.  Returns the new part, now in flight, or None if there is none.

        A gap before them becomes uninspected for the reason ``gap``; lines seen already count as repeated.
        """
        with self._lock:
            if self._closed or end <= first:
                return None
            self._miss(first, gap)
            start = max(first, self._taken)
            self._repeat(first, min(start, end))
            if start >= end:
                return None
            self._taken = end
            return start, end

    def skip(self, end: int, reason: UninspectedReason) -> int:
        """Give up all lines before ``end`` that have not come.  Returns how many."""
        with self._lock:
            return 0 if self._closed else self._miss(end, reason)

    def discard(self, first: int, end: int, reason: UninspectedReason) -> None:
        """Note that lines ``[first, end)`` came but will not be inspected."""
        with self._lock:
            if self._closed or end <= first:
                return
            self._miss(first, reason)
            self._repeat(first, min(self._taken, end))
            self._skip(end, reason)

    def judged(self, first: int, end: int) -> None:
        """Note that lines in flight were judged over the web's whole width.  Raises LineError if not in flight."""
        with self._lock:
            if not self._closed:
                self._settle(first, end, None)

    def given_up(self, first: int, end: int, reason: UninspectedReason) -> None:
        """Note that lines in flight will not be judged.  Raises LineError if they are not in flight."""
        with self._lock:
            if not self._closed:
                self._settle(first, end, reason)

    def close(self, reason: UninspectedReason = UninspectedReason.ABORTED) -> Ledger:
        """End the roll: lines still in flight become uninspected, and nothing is counted any more."""
        with self._lock:
            if not self._closed:
                self._skip(self._due, reason)
                for stretch in [*sorted(self._ahead.values(), key=lambda s: s.first_line), None]:
                    end = self._taken if stretch is None else stretch.first_line
                    if self._front < end:
                        self._settle(self._front, end, reason)
                if self._current is not None:
                    self._complete.append(self._current)
                self._closed = True
            return self._totals()

    def take_stretches(self) -> list[Stretch]:
        """Return the stretches completed since the last call, in order."""
        with self._lock:
            complete = self._complete
            self._complete = []
            return complete

    def totals(self) -> Ledger:
        """Return the counts now."""
        with self._lock:
            return self._totals()

    @property
    def taken(self) -> int:
        """Give the line after the newest one that came or was given up."""
        with self._lock:
            return self._taken

    def _totals(self) -> Ledger:
        return Ledger(
            lines_acquired=max(self._due, self._taken),
            lines_inspected=self._inspected,
            lines_uninspected=self._uninspected,
            lines_repeated=self._repeated,
        )

    def _repeat(self, first: int, end: int) -> None:
        # Lines before the roll's start (the loom went back beyond it) do not belong to the roll.
        first = max(first, 0)
        if first < end:
            self._repeated += end - first - self._late(first, end)

    def _late(self, first: int, end: int) -> int:
        """Count the lines of ``[first, end)`` that were not seen before; from now on they are seen."""
        late, gaps = 0, []
        for low, high in self._gaps:
            late += max(0, min(high, end) - max(low, first))
            gaps += [gap for gap in ((low, min(high, first)), (max(low, end), high)) if gap[0] < gap[1]]
        self._gaps = gaps[-GAPS_KEPT:]
        return late

    def _miss(self, end: int, reason: UninspectedReason) -> int:
        """Give up all lines before ``end`` that have not come, and remember that they were not seen."""
        first, lines = self._taken, self._skip(end, reason)
        if lines:
            self._gaps = [*self._gaps, (first, end)][-GAPS_KEPT:]
        return lines

    def _skip(self, end: int, reason: UninspectedReason) -> int:
        first = self._taken
        self._taken = max(self._taken, end)
        if self._taken > first:
            self._settle(first, self._taken, reason)
        return self._taken - first

    def _settle(self, first: int, end: int, reason: UninspectedReason | None) -> None:
        clash = any(s.first_line < end and first < s.end_line for s in self._ahead.values())
        if not self._front <= first < end <= self._taken or clash:
            raise LineError(
                f"Lines {first} to {end} were counted although they are not in flight; this is a fault of the program, "
                "please report it."
            )
        if reason is None:
            self._inspected += end - first
        else:
            self._uninspected += end - first
        self._ahead[first] = Stretch(first, end, reason)
        while (stretch := self._ahead.pop(self._front, None)) is not None:
            self._front = stretch.end_line
            self._extend(stretch)

    def _extend(self, stretch: Stretch) -> None:
        if self._current is None:
            self._current = stretch
        elif self._current.reason is stretch.reason:
            self._current = Stretch(self._current.first_line, stretch.end_line, stretch.reason)
        else:
            self._complete.append(self._current)
            self._current = stretch
