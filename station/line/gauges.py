"""This module measures rates and delays of the running line, and what the machine could do."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

WINDOW_S = 5.0
LATENCIES_KEPT = 1024
CALLS_KEPT, CALLS_ENOUGH = 64, 4
"""What the machine could do is told from the last calls of the scorer, from so many on."""


class Gauges:
    """The gauges measure tiles per second and latency.  They may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began: float | None = None
        self._ended: float | None = None
        self._tiles = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._latencies: deque[tuple[float, int]] = deque(maxlen=LATENCIES_KEPT)
        self._full_calls: deque[tuple[int, float]] = deque(maxlen=CALLS_KEPT)
        self._light_calls: deque[tuple[int, float]] = deque(maxlen=CALLS_KEPT)

    def begin(self) -> None:
        """Note that the first tiles are about to be judged."""
        with self._lock:
            if self._began is None:
                self._began = self._clock()

    def judged(self, tiles: int, latency_ms: float) -> None:
        """Note that a row of tiles was decided."""
        if not tiles:
            return
        with self._lock:
            now = self._clock()
            self._tiles += tiles
            self._ended = now
            self._recent.append((now, tiles))
            while self._recent and self._recent[0][0] < now - WINDOW_S:
                self._recent.popleft()
            self._latencies.append((latency_ms, tiles))

    def scored(self, tiles: int, busy_s: float, *, is_full: bool) -> None:
        """Note that the scorer was busy for so long with so many tiles; ``is_full``: it could hardly do more."""
        if tiles and busy_s > 0:
            with self._lock:
                (self._full_calls if is_full else self._light_calls).append((tiles, busy_s))

    def capacity(self) -> tuple[float | None, bool]:
        """Return the tiles per second that the scorer judges while it is busy, None before a few calls.

        The second says whether it had all it could do in them; if not, it can do more than the first says.
        """
        with self._lock:
            is_known = len(self._full_calls) >= CALLS_ENOUGH
            calls = list(self._full_calls) if is_known else [*self._full_calls, *self._light_calls]
            if len(calls) < CALLS_ENOUGH:
                return None, False
            return sum(tiles for tiles, _ in calls) / sum(busy_s for _, busy_s in calls), is_known

    @property
    def tiles(self) -> int:
        """Give the number of tiles decided so far."""
        with self._lock:
            return self._tiles

    def tiles_per_second(self, *, overall: bool) -> float:
        """Return the rate of the last seconds; ``overall``: from the first tile's start to the last one's decision."""
        with self._lock:
            if self._began is None or self._ended is None:
                return 0.0
            now = self._ended if overall else self._clock()
            start = self._began if overall else max(self._began, now - WINDOW_S)
            tiles = self._tiles if overall else sum(n for t, n in self._recent if t >= start)
            return tiles / (now - start) if now > start else 0.0

    def latency_ms(self) -> tuple[float, float]:
        """Return median and 99th percentile over the last rows, every tile counted; (0, 0) before the first."""
        with self._lock:
            if not self._latencies:
                return 0.0, 0.0
            values = np.repeat([v for v, _ in self._latencies], [n for _, n in self._latencies])
        median, high = np.percentile(values, [50, 99])
        return float(median), float(high)
