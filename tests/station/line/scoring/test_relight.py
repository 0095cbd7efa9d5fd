"""Cloth is given the light of the teaching: slow change goes, what is on the cloth stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.scoring.relight import Relighting
from station.recipe.cloth import TaughtCloth

WIDTH, PARTS = 320, 16


def cloth(lines: int, light: NDArray[np.float64], seed: int = 0) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    return np.clip(np.rint(light * (1 + 0.05 * random.standard_normal((lines, WIDTH)))), 0, 255).astype(np.uint8)


def taught(greys: NDArray[np.float64], width_px: int = WIDTH) -> TaughtCloth:
    return TaughtCloth(
        width_px=width_px, channels=1, mean_grey=float(np.nanmean(greys)), grey_spread=3.0, web_left_px=0,
        greys_across=tuple(None if np.isnan(grey) else float(grey) for grey in greys), web_right_px=width_px,
    )  # fmt: skip


def parts_of(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return light.reshape(PARTS, -1).mean(1)


FLAT = np.full(WIDTH, 110.0)
AT = np.linspace(-1, 1, WIDTH)


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(0.7, 1.3))
def test_another_fall_off_of_the_light_is_as_in_teaching_afterwards(slope: float, bend: float, lamp: float) -> None:
    light = FLAT * lamp * (1 + slope * AT + bend * AT**2)
    relit = Relighting(taught(parts_of(FLAT)), WIDTH).relit(cloth(256, light), 0, WIDTH)
    np.testing.assert_allclose(parts_of(relit.mean(0)), 110.0, atol=4.0)


def test_in_the_light_of_the_teaching_no_pixel_changes() -> None:
    pixels = cloth(256, FLAT)
    assert Relighting(taught(parts_of(FLAT)), WIDTH).relit(pixels, 0, WIDTH) is pixels


def test_a_stain_stays_as_dark_against_what_lies_around_it() -> None:
    light = FLAT * (1.2 + 0.2 * AT)
    stained = cloth(256, light).astype(np.float64)
    stained[80:180, 140:200] *= 0.85
    relit = Relighting(taught(parts_of(FLAT)), WIDTH).relit(stained.astype(np.uint8), 0, WIDTH).astype(float)
    stain, around = relit[80:180, 140:200].mean(), relit[[*range(60), *range(200, 256)], 140:200].mean()
    assert stain / around == pytest.approx(0.85, abs=0.02)


def test_only_what_is_cloth_now_and_then_says_how_light_it_is() -> None:
    known = parts_of(FLAT)
    known[:4] = np.nan
    pixels = cloth(128, FLAT * 1.3)
    pixels[:, 260:] = 255
    relit = Relighting(taught(known), WIDTH).relit(pixels, 0, 260)
    assert relit[:, 90:250].mean() == pytest.approx(110, abs=2)


def test_lines_without_cloth_spoil_nothing_and_other_cloth_begins_anew() -> None:
    light = Relighting(taught(parts_of(FLAT)), WIDTH)
    dark = np.zeros((64, WIDTH), np.uint8)
    assert light.relit(dark, 0, 0) is dark
    assert light.relit(cloth(256, FLAT * 1.3), 0, WIDTH).mean() == pytest.approx(110, abs=2)
    light.end_run()
    assert light.relit(cloth(64, FLAT * 0.8), 0, WIDTH).mean() == pytest.approx(110, abs=2)


def test_without_what_the_teaching_saw_cloth_stays_as_it_is() -> None:
    pixels = cloth(32, FLAT * 2)
    assert Relighting(None, WIDTH).relit(pixels, 0, WIDTH) is pixels


def test_colours_keep_their_ratio() -> None:
    pixels = np.stack([cloth(64, FLAT * 1.2), cloth(64, FLAT * 0.9), cloth(64, FLAT)], -1)
    relit = Relighting(taught(parts_of(FLAT * 0.8)), WIDTH).relit(pixels, 0, WIDTH).astype(float)
    np.testing.assert_allclose(relit.mean((0, 1)) / relit.mean(), pixels.mean((0, 1)) / pixels.mean(), atol=0.01)
