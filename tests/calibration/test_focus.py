"""The setting-up aids: highest in focus, honest about exposure."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.errors import PictureError
from calibration.focus import exposure_figure, focus_figure
from drivers.simulated.cloth import Cloth


@pytest.fixture(scope="module")
def cloth() -> NDArray[np.uint8]:
    return Cloth("demo", width_px=512, mm_per_px=0.5, seed=1).render(0, 512)


def noisy(picture: NDArray[np.float64], seed: int = 0) -> NDArray[np.uint8]:
    grain = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


def test_the_figure_falls_as_the_picture_blurs(cloth: NDArray[np.uint8]) -> None:
    blurs = [0.5, 0.8, 1.2, 2.0, 4.0, 8.0]
    figures = [focus_figure(noisy(cv2.GaussianBlur(cloth.astype(np.float64), (0, 0), blur))) for blur in blurs]
    assert figures == sorted(figures, reverse=True)
    assert 100 >= figures[0] > 2 * figures[-1] > 0


@settings(max_examples=20, deadline=None)
@given(light=st.floats(0.4, 1.6))
def test_more_light_is_not_more_focus(light: float) -> None:
    x = np.arange(256)
    picture = np.tile(100 + 30 * np.sin(x / 3), (64, 1))
    plain, lit = np.rint(picture).astype(np.uint8), np.rint(picture * light).astype(np.uint8)
    assert focus_figure(lit) == pytest.approx(focus_figure(plain), rel=0.02)


def test_colour_is_as_good_as_grey(cloth: NDArray[np.uint8]) -> None:
    colour = np.repeat(cloth[:, :, None], 3, axis=2)
    assert focus_figure(colour) == focus_figure(cloth)
    assert exposure_figure(colour) == exposure_figure(cloth)


def test_a_flat_picture_has_no_sharpness_and_a_harsh_one_ends_at_100() -> None:
    assert focus_figure(np.full((50, 50), 120, np.uint8)) == 0
    harsh = np.zeros((50, 50), np.uint8)
    harsh[:, ::4] = harsh[:, 1::4] = 255
    assert 40 < focus_figure(harsh) <= 100


def test_in_the_dark_there_is_no_focus() -> None:
    with pytest.raises(PictureError, match="switch the lamp on"):
        focus_figure(np.full((50, 50), 3, np.uint8))


def test_well_exposed_cloth_is_left_alone(cloth: NDArray[np.uint8]) -> None:
    exposure = exposure_figure(cloth)
    assert exposure.good
    assert exposure.advice == "The exposure is good."
    assert exposure.median_level == np.median(cloth)


@pytest.mark.parametrize(
    ("light", "says"), [(2.2, "saturated: expose shorter"), (1.6, "too light"), (0.4, "too dark: expose longer")]
)
def test_what_is_wrong_with_the_light_is_said(light: float, says: str) -> None:
    exposure = exposure_figure(noisy(np.tile(120 * light * (1 + 0.1 * np.sin(np.arange(200))), (50, 1))))
    assert not exposure.good
    assert says in exposure.advice


def test_shares_count_pixels() -> None:
    picture = np.full((100, 100), 120, np.uint8)
    picture[:, :3], picture[:, 3:8] = 255, 0
    exposure = exposure_figure(picture)
    assert (exposure.saturated_share, exposure.black_share) == (0.03, 0.05)
    picture[:, :3] = 120
    assert "black" in exposure_figure(picture).advice


@pytest.mark.parametrize("picture", [np.zeros((0, 5), np.uint8), np.zeros((5, 5), np.uint16), np.zeros(9, np.uint8)])
def test_what_is_no_picture_is_refused(picture: NDArray[np.uint8]) -> None:
    for figure in (focus_figure, exposure_figure):
        with pytest.raises(PictureError, match="give uint8"):
            figure(picture)
