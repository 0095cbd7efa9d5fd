"""This module keeps the core's events for the screen until the screen takes them."""

from __future__ import annotations

import threading
from collections import deque

from station.contract import Event, LookView, Notice, Severity, StripView


class EventQueue:
    """A bounded queue holds events for the screen.  It drops pictures first (a newer one follows) and counts what it
    drops.

    Args:
        limit: maximum number of events other than pictures.
        pictures: maximum number of pictures.
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
        """Append an event.  If it is one picture too many, it is dropped; if it is one other event too many, the oldest
        of those and all before it are dropped."""
        with self._lock:
            if isinstance(event, StripView | LookView):
                if self._pictures == self._pictures_limit:
                    self.pictures_dropped += 1
                    return
                self._pictures += 1
            elif len(self._events) - self._pictures == self._limit:
                while isinstance(self._events.popleft(), StripView | LookView):
                    self._pictures -= 1
                    self.pictures_dropped += 1
                self.events_dropped += 1
            self._events.append(event)

    def drain(self, limit: int) -> list[Event]:
        """Remove and return the oldest ``limit`` events, after a notice if events other than pictures were lost since
        the last call."""
        with self._lock:
            lost = self.events_dropped - self._told
            self._told = self.events_dropped
            taken: list[Event] = []
            if lost:
                taken.append(
                    Notice(Severity.WARNING, f"{lost} messages came faster than the screen took them; see the records.")
                )
            taken += [self._events.popleft() for _ in range(min(limit, len(self._events)))]
            self._pictures -= sum(isinstance(event, StripView | LookView) for event in taken)
            return taken
