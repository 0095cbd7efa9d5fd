"""What the screen may say of the picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import EncoderReading
from station.contract import FeedState
from station.line.acquiring.feed_watch import LOOK_S, FeedMonitor


def watched(*looks: tuple[float, float, float], block_lines: int = 100) -> tuple[FeedState, FeedMonitor]:
    """Looks of (seconds, due line, speed) after a block at 0 s and line 0."""
    feed = (
        FeedMonitor().opened(EncoderReading(0, 0.0), -1.0, started=True).took(block_lines, EncoderReading(0, 0.0), 0.0)
    )
    for seconds, due, speed in looks:
        feed = feed.looked(EncoderReading(round(due), speed), seconds)
    seconds, due, speed = looks[-1]
    return feed.state(EncoderReading(round(due), speed), seconds), feed


def running(seconds: float, speed: float, every_s: float = 0.1) -> list[tuple[float, float, float]]:
    return [(i * every_s, int(i * every_s * speed), speed) for i in range(1, round(seconds / every_s) + 1)]


@pytest.mark.parametrize(
    ("seconds", "speed", "state"),
    [
        (0.4, 500.0, FeedState.LIVE),
        (0.6, 500.0, FeedState.STALLED),
        (1.4, 500.0, FeedState.STALLED),
        (1.7, 500.0, FeedState.GONE),
        # A creep: a block of 100 lines takes two seconds, twice that is no stall.
        (3.9, 50.0, FeedState.LIVE),
        (4.2, 50.0, FeedState.GONE),
    ],
)
@pytest.mark.parametrize("every_s", [0.1, 0.2])
def test_cloth_that_passes_unseen_is_a_stall_then_a_loss(
    seconds: float, speed: float, state: FeedState, every_s: float
) -> None:
    assert watched(*running(seconds, speed, every_s))[0] is state


@pytest.mark.parametrize("speed", [0.0, -500.0])
def test_a_machine_that_stands_or_reverses_is_no_fault(speed: float) -> None:
    looks = [(i * 0.1, 0.0, speed) for i in range(1, 100)]
    state, feed = watched(*looks)
    assert state is FeedState.STOPPED
    assert feed.unseen_s == 0.0


def test_a_running_machine_is_never_called_stopped_for_want_of_a_block() -> None:
    for seconds in range(1, 30):
        assert watched(*running(seconds / 10, 500.0))[0] is not FeedState.STOPPED


def test_after_a_long_standstill_the_camera_has_its_time_again() -> None:
    standing = [(i * 0.1, 40.0, 0.0) for i in range(1, 36_000)]
    assert watched(*standing, (3600.1, 41.0, 500.0))[0] is not FeedState.STALLED
    moving = [(3600.0 + s, 40 + due, speed) for s, due, speed in running(0.6, 500.0)]
    assert watched(*standing, *moving)[0] is FeedState.STALLED


def test_forward_again_over_cloth_seen_before_is_no_fault() -> None:
    """The loom went back and runs forward: for two seconds no new line is due and none comes."""
    back = [(i * 0.1, 0.0, -500.0) for i in range(1, 20)]
    forward = [(2.0 + i * 0.1, 0.0, 500.0) for i in range(20)]
    assert watched(*back, *forward)[0] is FeedState.STOPPED
    assert watched(*back, *forward, (4.0, 50.0, 500.0))[1].unseen_s <= LOOK_S


def test_a_machine_that_stops_while_lines_are_on_their_way_is_stopped() -> None:
    assert watched((0.1, 50, 500.0), *((i * 0.1, 90, 0.0) for i in range(2, 50)))[0] is FeedState.STOPPED


def test_cloth_that_comes_is_live_although_the_encoder_has_lost_its_word() -> None:
    assert watched((0.3, 0.0, 0.0))[0] is FeedState.LIVE
    assert watched((0.6, 0.0, 0.0))[0] is FeedState.STOPPED


def test_a_camera_that_never_sent_anything() -> None:
    started = FeedMonitor().opened(EncoderReading(0, 0.0), 100.0, started=True)
    assert started.state(EncoderReading(0, 0.0), 200.0) is FeedState.NO_PICTURE
    assert started.looked(EncoderReading(90, 500.0), 100.2).state(EncoderReading(90, 500.0), 100.2) is (
        FeedState.NO_PICTURE
    )
    feed = started
    for i in range(1, 8):
        feed = feed.looked(EncoderReading(50 * i, 500.0), 100 + 0.1 * i)
    assert feed.state(EncoderReading(350, 500.0), 100.7) is FeedState.STALLED


def test_a_camera_that_was_not_started_yet_is_not_stalled() -> None:
    assert FeedMonitor().state(EncoderReading(900, 500.0), 200.0) is FeedState.NO_PICTURE


def test_a_block_that_waits_for_room_is_no_stall() -> None:
    holding = FeedMonitor(started=True, last_block_s=100.0, due_line=10, block_lines=10, unseen_s=9.0, holding=True)
    assert holding.state(EncoderReading(999, 500.0), 200.0) is FeedState.LIVE


def test_ended_and_gone_come_first() -> None:
    assert FeedMonitor(ended=True, gone=True).state(EncoderReading(0, 0.0), 0.0) is FeedState.ENDED
    assert FeedMonitor(gone=True).state(EncoderReading(0, 0.0), 0.0) is FeedState.GONE


@given(st.lists(st.tuples(st.floats(0.01, 2.0), st.integers(0, 40), st.floats(-500, 500)), min_size=1, max_size=40))
def test_unseen_time_is_never_more_than_the_time_in_which_new_cloth_was_due(
    looks: list[tuple[float, int, float]],
) -> None:
    feed, seconds, due, moving_s = FeedMonitor().took(100, EncoderReading(0, 0.0), 0.0), 0.0, 0, 0.0
    for passed_s, lines, speed in looks:
        seconds, due = seconds + passed_s, due + lines
        before = feed.unseen_s
        feed = feed.looked(EncoderReading(due, speed), seconds)
        moving_s += LOOK_S if lines else 0.0
        assert before <= feed.unseen_s <= moving_s + 1e-9
        assert feed.state(EncoderReading(due, 0.0), seconds) is FeedState.STOPPED or seconds <= 0.5 or feed.unseen_s
