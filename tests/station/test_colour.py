"""Grey and colour recipes are told apart and never mixed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from station.colour import seen_as_taught, shows_colour
from station.contract import StationError
from station.recipe import Recipe
from station.recipe.cloth import TaughtCloth

GREY = np.random.default_rng(0).integers(60, 190, (300, 64), np.uint8)
RGB = np.stack([GREY, 255 - GREY, GREY], 2)


def recipe(channels: int) -> Recipe:
    """Return a recipe that was taught with pictures of so many channels."""
    cloth = TaughtCloth(
        width_px=64, channels=channels, mean_grey=120, grey_spread=5, web_left_px=0, web_right_px=64
    )  # fmt: skip
    return Recipe(fabric="check", model_sha256="0" * 64, encoder="light", threshold=1.0, cloth=cloth)


def test_cloth_taught_in_colour_is_not_judged_by_a_grey_camera() -> None:
    with pytest.raises(StationError, match=r"check, version 1, was taught in colour, but camera memory is grey"):
        seen_as_taught(MemoryCamera(GREY), recipe(3))


def test_cloth_taught_in_grey_is_judged_by_a_colour_cameras_luminance_and_that_is_told() -> None:
    camera, told = seen_as_taught(MemoryCamera(RGB), recipe(1))
    block = camera.read(0.1)
    assert block is not None
    assert block.pixels.shape == (256, 64)
    assert "taught in grey: only the lightness" in told


@pytest.mark.parametrize(("cloth", "channels"), [(GREY, 1), (RGB, 3)])
def test_a_camera_of_the_teachings_kind_stays_as_it_is(cloth: NDArray[np.uint8], channels: int) -> None:
    camera = MemoryCamera(cloth)
    assert seen_as_taught(camera, recipe(channels)) == (camera, "")


def test_a_recipe_that_does_not_say_takes_any_camera() -> None:
    camera = MemoryCamera(RGB)
    assert seen_as_taught(camera, recipe(1).model_copy(update={"cloth": None})) == (camera, "")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_grey_scan_stored_as_colour_shows_none(tmp_path: Path, suffix: str) -> None:
    scan, check = tmp_path / f"scan.{suffix}", tmp_path / f"check.{suffix}"
    cv2.imwrite(str(scan), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR))
    cv2.imwrite(str(check), RGB)
    assert not shows_colour([scan] * 3)
    assert shows_colour([scan, check, scan])
