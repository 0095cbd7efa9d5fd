"""Line numbers of a Basler camera: block numbers that wrap, encoder counters, clocks, and what passes meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import EncoderReading
from drivers.pylon.position import NO_NUMBER, BlockNumbers, ClothPosition, HostClock


class Clock:
    """Seconds, moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def position(**changes: object) -> tuple[ClothPosition, Clock]:
    clock = Clock()
    values: dict[str, object] = {"step": 64, "lines": 64, "clock": clock}
    return ClothPosition(**{**values, **changes}), clock  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 32_000), min_size=1, max_size=30), st.sampled_from([1, 20_000, 65_535]))
def test_gige_numbers_that_wrap_tell_every_place(steps: list[int], start: int) -> None:
    """16-bit ids go 1 ... 65535, 1 ...: places follow them over any number of wraps."""
    numbers, place = BlockNumbers(1, 65_535), start - 1
    assert numbers.place(start) == place
    for step in steps:
        place += step
        assert numbers.place(place % 65_535 + 1) == place


def test_a_block_that_comes_late_or_twice_has_its_own_place() -> None:
    numbers = BlockNumbers(0)
    assert [numbers.place(number) for number in (0, 1, 4, 3, 4, 5)] == [0, 1, 4, 3, 4, 5]
    gige = BlockNumbers(1, 65_535)
    assert [gige.place(number) for number in (65_534, 1, 65_535, 2)] == [65_533, 65_535, 65_534, 65_536]


def test_blocks_lost_before_the_first_one_count_where_the_first_number_is_known() -> None:
    assert BlockNumbers(1).place(4) == 3
    assert BlockNumbers(None).place(4) == 0


@pytest.mark.parametrize("none", [NO_NUMBER, 0])
def test_blocks_without_a_number_follow_each_other(none: int) -> None:
    numbers = BlockNumbers(1, 65_535)
    assert [numbers.place(number) for number in (none, none, 3, none, 5)] == [0, 1, 2, 3, 4]


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**8)), min_size=1, max_size=30),
    st.integers(-(10**15), 10**15),
)
def test_capture_times_are_never_in_the_future_nor_older_than_the_delay(
    blocks: list[tuple[int, int]], apart: int
) -> None:
    """Blocks are captured at camera times that rise and arrive after a delay that varies."""
    clock, camera, quickest = HostClock(), 10**16, None
    for pause, delay in blocks:
        camera += pause
        arrived = camera + apart + delay
        quickest = delay if quickest is None else min(quickest, delay)
        captured = clock.captured_ns(camera, arrived)
        assert captured <= arrived
        drift = sum(pause for pause, _ in blocks) // 5_000 + 10**5
        assert camera + apart <= captured <= camera + apart + quickest + drift


def test_without_a_time_stamp_the_arrival_counts() -> None:
    assert HostClock().captured_ns(0, 123) == 123


def test_a_camera_that_runs_freely_takes_cloth_to_move_all_the_time() -> None:
    line, clock = position()
    assert line.reading() == EncoderReading(0, 0.0)
    line.begin(1000.0)
    clock.now += 0.1
    assert line.block(0) == 0
    assert line.reading() == EncoderReading(64, 1000.0)
    clock.now += 0.5
    assert line.reading() == EncoderReading(564, 1000.0)
    assert line.block(3) == 192  # two blocks were lost; those that come were late
    assert line.reading() == EncoderReading(564, 1000.0), "a due line never goes back"


def test_what_passes_while_a_free_camera_is_away_is_estimated_by_time() -> None:
    line, clock = position()
    line.begin(1000.0)
    assert line.block(0) == 0
    clock.now += 2.0
    assert line.reading().due_line == 2064
    line.begin(1000.0)
    assert line.block(0) == 2064
    assert line.estimated_lines == 2000


def test_overlapping_frames_step_by_their_new_lines() -> None:
    line, _ = position(step=48)
    line.begin(None)
    assert [line.block(place) for place in (0, 1, 3)] == [0, 48, 144]


def test_pulses_with_each_block_say_where_it_lies() -> None:
    line, clock = position(pulses_per_line=4)
    line.begin(None, pulses=1000)
    assert line.block(0, pulses=1002) == 0
    clock.now += 0.1
    assert line.block(1, pulses=1002 + 4 * 70) == 70  # six lines were not triggered
    line.poll(1002 + 4 * 200)
    assert line.reading().due_line == 200


def test_a_counter_that_only_blocks_tell_starts_where_the_first_block_lies() -> None:
    line, _ = position(pulses_per_line=4)
    line.begin(None)
    assert line.block(2, pulses=5000) == 128, "two blocks were lost before it"
    assert line.block(3, pulses=5000 + 4 * 64) == 192


def test_the_speed_is_that_of_the_pulses_and_goes_with_them() -> None:
    line, clock = position(pulses_per_line=4)
    line.begin(None, pulses=0)
    clock.now += 0.5
    line.poll(400)
    assert line.reading() == EncoderReading(100, 200.0)
    clock.now += 0.5
    line.poll(200)
    assert line.reading() == EncoderReading(100, -100.0), "in reverse nothing new is due"
    clock.now += 2.0
    assert line.reading() == EncoderReading(100, 0.0), "an encoder that is not asked tells no speed"


def test_a_counter_that_went_on_while_the_camera_was_away_tells_the_gap() -> None:
    line, clock = position(pulses_per_line=4)
    line.begin(None, pulses=1000)
    line.poll(1000 + 4 * 64)
    assert line.block(0, pulses=1000) == 0
    clock.now += 60.0  # for most of which the machine stood
    line.begin(None, pulses=1000 + 4 * 100)
    assert line.reading().due_line == 100
    assert line.block(0, pulses=1000 + 4 * 100) == 100
    assert line.estimated_lines == 0


def test_after_a_counter_was_reset_the_gap_is_the_last_speed_times_the_time() -> None:
    line, clock = position(pulses_per_line=4)
    line.begin(None, pulses=10_000)
    clock.now += 1.0
    line.poll(10_000 + 4 * 100)
    assert line.block(0, pulses=10_000) == 0
    clock.now += 3.0
    line.begin(None, pulses=0)
    assert line.block(0, pulses=0) == 64 + 300
    assert line.estimated_lines == 300


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(0, 32_767), st.integers(1, 7))
def test_a_counter_of_15_bits_is_followed_over_its_wraps(places: list[int], start: int, per_line: int) -> None:
    """As long as block numbers tell the place to within half the counter's range."""
    line, clock = position(pulses_per_line=per_line, pulse_count=32_768)
    line.begin(None, pulses=start)
    place = 0
    for step in places:
        place += step
        clock.now += 0.1
        pulses = (start + place * 64 * per_line) % 32_768
        assert line.block(place, pulses=pulses) == place * 64


def test_a_triggered_camera_without_a_counter_stands_when_nothing_comes() -> None:
    line, clock = position()
    line.begin(None)
    for place in range(10):
        clock.now += 0.064
        line.block(place)
    assert line.reading().lines_per_s == pytest.approx(1000, rel=0.2)
    clock.now += 5.0
    assert line.reading() == EncoderReading(640, 0.0)
    line.begin(None)
    assert line.block(0) > 640, "cloth may have passed: the last speed times the time"
    assert line.estimated_lines > 0
