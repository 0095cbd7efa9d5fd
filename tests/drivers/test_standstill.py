"""What a program could not see while it stood still is no camera's fault."""

from __future__ import annotations

import time

import pytest

from drivers.grabber import Grabber
from drivers.standstill import LONGEST_TICK_S, STANDSTILL_S, TICK_S, AwakeClock
from tests.rigs.hanging import HangingCamera


class Clocks:
    """The three times of a program."""

    def __init__(self) -> None:
        self.running = 100.0
        self.whole = 5000.0
        self.used = 1.0

    def awake(self) -> AwakeClock:
        return AwakeClock(lambda: self.running, lambda: self.whole, lambda: self.used)

    def go(self, seconds: float, *, asleep: float = 0.0, used: float = 0.0) -> None:
        self.running += seconds
        self.whole += seconds + asleep
        self.used += used


def test_while_it_ticks_it_goes_as_the_clock_does() -> None:
    clocks = Clocks()
    awake = clocks.awake()
    with awake.watching():
        began = awake.now()
        for _ in range(50):
            clocks.go(TICK_S)
            awake.tick()
        assert awake.now() - began == pytest.approx(50 * TICK_S)
    assert awake.last is None


def test_a_stop_hardly_counts_whether_it_is_asked_before_the_tick_or_after() -> None:
    clocks = Clocks()
    awake = clocks.awake()
    with awake.watching():
        began = awake.now()
        clocks.go(10.0)
        assert 0 <= awake.now() - began <= LONGEST_TICK_S
        awake.tick()
        assert 0 <= awake.now() - began <= LONGEST_TICK_S
        assert awake.last is not None
        assert (awake.last.seconds, awake.last.ended_s) == (10.0, 110.0)


def test_sleep_of_the_computer_counts_where_only_one_clock_goes_on() -> None:
    clocks = Clocks()
    awake = clocks.awake()
    with awake.watching():
        clocks.go(0.1, asleep=3600.0)
        awake.tick()
        assert awake.last is not None
        assert awake.last.seconds == pytest.approx(3600.1)


@pytest.mark.parametrize(("seconds", "used"), [(STANDSTILL_S - 0.1, 0.0), (10.0, 9.0)], ids=["short", "busy"])
def test_a_short_pause_and_a_busy_program_are_no_standstill(seconds: float, used: float) -> None:
    clocks = Clocks()
    awake = clocks.awake()
    with awake.watching():
        clocks.go(seconds, used=used)
        awake.tick()
        assert awake.last is None


def test_unwatched_it_is_the_systems_clock() -> None:
    clocks = Clocks()
    awake = clocks.awake()
    began = awake.now()
    clocks.go(10.0)
    assert awake.now() - began == 10.0
    with awake.watching():
        assert awake.now() - began == 10.0
        clocks.go(0.2)
    clocks.go(30.0)
    assert awake.now() - began == pytest.approx(40.2)
    assert awake.last is None


def test_a_read_that_is_owed_over_a_standstill_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks()
    awake = clocks.awake()
    monkeypatch.setattr("drivers.grabber.AWAKE", awake)
    camera = HangingCamera()
    camera.hangs.add("read")
    grabber = Grabber(camera)
    with awake.watching():
        assert grabber.read(0.0) is None
        clocks.go(10.0)
        awake.tick()
        assert not grabber.hangs
        for _ in range(20):
            clocks.go(TICK_S)
            awake.tick()
        assert grabber.hangs, "two seconds awake are its own"
    camera.release()
    grabber.close()


def test_the_watch_ends_with_the_last_who_watches() -> None:
    awake = AwakeClock()
    with awake.watching(), awake.watching():
        began = awake.now()
        time.sleep(3 * LONGEST_TICK_S)
        assert awake.now() - began > 2 * LONGEST_TICK_S, "it ticks by itself"
