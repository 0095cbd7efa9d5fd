"""An even scroll over cloth that comes in strips."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.live.scroll import Follower


def run(follower: Follower, seconds: float, every_s: float, strip: float, start: float = 0.0) -> list[int]:
    """Rows shown at 30 frames a second while a strip comes every ``every_s``."""
    rows, newest, due = [], start, 0.0
    for frame in range(round(seconds * 30)):
        while due <= frame / 30:
            newest += strip
            due += every_s
            follower.arrive(newest)
        follower.advance(1 / 30)
        rows.append(follower.row)
    return rows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.005, 0.3), st.integers(0, 3), st.floats(1, 400)), min_size=1, max_size=120),
)
def test_it_never_shows_what_has_not_come_and_never_runs_back(
    script: list[tuple[float, int, float]],
) -> None:
    follower, newest, before = Follower(), 0.0, 0
    for passed_s, strips, rows in script:
        for _ in range(strips):
            newest += rows
            follower.arrive(newest)
        follower.advance(passed_s)
        assert before <= follower.row <= newest
        before = follower.row


def test_a_steady_web_scrolls_evenly_whether_strips_come_often_or_seldom() -> None:
    for every_s, strip in ((1.1, 110.0), (0.25, 100.0), (0.05, 40.0)):
        rows = np.array(run(Follower(), 20, every_s, strip))
        steps = np.diff(rows[300:])
        pace = strip / every_s / 30
        assert abs(steps.mean() - pace) < 0.1 * pace
        assert steps.min() > 0.45 * pace - 1
        assert steps.max() < 1.8 * pace + 1


def test_it_stays_within_a_few_strips_of_the_newest_cloth() -> None:
    follower = Follower()
    run(follower, 20, 0.5, 100.0)
    assert 41 * 100 - follower.row < 3 * 100


def test_it_comes_to_rest_on_the_newest_row_when_the_cloth_stands() -> None:
    follower = Follower()
    run(follower, 10, 0.5, 100.0)
    for _ in range(30 * 12):
        follower.advance(1 / 30)
    assert follower.row == 20 * 100
    assert not follower.advance(1 / 30)


def test_a_burst_is_caught_up_at_once() -> None:
    follower = Follower()
    run(follower, 5, 0.5, 100.0)
    follower.arrive(50_000)
    for _ in range(15):
        follower.advance(1 / 30)
    assert follower.row > 40_000
