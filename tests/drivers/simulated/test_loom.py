"""The loom: motion as a function of time, the lines a forward-only trigger takes, and time held back."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import CameraError
from drivers.simulated.loom import Loom, SpanPlan, SpeedProfile, Stage, Turn
from tests.rigs.speeds import constant_speed

SPEEDS = st.floats(-500, 2000).map(lambda value: round(value, 1))


@st.composite
def profiles(draw: st.DrawFn) -> SpeedProfile:
    """Runs forward far enough first, does what it likes, and ends forward."""
    wild = draw(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 1.0, 2.5]), SPEEDS, SPEEDS), max_size=5))
    return SpeedProfile([Stage(20, 1000, 1000), *(Stage(*stage) for stage in wild), Stage(1, 0, 600)])


@given(profiles(), st.floats(0, 60))
def test_position_is_the_integral_of_speed(profile: SpeedProfile, until_s: float) -> None:
    times = np.linspace(0, until_s, 4001)
    middles = (times[1:] + times[:-1]) / 2
    speeds = np.array([profile.speed_at(t) for t in middles])
    steps = speeds * np.diff(times)
    slack = 8 * 2500 * until_s / 4000 + 1e-6  # a jump of speed within a step, some times
    assert profile.position_at(until_s) == pytest.approx(steps.sum(), abs=slack)
    assert profile.forward_at(until_s) == pytest.approx(np.maximum(steps, 0).sum(), abs=slack)
    assert profile.highest_at(until_s) == pytest.approx(np.maximum.accumulate(steps.cumsum()).max(), abs=slack)


@given(profiles(), st.floats(0.001, 30_000))
def test_time_of_forward_is_when_forward_first_reaches(profile: SpeedProfile, lines: float) -> None:
    at_s = profile.time_of_forward(lines)
    assert profile.forward_at(at_s) == pytest.approx(lines, abs=1e-4)
    if at_s > 1e-3:
        assert profile.forward_at(at_s - 1e-3) < lines + 1e-6


def test_a_loom_that_stands_never_gets_there() -> None:
    stopping = SpeedProfile([Stage(1, 100, 0)])
    assert stopping.time_of_forward(50) == pytest.approx(1)
    assert math.isinf(stopping.time_of_forward(51))
    assert stopping.speed_at(7) == 0
    assert [span.end_line for span in SpanPlan(stopping, (), 256, None).spans()][-1] == 50


def test_a_reverse_keeps_the_high_water_mark() -> None:
    profile = SpeedProfile([Stage(1, 1000, 1000), Stage(1, -400, -400), Stage(1, 500, 500)])
    assert profile.position_at(1.5) == pytest.approx(800)
    assert profile.highest_at(1.5) == pytest.approx(1000)
    assert profile.forward_at(1.5) == pytest.approx(1000)
    assert profile.turns() == (Turn(1000, 400),)


@given(st.lists(st.integers(2, 9), max_size=4), st.sampled_from([16.7, 333.3, 1000.0, 4000.0]))
def test_turns_come_back_out_of_the_profile_made_from_them(gaps: list[int], lines_per_s: float) -> None:
    lines = np.cumsum([gap * 1000 for gap in gaps])
    turns = tuple(Turn(int(line), 400) for line in lines)
    found = SpeedProfile.with_turns(lines_per_s, turns).turns()
    assert len(found) == len(turns)
    for was, asked in zip(found, turns, strict=True):
        assert abs(was.at_line - asked.at_line) <= 1
        assert abs(was.back_lines - asked.back_lines) <= 1


@pytest.mark.parametrize(
    "stages", [[], [Stage(-1, 1, 1)], [Stage(1, -5, -5)], [Stage(1, 10, 10), Stage(2, -10, -10)], [Stage(9, 9, -1)]]
)
def test_impossible_profiles_are_refused(stages: list[Stage]) -> None:
    with pytest.raises(CameraError):
        SpeedProfile(stages)


@given(
    st.one_of(st.none(), profiles()),
    st.lists(st.tuples(st.integers(500, 2000), st.integers(1, 400)), max_size=4),
    st.integers(1, 300),
    st.integers(1, 9000),
)
def test_spans_take_every_line_and_those_behind_a_turn_again(
    profile: SpeedProfile | None, turns: list[tuple[int, int]], block_lines: int, total: int
) -> None:
    places, line = [], 0
    for gap, back in turns:
        line += gap
        places.append(Turn(line, back))
    plan = SpanPlan(profile, () if profile else tuple(places), block_lines, total)
    spans = list(plan.spans())
    assert [span.index for span in spans] == list(range(len(spans)))
    assert all(0 < span.end_line - span.first_line <= block_lines for span in spans)
    assert all(one.ready_s <= other.ready_s for one, other in pairwise(spans))
    assert spans[0].first_line == 0
    assert max(span.end_line for span in spans) == total == spans[-1].end_line
    backs = [one.end_line - other.first_line for one, other in pairwise(spans) if one.end_line != other.first_line]
    reached = [turn for turn in (profile.turns() if profile else places) if turn.at_line < total]
    assert backs == [turn.back_lines for turn in reached]
    assert list(plan.spans(len(spans) // 2)) == spans[len(spans) // 2 :]


@pytest.mark.parametrize("lines_per_s", [3.0, 17.0, 400.0, 5000.0])
def test_blocks_hold_no_more_than_a_quarter_second(lines_per_s: float) -> None:
    plan = SpanPlan(constant_speed(lines_per_s), (), 256, None)
    for one, other in pairwise(islice(plan.spans(), 50)):
        assert other.end_line - other.first_line <= max(0.25 * lines_per_s, 1)
        assert other.ready_s - one.ready_s <= max(0.25, 1 / lines_per_s) + 1e-9


def test_a_block_is_ready_when_its_last_line_has_passed() -> None:
    profile = SpeedProfile([Stage(2, 0, 1000), Stage(1, 1000, 50), Stage(3, 50, 50), Stage(1, 0, 0), Stage(1, 0, 800)])
    for span in islice(SpanPlan(profile, (), 128, None).spans(), 60):
        assert profile.position_at(span.ready_s) == pytest.approx(span.end_line, abs=1e-6)
        assert profile.position_at(span.ready_s - 0.01) < span.end_line


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_the_loom_is_held_back_until_its_cloth_is_rendered() -> None:
    clock = Clock()
    loom = Loom(constant_speed(100), clock)
    clock.now_s += 5  # the renderer is still starting
    assert loom.reading().due_line == 0
    assert loom.is_held
    assert loom.reading().lines_per_s == 0
    loom.allow(2.0)
    assert loom.held_s == pytest.approx(5)
    clock.now_s += 1
    assert loom.reading().due_line == 100
    assert loom.reading().lines_per_s == 100
    loom.allow(2.5)  # in time: nothing held
    assert loom.held_s == pytest.approx(5)
    clock.now_s += 4
    assert loom.reading().due_line == 250
    loom.allow(10.0)
    assert loom.held_s == pytest.approx(5 + 2.5)
    assert loom.reading().due_line == 250  # the wait never happened on the loom
    clock.now_s += 0.5
    assert loom.reading().due_line == 300
    assert loom.clock_at(loom.now_s()) == pytest.approx(clock.now_s)


def test_a_follower_reads_the_same_as_the_loom_it_follows() -> None:
    clock = Clock()
    loom, follower = Loom(constant_speed(100), clock), Loom(constant_speed(100), clock)
    clock.now_s += 3
    loom.allow(50.0)
    follower.follow(loom.origin_s, loom.held_s, loom.limit_s)
    clock.now_s += 7.77
    assert follower.reading() == loom.reading()
    assert follower.reading().due_line == 777
