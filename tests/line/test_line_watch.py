"""What the screen may say of the picture."""

from __future__ import annotations

import pytest

from drivers.camera import EncoderReading
from station.control import FeedState
from station.line.watch import Feed

BLOCK = Feed(started_s=0.0, last_block_s=100.0, due_at_block=1000, block_lines=100)


@pytest.mark.parametrize(
    ("now", "due", "speed", "state"),
    [
        (100.1, 1000, 500.0, FeedState.LIVE),
        (100.4, 1200, 500.0, FeedState.LIVE),
        (100.6, 1300, 500.0, FeedState.STALLED),
        (100.6, 1000, 0.0, FeedState.STOPPED),
        (100.1, 1000, 0.0, FeedState.STOPPED),
        (100.6, 1000, -500.0, FeedState.STOPPED),
        (100.1, 1000, -500.0, FeedState.LIVE),
        # A crawl of 10 lines a second: a block of 100 lines takes ten seconds, twice that is no stall.
        (119.0, 1190, 10.0, FeedState.LIVE),
        (121.0, 1210, 10.0, FeedState.STALLED),
    ],
)
def test_a_stall_is_cloth_without_pictures(now: float, due: int, speed: float, state: FeedState) -> None:
    assert BLOCK.state(EncoderReading(due, speed), now) is state


def test_a_camera_that_never_sent_anything() -> None:
    started = Feed(started_s=100.0, due_at_block=0)
    assert started.state(EncoderReading(0, 0.0), 200.0) is FeedState.NO_PICTURE
    assert started.state(EncoderReading(900, 500.0), 100.3) is FeedState.NO_PICTURE
    assert started.state(EncoderReading(900, 500.0), 102.0) is FeedState.STALLED


def test_a_camera_that_was_not_started_yet_is_not_stalled() -> None:
    assert Feed().state(EncoderReading(900, 500.0), 200.0) is FeedState.NO_PICTURE


def test_a_block_that_waits_for_room_is_no_stall() -> None:
    holding = Feed(last_block_s=100.0, due_at_block=10, block_lines=10, holding=True)
    assert holding.state(EncoderReading(999, 500.0), 200.0) is FeedState.LIVE


def test_only_a_long_stall_of_moving_cloth_is_dead() -> None:
    assert not BLOCK.dead(EncoderReading(2000, 500.0), 104.9)
    assert BLOCK.dead(EncoderReading(2000, 500.0), 105.1)
    assert not BLOCK.dead(EncoderReading(2000, 0.0), 200.0)
    assert not BLOCK.dead(EncoderReading(1000, 500.0), 200.0)


def test_ended_and_gone_come_first() -> None:
    assert Feed(ended=True, gone=True).state(EncoderReading(0, 0.0), 0.0) is FeedState.ENDED
    assert Feed(gone=True).state(EncoderReading(0, 0.0), 0.0) is FeedState.GONE
