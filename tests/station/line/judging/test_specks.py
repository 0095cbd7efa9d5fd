"""Specks: measured where nothing of the cloth around comes near them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.judging.specks import speck

REACH = 12


def cloth(seed: int = 0, channels: int = 0) -> NDArray[np.uint8]:
    """A weave with noise."""
    y, x = np.mgrid[:64, :96]
    grey = 100 + 25 * ((x // 2 + y // 2) % 2) + np.random.default_rng(seed).normal(0, 4, x.shape)
    pixels = grey.clip(0, 255).astype(np.uint8)
    return np.repeat(pixels[..., None], channels, axis=2) if channels else pixels


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 99),
    line=st.integers(0, 60),
    column=st.integers(0, 90),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    off=st.tuples(st.integers(-6, 6), st.integers(-6, 6)),
    channels=st.sampled_from([0, 3]),
    level=st.sampled_from([0, 255]),
)
def test_a_speck_has_the_size_it_has_in_the_picture(
    seed: int, line: int, column: int, height: int, width: int, off: tuple[int, int], channels: int, level: int
) -> None:
    pixels = cloth(seed, channels)
    pixels[line : line + height, column : column + width] = level
    place = np.clip(line + off[0], 0, 63), np.clip(column + off[1], 0, 95)
    found = speck(pixels, int(place[0]), int(place[1]), REACH)
    assert found == (line, min(line + height, 64), column, min(column + width, 96))


@pytest.mark.parametrize("level", [125, 150])
def test_what_the_cloth_around_shows_too_is_not_measured(level: int) -> None:
    pixels = cloth()
    assert speck(pixels, 30, 40, REACH) is None
    pixels[30, 40] = level
    assert speck(pixels, 30, 40, REACH) is None


def test_one_of_several_specks_is_not_measured() -> None:
    pixels = cloth()
    pixels[30, 40] = pixels[10, 80] = 255
    assert speck(pixels, 30, 40, REACH) is None


def test_the_picture_is_not_changed() -> None:
    pixels = cloth()
    pixels[30, 40] = 255
    before = pixels.copy()
    assert speck(pixels, 30, 40, REACH) == (30, 31, 40, 41)
    np.testing.assert_array_equal(pixels, before)
