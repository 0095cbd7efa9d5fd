"""The ledger of a roll: the one place that counts lines.

Lines are numbered from the start of the roll.  A line is *acquired* once the encoder says it was due (or once it has
come, if the encoder's word comes later), *in flight* until it is judged or given up, and from then on *inspected* or
*uninspected* for good.  Arrival only moves forward: what lies behind the newest line taken is settled or in flight, so
a line that comes again (reverse, duplicate, overlap) is *repeated* and is not judged.  One that comes late, after its
absence was noted, stays uninspected; as it was not seen before, it is not repeated either.
"""

from __future__ import annotations

import threading

from station.contract import Ledger, Stretch, UninspectedReason
from station.line.errors import LineError

GAPS_KEPT = 64
"""So many of the newest gaps are remembered, to tell a late line from one that comes again."""


class LineLedger:
    """Counts lines and their fates, exact at any moment.  All methods may be called from any thread.

    The stretches taken from it tile the roll from line 0 without hole or overlap, neighbours differing in fate.
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
        """The encoder says that all lines before ``line`` have passed the camera."""
        with self._lock:
            if not self._closed:
                self._due = max(self._due, line)

    def arrive(self, first: int, end: int, gap: UninspectedReason) -> tuple[int, int] | None:
        """Lines ``[first, end)`` came.  Returns the new part, now in flight, or None if there is none.

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
        """Lines ``[first, end)`` came but nobody looks at them."""
        with self._lock:
            if self._closed or end <= first:
                return
            self._miss(first, reason)
            self._repeat(first, min(self._taken, end))
            self._skip(end, reason)

    def judged(self, first: int, end: int) -> None:
        """Lines in flight were judged over the whole width of the web.  Raises LineError if they are not in flight."""
        with self._lock:
            if not self._closed:
                self._settle(first, end, None)

    def given_up(self, first: int, end: int, reason: UninspectedReason) -> None:
        """Lines in flight will not be judged.  Raises LineError if they are not in flight."""
        with self._lock:
            if not self._closed:
                self._settle(first, end, reason)

    def close(self, reason: UninspectedReason = UninspectedReason.ABORTED) -> Ledger:
        """End the roll: what is still in flight becomes uninspected, and nothing counts any more."""
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
        """Stretches completed since the last call, in order."""
        with self._lock:
            complete = self._complete
            self._complete = []
            return complete

    def totals(self) -> Ledger:
        """The counts now."""
        with self._lock:
            return self._totals()

    @property
    def taken(self) -> int:
        """The line after the newest that came or was given up."""
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
        # Lines before the roll's start (the loom went back beyond it) are no part of the roll.
        first = max(first, 0)
        if first < end:
            self._repeated += end - first - self._late(first, end)

    def _late(self, first: int, end: int) -> int:
        """How many of the lines ``[first, end)`` nobody saw before; from now on they are seen."""
        late, gaps = 0, []
        for low, high in self._gaps:
            late += max(0, min(high, end) - max(low, first))
            gaps += [gap for gap in ((low, min(high, first)), (max(low, end), high)) if gap[0] < gap[1]]
        self._gaps = gaps[-GAPS_KEPT:]
        return late

    def _miss(self, end: int, reason: UninspectedReason) -> int:
        """Give up all lines before ``end`` that have not come, and remember that nobody saw them."""
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
