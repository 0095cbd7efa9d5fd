"""This module measures how fast lines really arrive, for cameras with cloth that has no speed of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class DeliveryRate:
    """A delivery rate counts lines per second at delivery, over the last seconds.  Safe to use from several threads.

    A camera that waits for the line has no machine speed; its "encoder" can honestly report only how fast cloth is
    being fetched.  Once nothing was fetched for ``window_s``, the cloth stands.
    """

    def __init__(self, window_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._arrivals: deque[tuple[float, int]] = deque()

    def add(self, lines: int) -> None:
        """Count ``lines`` delivered now."""
        now = self._clock()
        with self._lock:
            self._arrivals.append((now, lines))
            self._forget(now)

    def clear(self) -> None:
        """Forget all deliveries, as the cloth stands: the camera was stopped or has ended."""
        with self._lock:
            self._arrivals.clear()

    def lines_per_s(self) -> float:
        """Return the mean rate since the oldest delivery remembered; 0 when nothing came within the window."""
        now = self._clock()
        with self._lock:
            self._forget(now)
            if not self._arrivals:
                return 0.0
            lines = sum(count for _, count in self._arrivals)
            return lines / max(now - self._arrivals[0][0], 0.25 * self._window_s)

    def _forget(self, now: float) -> None:
        while self._arrivals and now - self._arrivals[0][0] > self._window_s:
            self._arrivals.popleft()
