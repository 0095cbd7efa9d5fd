"""This module reads a wrapping counter that is no part of a camera as an encoder: it gives position and speed."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from drivers.camera import Camera, CameraError, EncoderReading
from drivers.wrapped import WrappedCamera

SPEED_WINDOW_S = 0.5
"""Speed is the mean over this time, as a count is whole pulses only."""

STALE_S = 1.0
"""A count older than this says nothing about the present speed."""

FASTEST_LINES_PER_S = 100_000.0
"""No machine moves this fast: a count that says so has started anew, as after a power cut of the PLC."""


class CounterEncoder:
    """A counter encoder gives position and speed from a wrapping counter.  Fed by one thread, read from any.

    Between two counts the machine must move by less than half the counter's range, or the direction is unknown:
    16 bits read 20 times a second allow 655,000 pulses a second.  After more than a second without a count, as with a
    lost link, the machine is taken to have gone on at its last speed, give or take half the range; 32 bits need no
    such guess.

    Args:
        pulses_per_line: counts per line of cloth; negative where the counter counts down going forward.
        bits: 16 or 32.
    """

    def __init__(self, pulses_per_line: float, bits: int = 16, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not pulses_per_line:
            raise ValueError("an encoder without pulses per line has no position")
        self._pulses_per_line = pulses_per_line
        self._range = 1 << bits
        self._clock = clock
        self._lock = threading.Lock()
        self._last: int | None = None
        self._pulses = 0
        self._highest = 0.0
        self._window: deque[tuple[float, int]] = deque()

    def feed(self, count: int) -> None:
        """Take the count as it is now; the first one is position 0.  A count that jumps does not move the position."""
        with self._lock:
            now = self._clock()
            if self._last is not None:
                passed_s = max(now - self._window[-1][0], 1e-3)
                half = self._range // 2
                least = (round(self._pulses_per_s() * passed_s) if passed_s > STALE_S else 0) - half
                step = (count - self._last - least) % self._range + least
                if abs(step / self._pulses_per_line) <= FASTEST_LINES_PER_S * passed_s:
                    self._pulses += step
                else:
                    self._window.clear()
            self._last = count
            self._highest = max(self._highest, self._pulses / self._pulses_per_line)
            self._window.append((now, self._pulses))
            while len(self._window) > 2 and self._window[1][0] <= now - SPEED_WINDOW_S:
                self._window.popleft()

    def reading(self) -> EncoderReading:
        """Return where the machine is; its speed is 0 where nothing was counted for a second."""
        with self._lock:
            due = math.floor(self._highest + 1e-9)
            if len(self._window) < 2 or self._clock() - self._window[-1][0] > STALE_S:
                return EncoderReading(due, 0.0)
            return EncoderReading(due, self._pulses_per_s() / self._pulses_per_line)

    def _pulses_per_s(self) -> float:
        """Return the rate over the last counts; 0 before there are two."""
        if len(self._window) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._window[0], self._window[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


class EncodedCamera(WrappedCamera):
    """An encoded camera has its lines triggered by an encoder it cannot read itself; the counter is read for it.

    At the first start the counter's zero is set to the camera's, so that the line due and the lines delivered have the
    same numbers as long as the camera numbers its lines by the same pulses.
    """

    def __init__(self, camera: Camera, encoder: CounterEncoder) -> None:
        super().__init__(camera)
        self._encoder = encoder
        self._offset: int | None = None

    def start(self) -> None:
        """Start the camera.  Raises CameraError."""
        self._camera.start()
        if self._offset is None:
            self._offset = self._camera.encoder().due_line - self._encoder.reading().due_line

    def encoder(self) -> EncoderReading:
        """Return the counter's reading in the camera's line numbers.  Raises CameraError before the first start."""
        if self._offset is None:
            raise CameraError(f"Camera {self.camera_id} has not been started yet; its lines have no numbers.")
        reading = self._encoder.reading()
        return EncoderReading(reading.due_line + self._offset, reading.lines_per_s)
