"""Yarns are seen in every weave, and in nothing that is not woven."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.simulated.weave import STYLES
from station.line.scoring.yarn_ruler import YarnRuler
from station.line.scoring.yarns import LEAST_SIGMAS, over_floor, peaks_of, sigmas, spectra
from tests.rigs.greige import Greige


def sigma_of(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    power, rows = spectra(grey)
    return sigmas(over_floor(power.mean(axis=0)), rows * len(power))


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("yarn_px", [2.0, 3.3, 7.0, 12.0])
def test_yarns_of_one_grey_level_stand_out_of_a_cameras_noise(style: str, yarn_px: float) -> None:
    assert sigma_of(Greige(style, yarn_px, texture=1.0, falloff=0.5).picture(1)).max() > 2 * LEAST_SIGMAS


def noise(seed: int, sigma: float = 2.0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(120, sigma, (512, 1024)).astype(np.float32)


def unwoven(kind: str, seed: int) -> NDArray[np.uint8]:
    picture = noise(seed)
    match kind:
        case "lines":
            picture[:, 500:504] += 90
            picture[200:203] += 90
            picture[:, 700] -= 50
        case "grain":  # as of a wall or of sheet metal, at every size alike
            grains = (1, 2, 4, 8, 16)
            picture += sum(size * (cv2.GaussianBlur(noise(seed + 1), (0, 0), size) - 120) for size in grains)
        case "flicker":
            picture += 10 * np.sin(np.arange(512) / 20 * 2 * np.pi)[:, None]
        case "ramp":
            picture *= np.linspace(0.4, 1.5, 1024)
    made = np.clip(picture, 0, 255).astype(np.uint8)
    if kind == "jpeg":
        made = np.asarray(cv2.imdecode(cv2.imencode(".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], 0), np.uint8)
    return made


@pytest.mark.parametrize("kind", ["noise", "lines", "grain", "flicker", "ramp", "jpeg"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_woven_shows_no_yarns(kind: str, seed: int) -> None:
    assert sigma_of(unwoven(kind, seed)).max() < LEAST_SIGMAS


def test_peaks_are_where_the_yarns_repeat() -> None:
    y, x = np.mgrid[:256, :512]
    waves = np.sin(2 * np.pi * (5 * x / 64 + 9 * y / 64)) + np.sin(2 * np.pi * (14 * x / 64 - 6 * y / 64))
    grey = np.clip(noise(0)[:256, :512] + 3 * waves, 0, 255).astype(np.uint8)
    assert set(peaks_of(sigma_of(grey), 8)) == {(9, 5), (-6, 14)}


@pytest.mark.parametrize("lines", [40, 256])
@pytest.mark.parametrize("width", [700, 1027])
def test_the_ruler_finds_where_yarns_begin_and_end_by_the_yarns_alone(lines: int, width: int) -> None:
    y, x = np.mgrid[:lines, :width]
    grey = 120 + 6 * np.sin(2 * np.pi * (12 * x / 64 + 9 * y / 64))
    grey[:, :150] = grey[:, width - 210 :] = 120  # no step of shade
    pixels = np.clip(grey + np.random.default_rng(1).normal(0, 2, grey.shape), 0, 255)
    ruler = YarnRuler(((9, 12),), 1.0)
    learned = YarnRuler(((9, 12),), float(np.percentile(ruler.excess(pixels.astype(np.uint8)), 70)))
    left, right = learned.begins(pixels.astype(np.uint8), left=True, right=True) or (0, 0)
    assert left == pytest.approx(150, abs=10)
    assert right == pytest.approx(210, abs=10)
    assert learned.begins(np.full((lines, width), 120, np.uint8), left=True, right=True) is None
