"""This module knows how long this program has been awake: a computer that slept or was paused, or a program that was
stopped, must not look as if its cameras had fallen silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TICK_S = 0.1
LONGEST_TICK_S = 0.5
"""From one tick to the next at most so much time counts: a camera had no longer to answer, whatever the clock says."""

STANDSTILL_S = 2.0
"""A gap between two ticks that is longer is a standstill, which people are told of."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """A standstill holds how long nothing ran here, and when it was over (monotonic)."""

    seconds: float
    ended_s: float


def whole_s() -> float:
    """Return seconds of a clock that nobody sets and that goes on while the computer sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class AwakeClock:
    """The clock shows the seconds in which this program could run.  It ticks while it is :meth:`watching`; else it goes
    as the system's does.  It may be asked from any thread.

    Args:
        clock: seconds that pass while the program runs, and perhaps while it does not.
        whole: seconds that pass in any case.
        used: seconds of processor time that this program has used.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        whole: Callable[[], float] = whole_s,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock = clock
        self._whole = whole
        self._used = used
        self._lock = threading.Lock()
        self._watchers = 0
        self._rest = threading.Event()
        self._ticked = (clock(), whole(), used())
        self._awake_s = 0.0
        self.last: Standstill | None = None
        """This is the newest standstill, None before the first."""

    def now(self) -> float:
        """Return the seconds awake; only differences mean something."""
        with self._lock:
            return self._awake_s + self._passed(self._clock())

    def tick(self) -> None:
        """Take note that the program runs.  One that was busy all the while, so that no tick came, did not stand."""
        with self._lock:
            at = (self._clock(), self._whole(), self._used())
            gap_s, used_s = at[1] - self._ticked[1], at[2] - self._ticked[2]
            self._awake_s += self._passed(at[0])
            self._ticked = at
            if self._watchers and gap_s > STANDSTILL_S and used_s < gap_s / 2:
                self.last = Standstill(gap_s, at[0])

    def _passed(self, at_s: float) -> float:
        passed_s = at_s - self._ticked[0]
        return min(passed_s, LONGEST_TICK_S) if self._watchers else passed_s

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tick meanwhile, in a thread."""
        self.tick()
        with self._lock:
            self._watchers += 1
            if self._watchers == 1:
                self._rest = threading.Event()
                threading.Thread(target=self._run, args=(self._rest,), name="standstill", daemon=True).start()
        try:
            yield
        finally:
            self.tick()
            with self._lock:
                self._watchers -= 1
                if not self._watchers:
                    self._rest.set()

    def _run(self, rest: threading.Event) -> None:
        while not rest.wait(TICK_S):
            self.tick()


AWAKE = AwakeClock()
"""This program's."""
