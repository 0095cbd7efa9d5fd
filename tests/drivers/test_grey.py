"""A colour camera can be played in grey."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from drivers.grey import GreyCamera
from drivers.memory import MemoryCamera


@given(arrays(np.uint8, (4, 9), elements=st.integers(0, 255)))
def test_grey_stored_as_colour_is_that_grey_to_the_bit(grey: NDArray[np.uint8]) -> None:
    camera = GreyCamera(MemoryCamera(np.repeat(grey[..., None], 3, 2), block_lines=4))
    block = camera.read(0.1)
    assert block is not None
    assert camera.channels == 1
    assert np.array_equal(block.pixels, grey)


def test_colour_becomes_its_luminance_and_its_place_stays() -> None:
    cloth = np.random.default_rng(1).integers(0, 256, (8, 9, 3), np.uint8)
    camera = GreyCamera(MemoryCamera(cloth, block_lines=4))
    blocks = [camera.read(0.1) for _ in range(2)]
    assert [block.first_line for block in blocks if block is not None] == [0, 4]
    seen = np.concatenate([block.pixels for block in blocks if block is not None])
    assert np.array_equal(seen, cv2.cvtColor(cloth, cv2.COLOR_RGB2GRAY))
