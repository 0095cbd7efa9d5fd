"""Frames are straightened for the line, and lines held against the encoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.lens import Lens
from drivers.camera import Camera, EncoderReading, LineBlock
from drivers.memory import MemoryCamera
from station.calibration.camera import CalibratedCamera, EncoderWatch

LENS = Lens(320, 256, (300.0, 300.0), (160.0, 128.0), (-0.3, 0.05, 0.0, 0.0), 0.1, 8)


class RatioCamera(MemoryCamera):
    """An encoder that tells of more or fewer lines than the camera numbers."""

    ratio = 1.0

    def encoder(self) -> EncoderReading:
        reading = super().encoder()
        return EncoderReading(round(reading.due_line * self.ratio), reading.lines_per_s)


def cloth() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (1024, 320), np.uint8)


def blocks(camera: Camera, count: int) -> Iterator[LineBlock]:
    camera.start()
    for _ in range(count):
        block = camera.read(1.0)
        assert block is not None
        yield block
    camera.stop()


def test_frames_come_straightened_and_all_else_as_it_was() -> None:
    plain = list(blocks(MemoryCamera(cloth()), 3))
    straight = list(blocks(CalibratedCamera(MemoryCamera(cloth()), LENS), 3))
    for before, after in zip(plain, straight, strict=True):
        assert (after.first_line, after.lines) == (before.first_line, before.lines)
        assert np.array_equal(after.pixels, LENS.undistort(before.pixels))
        assert not np.array_equal(after.pixels, before.pixels)


def test_blocks_that_are_no_such_frames_are_left_alone_and_told() -> None:
    camera = CalibratedCamera(MemoryCamera(cloth(), block_lines=128), LENS)
    (block,) = blocks(camera, 1)
    assert np.array_equal(block.pixels, cloth()[:128])
    assert "256 lines" in (camera.take_warning() or "")
    assert camera.take_warning() is None


@pytest.mark.parametrize(("ratio", "told"), [(1.0, False), (1.004, False), (1.02, True), (0.97, True)])
def test_lines_that_run_apart_from_the_encoder_are_told(ratio: float, told: bool) -> None:
    inner = RatioCamera(cloth(), block_lines=64)
    inner.ratio = ratio
    camera = CalibratedCamera(inner)
    warnings = []
    for _ in blocks(camera, 1000):
        warnings.append(camera.take_warning())
    assert any(warnings) == told
    if told:
        assert "lengths along" in next(filter(None, warnings))


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from([16, 64, 250]))
def test_blocks_that_arrive_late_or_again_are_no_fault(seed: int, block_lines: int) -> None:
    """Up to two blocks behind the encoder, long hitches, cloth that goes back and comes again."""
    rng = np.random.default_rng(seed)
    watch, due_line = EncoderWatch(), 0
    for _ in range(3000):
        due_line += block_lines
        late = int(rng.integers(0, 2 * block_lines)) + (rng.random() < 0.02) * int(rng.integers(0, 100 * block_lines))
        assert watch.see(due_line - late, due_line, block_lines) is None


def test_an_encoder_that_stands_while_lines_come_is_told() -> None:
    watch = EncoderWatch()
    said = [watch.see(64 * number, 0, 64) for number in range(2000)]
    assert "did not move" in next(filter(None, said))
