"""This module knows whether the record lags behind the cloth, and which events are lost for good."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from station.records.rows import RecordsError
from station.records.safety.backlog import Backlog
from station.records.schema import now
from station.state.records_lag import RecordsLag, unsaved

OVERDUE_S = 5.0
"""An event that has waited this long makes the record lag, even if no write has failed: the disk does not answer."""
CAUGHT_UP_S = 1.0
"""The record lags until no event has waited longer than this: while cloth moves, the queue is hardly ever empty."""

log = logging.getLogger("station.records")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits while the record lags: events, those of them in a spill file, lines of cloth by roll id, since when
    (UTC) and why; and how many of the events have lost their pictures."""

    events: int
    spilled: int
    lines: dict[int, int]
    since: datetime
    why: str
    unpictured: int = 0


def lag_of(waiting: Waiting, mm_per_line: Mapping[int, float | None], limit_m: float) -> RecordsLag:
    """Return the lag in metres, by the scales of the rolls; a line counts as 1 mm where there is none."""
    metres = sum(lines * (mm_per_line.get(roll_id) or 1.0) / 1000 for roll_id, lines in waiting.lines.items())
    return RecordsLag(waiting.events, waiting.spilled, metres, waiting.since, waiting.why, limit_m, waiting.unpictured)


class Lagging:
    """The record lags from the first failed write until all is on disk.  Its user guards it with a lock.

    Args:
        target: what the database is called in messages.
        backlog: what waits.
        tell: takes a sentence at the end of a lag; while it lasts, whoever asks is told.
    """

    def __init__(self, target: str, backlog: Backlog, tell: Callable[[str], None]) -> None:
        self._target = target
        self._backlog = backlog
        self._tell = tell
        self._since: datetime | None = None
        self._why = ""
        self._most_events = 0
        self._most_lines = 0
        self._unpictured = 0

    def look(self, fault: RecordsError | None) -> Waiting | None:
        """Return what waits, None if the record does not lag; ``fault`` is what keeps events from the disk now."""
        oldest_s = self._backlog.oldest_s
        waited_s = 0.0 if oldest_s is None else time.monotonic() - oldest_s
        if self._since is None:
            if fault is None and waited_s < OVERDUE_S:
                return None
            self._begin(fault)
        elif fault is None and waited_s < CAUGHT_UP_S:
            self._end()
            return None
        assert self._since is not None
        if fault is not None:
            self._why = str(fault)
        lines = self._backlog.lines_behind
        self._most_events = max(self._most_events, len(self._backlog))
        self._most_lines = max(self._most_lines, sum(lines.values()))
        self._unpictured = max(self._unpictured, self._backlog.unpictured)
        return Waiting(len(self._backlog), self._backlog.spilled, lines, self._since, self._why, self._unpictured)

    @property
    def most(self) -> str:
        """Say how far the record lagged at most, and since when."""
        since = "" if self._since is None else f"since {self._since.isoformat(timespec='seconds')} "
        lost = f"; {unsaved(self._unpictured)}" if self._unpictured else ""
        return f"{since}up to {self._most_events} events and {self._most_lines} lines of cloth were not on disk{lost}"

    def _begin(self, fault: RecordsError | None) -> None:
        self._why = str(fault or f"The records in {self._target} are slow: the disk does not answer.")
        self._since = now()
        self._most_events = 0
        self._most_lines = 0
        self._unpictured = 0
        log.error("the record lags: %s", self._why)

    def _end(self) -> None:
        log.info("the record lags no more: %s", self.most)
        self._tell(f"The record lags no more: {self.most}.")
        self._since = None


class Losses:
    """The losses are the events that will never be on record, by roll id.  Its user guards it with a lock."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._lost: Counter[int] = Counter()
        self._unnoted: dict[int, tuple[int, str]] = {}
        self.first: RecordsError | None = None

    @property
    def total(self) -> int:
        """Give the number of all lost events."""
        return self._lost.total()

    @property
    def unnoted(self) -> dict[int, tuple[int, str]]:
        """Give the number of events lost, and the first reason, by roll id, that are not noted on record yet."""
        return dict(self._unnoted)

    def of(self, roll_id: int) -> int:
        """Return the number of a roll's lost events."""
        return self._lost[roll_id]

    def add(self, roll_id: int, why: str, count: int = 1) -> None:
        """Count events that are lost; the first loss is logged, and stays :attr:`first`."""
        self._lost[roll_id] += count
        before, reason = self._unnoted.get(roll_id, (0, why))
        self._unnoted[roll_id] = (before + count, reason)
        if self.first is None:
            self.first = RecordsError(f"Events of the line could not be recorded in {self._target} ({why}).")
            log.error("%s", self.first)

    def noted(self, noted: dict[int, tuple[int, str]]) -> None:
        """Take off what is on record now."""
        for roll_id, (events, why) in noted.items():
            left = self._unnoted[roll_id][0] - events
            self._unnoted[roll_id] = (left, why)
            if not left:
                del self._unnoted[roll_id]
