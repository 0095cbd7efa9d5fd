"""What the core has to tell the screen, kept until the screen asks."""

from __future__ import annotations

import threading
from collections import deque

from station.contract import Event, Notice, Severity, StripView


class EventQueue:
    """Events for the screen, bounded.  Pictures are dropped first (a newer one follows); what is lost is counted.

    Args:
        limit: most events other than pictures.
        pictures: most pictures.
    """

    def __init__(self, limit: int = 4096, pictures: int = 64) -> None:
        self._events: deque[Event] = deque()
        self._limit = limit
        self._pictures_limit = pictures
        self._pictures = 0
        self._lock = threading.Lock()
        self.pictures_dropped = 0
        self.events_dropped = 0
        self._told = 0

    def put(self, event: Event) -> None:
        """Append.  A picture too many is not taken; a word too many pushes out the oldest word and what is older."""
        with self._lock:
            if isinstance(event, StripView):
                if self._pictures == self._pictures_limit:
                    self.pictures_dropped += 1
                    return
                self._pictures += 1
            elif len(self._events) - self._pictures == self._limit:
                while isinstance(self._events.popleft(), StripView):
                    self._pictures -= 1
                    self.pictures_dropped += 1
                self.events_dropped += 1
            self._events.append(event)

    def drain(self, limit: int) -> list[Event]:
        """Oldest ``limit`` events, removed; before them a notice if words were lost since the last time."""
        with self._lock:
            lost = self.events_dropped - self._told
            self._told = self.events_dropped
            taken: list[Event] = []
            if lost:
                taken.append(
                    Notice(Severity.WARNING, f"{lost} messages came faster than the screen took them; see the records.")
                )
            taken += [self._events.popleft() for _ in range(min(limit, len(self._events)))]
            self._pictures -= sum(isinstance(event, StripView) for event in taken)
            return taken
