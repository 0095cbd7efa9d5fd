"""An encoder that is a wrapping counter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import CameraError
from drivers.machine.counter import STALE_S, CounterEncoder, EncodedCamera
from drivers.memory import MemoryCamera


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(
    bits=st.sampled_from([16, 32]),
    begin=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(-30_000, 30_000), max_size=40),
    down=st.booleans(),
)
def test_the_position_is_the_sum_of_the_steps_whatever_the_wraps(
    bits: int, begin: int, steps: list[int], down: bool
) -> None:
    clock = Clock()
    encoder = CounterEncoder(-4.0 if down else 4.0, bits, clock=clock)
    pulses, highest = 0, 0
    encoder.feed(begin % 2**bits)
    for step in steps:
        clock.now += 0.5
        pulses += step
        highest = max(highest, pulses)
        encoder.feed((begin + (-pulses if down else pulses)) % 2**bits)
    assert encoder.reading().due_line == highest // 4


def test_speed_is_that_of_the_last_half_second_and_none_when_the_counter_is_silent() -> None:
    clock = Clock()
    encoder = CounterEncoder(2.0, clock=clock)
    for count in range(0, 2000, 20):
        encoder.feed(count)
        clock.now += 0.01
    assert encoder.reading().lines_per_s == pytest.approx(1000)
    for count in range(1980, 980, -20):
        encoder.feed(count)
        clock.now += 0.01
    assert encoder.reading().lines_per_s == pytest.approx(-1000, rel=0.05)
    assert encoder.reading().due_line == 990
    clock.now += STALE_S + 0.1
    assert encoder.reading().lines_per_s == 0


def test_a_plc_that_lost_its_count_does_not_move_the_cloth() -> None:
    clock = Clock()
    encoder = CounterEncoder(1.0, 32, clock=clock)
    for count in (3_000_000, 3_000_100, 50, 150):
        encoder.feed(count)
        clock.now += 0.05
    assert encoder.reading().due_line == 200


@given(silence_s=st.floats(0.2, 300), down=st.booleans())
def test_a_counter_that_wrapped_during_a_silence_went_on_as_it_had(silence_s: float, down: bool) -> None:
    clock, pulses_per_s = Clock(), 1000
    encoder = CounterEncoder(-1.0 if down else 1.0, 16, clock=clock)

    def feed() -> int:
        pulses = round((clock.now - 100.0) * pulses_per_s)
        encoder.feed((-pulses if down else pulses) % 2**16)
        return pulses

    for _ in range(20):
        feed()
        clock.now += 0.05
    clock.now += silence_s
    pulses = feed()
    assert encoder.reading().due_line == pulses


def test_a_machine_that_stood_has_not_moved_in_a_silence() -> None:
    clock = Clock()
    encoder = CounterEncoder(1.0, 16, clock=clock)
    for _ in range(20):
        encoder.feed(777)
        clock.now += 0.05
    clock.now += 500.0
    encoder.feed(800)
    assert encoder.reading().due_line == 23


def test_an_encoder_needs_pulses() -> None:
    with pytest.raises(ValueError, match="pulses per line"):
        CounterEncoder(0.0)


def test_the_counter_speaks_for_a_camera_in_the_cameras_own_lines() -> None:
    clock = Clock()
    counter = CounterEncoder(1.0, clock=clock)
    counter.feed(65_500)
    camera = EncodedCamera(MemoryCamera(np.zeros((64, 300), np.uint8), block_lines=64), counter)
    with pytest.raises(CameraError, match="not been started"):
        camera.encoder()
    counter.feed(65_530)
    camera.start()
    assert camera.encoder().due_line == 0
    clock.now += 0.1
    counter.feed(14)
    assert camera.encoder().due_line == 20
    assert camera.encoder().lines_per_s == pytest.approx(500, rel=0.01)
    block = camera.read(0.1)
    assert block is not None
    assert block.lines == 64
    camera.stop()
    camera.start()
    assert camera.encoder().due_line == 20, "a restart of the camera moves no cloth"
