"""This module says where the cloth is by what a camera counts: blocks, encoder pulses or, failing both, time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from drivers.camera import EncoderReading
from drivers.delivery import DeliveryRate

NO_NUMBER = 2**64 - 1
"""pylon gives this block id to a buffer that has none."""

POLLED_LATELY_S = 1.0
"""A speed by the encoder's counter is good for this long."""

_SLOWER = 10_000
"""Clocks of camera and host drift apart by less than one part in this many (100 ppm)."""


class BlockNumbers:
    """Block numbers, as the camera gives them, say the places of blocks since the start of grabbing (0, 1, 2 ...).

    A place left out is a lost block; one that comes again is a repeat.  Numbers that wrap show losses of up to half
    their range: about 32 000 blocks with the 16-bit ids of a GigE camera.

    Args:
        first: number of the first block after the start, None if only the first one seen shows it.
        count: how many numbers there are until they start at ``first`` again (0 if that is None); None: no end.
    """

    def __init__(self, first: int | None, count: int | None = None) -> None:
        self._first = first
        self._count = count
        self._last: tuple[int, int] | None = None

    def place(self, number: int) -> int:
        """Return the place of the block with this number."""
        if number == NO_NUMBER or number < (self._first or 0):
            number = self._last[0] + 1 if self._last is not None else self._first or 0
        if self._last is None:
            place = 0 if self._first is None else max(number - self._first, 0)
        else:
            place = self._last[1] + self._step(number - self._last[0])
        if self._last is None or place > self._last[1]:
            self._last = (number, place)
        return place

    def _step(self, step: int) -> int:
        if self._count is None:
            return step
        half = self._count // 2
        return (step + half) % self._count - half


class HostClock:
    """A host clock turns the camera's own times into capture times on the host's monotonic clock.

    The quickest delivery so far shows how far the clocks are apart, so a slow one does not make cloth look younger.
    The delay of the quickest delivery itself is unknown and is left out.
    """

    def __init__(self) -> None:
        self._apart_ns: int | None = None
        self._last_ns = 0

    def captured_ns(self, camera_ns: int, host_ns: int) -> int:
        """Return the host time of a block stamped ``camera_ns`` (0: not stamped) that arrived at ``host_ns``."""
        if not camera_ns:
            return host_ns
        apart = host_ns - camera_ns
        if self._apart_ns is not None:
            drift = max(host_ns - self._last_ns, 0) // _SLOWER
            apart = min(apart, self._apart_ns + drift)
        self._apart_ns = apart
        self._last_ns = host_ns
        return camera_ns + apart


class ClothPosition:
    """A cloth position numbers lines on over stops and restarts of one camera.  Safe to use from several threads.

    A line's number comes from encoder pulses where the camera sends them with each block, else from the block's place.
    What passes while the camera is away is known from its pulse counter if that counted on.  Else it is estimated as
    elapsed time times the last speed (running freely: the nominal rate), and counted in :attr:`estimated_lines`.

    Args:
        step: new lines of each block (fewer than its lines where frames overlap).
        lines: lines of each block.
        pulses_per_line: of the encoder.
        pulse_count: how many values its counter has, None: no end.
    """

    def __init__(
        self,
        *,
        step: int,
        lines: int,
        pulses_per_line: int = 1,
        pulse_count: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._step = step
        self._lines = lines
        self.pulses_per_line = pulses_per_line
        self._pulse_count = pulse_count
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = DeliveryRate(clock=clock)
        self._base = 0
        self._end = 0
        self._due = 0
        self._known_s: float | None = None
        self._pulse_zero: int | None = None
        self._polled: tuple[float, int] | None = None
        self._nominal: float | None = None
        self._speed = 0.0
        self.estimated_lines = 0

    def begin(self, lines_per_s: float | None, pulses: int | None = None) -> None:
        """Take note that grabbing has started.

        Args:
            lines_per_s: rate of a camera that runs freely, None for one that an encoder triggers.
            pulses: the encoder's counter now, None if it cannot be read.
        """
        with self._lock:
            now = self._clock()
            counted = self._line_counted(pulses)
            if counted is not None:
                self._base = max(counted, self._end)
            elif self._known_s is not None:
                passed = int(max(self._speed, 0.0) * (now - self._known_s))
                self._base = max(self._end + passed, self._due)
                self.estimated_lines += self._base - self._end
            if counted is None:
                self._pulse_zero = None if pulses is None else pulses - self._base * self.pulses_per_line
            self._polled = None if pulses is None else (now, pulses)
            self._end = self._base
            self._known_s = now
            self._nominal = lines_per_s
            self._speed = lines_per_s or 0.0
            self._due = max(self._due, self._base)

    def block(self, place: int, pulses: int | None = None) -> int:
        """Return the first line of the block at ``place``; ``pulses``: the encoder's counter at its first line."""
        with self._lock:
            first = self._base + place * self._step
            if pulses is not None:
                first = self._line_of(pulses, first)
            self._rate.add(max(first + self._lines - self._end, 0))
            self._end = max(self._end, first + self._lines)
            self._known_s = self._clock()
            self._due = max(self._due, self._end)
            if self._nominal is None and self._polled is None:
                self._speed = self._rate.lines_per_s()
            return first

    def poll(self, pulses: int) -> None:
        """Take the encoder's counter as it is now."""
        with self._lock:
            now = self._clock()
            line = self._line_of(pulses, self._due)
            pulses = self._unwrapped(pulses, line)
            if self._polled is not None and now > self._polled[0]:
                self._speed = (pulses - self._polled[1]) / self.pulses_per_line / (now - self._polled[0])
            self._polled = (now, pulses)
            self._due = max(self._due, line)

    def reading(self) -> EncoderReading:
        """Return where the cloth is now."""
        with self._lock:
            if self._known_s is None:
                return EncoderReading(0, 0.0)
            now = self._clock()
            if self._nominal is not None:
                self._due = max(self._due, self._end + int((now - self._known_s) * self._nominal))
                return EncoderReading(self._due, self._nominal)
            if self._polled is not None:
                return EncoderReading(self._due, self._speed if now - self._polled[0] < POLLED_LATELY_S else 0.0)
            return EncoderReading(self._due, self._rate.lines_per_s())

    def _line_of(self, pulses: int, about: int) -> int:
        """Return the counter's line, which is at or near ``about``; the counter's first reading is at ``about``."""
        if self._pulse_zero is None:
            self._pulse_zero = pulses - about * self.pulses_per_line
        return (self._unwrapped(pulses, about) - self._pulse_zero) // self.pulses_per_line

    def _unwrapped(self, pulses: int, line: int) -> int:
        """Return the counter's value without its wraps, by the line it is near."""
        if self._pulse_count is None or self._pulse_zero is None:
            return pulses
        about = self._pulse_zero + line * self.pulses_per_line
        half = self._pulse_count // 2
        return about + (pulses - about + half) % self._pulse_count - half

    def _line_counted(self, pulses: int | None) -> int | None:
        """Return the line by a counter that ran on while the camera was away; None if it was reset or may wrap."""
        if pulses is None or self._polled is None or self._pulse_count is not None or pulses < self._polled[1]:
            return None
        return self._line_of(pulses, self._end)
