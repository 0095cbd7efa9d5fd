"""Dyed cloth has the colours of its yarns, and flaws that only a colour camera can see."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import CameraError
from drivers.simulated.colour.cloth import dyed_cloth
from drivers.simulated.colour.layouts import LAYOUTS
from drivers.simulated.colour.spots import SpotPlan

SCALE, WIDTH = 0.5, 256
SPOTS = SpotPlan(3, 1.0, 8.0, (6.0, 8.0), SCALE, (0, WIDTH))


def lab(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a picture in CIELAB."""
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)


@pytest.mark.parametrize("name", LAYOUTS)
def test_lines_look_the_same_however_they_are_asked_for(name: str) -> None:
    cloth = dyed_cloth(name, width_px=WIDTH, mm_per_px=SCALE, seed=1, spots=SPOTS)
    whole = cloth.render(1000, 200)
    assert np.array_equal(whole[70:130], cloth.render(1070, 60))


def test_a_spot_changes_colour_by_what_it_says_and_lightness_by_nothing() -> None:
    clean, spotted = (
        dyed_cloth("dyed twill", width_px=WIDTH, mm_per_px=SCALE, seed=1, spots=spots) for spots in (None, SPOTS)
    )
    change = lab(spotted.render(0, 200)) - lab(clean.render(0, 200))
    spots = [spot for spot in spotted.spots(0, 200) if spot.box[0] > 0 and spot.box[1] < 200]
    assert spots
    for spot in spots:
        first, end, left, right = spot.box
        inside = change[first + 4 : end - 4, left + 4 : right - 4].reshape(-1, 3).mean(0)
        assert np.allclose(inside, [0, spot.delta_a, spot.delta_b], atol=1.0)


def test_another_light_multiplies_the_colours() -> None:
    usual, warm = (
        dyed_cloth("chambray", width_px=WIDTH, mm_per_px=SCALE, seed=1, light=light).render(0, 100).mean((0, 1))
        for light in (None, lambda _line: (1.05, 1.0, 0.95))
    )
    assert np.allclose(warm / usual, [1.05, 1.0, 0.95], atol=0.005)


def test_a_check_repeats_in_both_directions_by_its_yarns() -> None:
    picture = lab(dyed_cloth("gingham", width_px=WIDTH, mm_per_px=SCALE, seed=1).render(0, 240))[..., 1]
    repeat = round(12 * 2.0 / SCALE)  # threads of 2 mm
    for axis in (0, 1):
        profile = picture.mean(axis)
        assert np.corrcoef(profile[:-repeat], profile[repeat:])[0, 1] > 0.9


def test_an_unknown_dyed_cloth_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(CameraError, match="gingham"):
        dyed_cloth("plaid", width_px=WIDTH, mm_per_px=SCALE, seed=1)
