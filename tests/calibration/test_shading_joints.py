"""Flat field of several cameras side by side: each has a light of its own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.shading import shading_from_cloth

WIDTH, CUT = 1200, 500
COLUMNS = np.arange(WIDTH)
YARNS = 1 + 0.1 * np.sin(2 * np.pi * COLUMNS / 7)
LIGHT = np.where(
    COLUMNS < CUT, 1 - 0.2 * (COLUMNS / CUT - 0.5) ** 2, 0.8 - 0.3 * ((COLUMNS - CUT) / (WIDTH - CUT) - 0.5) ** 2
)


def cloth(seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 2, (256, WIDTH))
    return np.clip(120 * YARNS * LIGHT + noise, 0, 255).round().astype(np.uint8)


def step(web_px: tuple[int, int] | None, joints_px: tuple[int, ...]) -> float:
    """Step of light that a shading from cloth leaves at the joint, as a share."""
    shading = shading_from_cloth((cloth(seed) for seed in range(6)), web_px=web_px, joints_px=joints_px)
    even = shading.gain * LIGHT
    return float(abs(even[CUT : CUT + 14].mean() / even[CUT - 14 : CUT].mean() - 1))


def test_a_step_of_light_at_a_joint_is_evened() -> None:
    assert step(None, ()) > 0.05
    assert step(None, (CUT,)) < 0.01
    assert step((40, 1170), (CUT,)) < 0.01


def test_all_of_both_pictures_becomes_even() -> None:
    shading = shading_from_cloth((cloth(seed) for seed in range(6)), joints_px=(CUT,))
    even = shading.gain * LIGHT
    assert np.abs(even / even.mean() - 1).max() < 0.02
    assert shading.residual < 0.01 < 0.05 < shading.residual_before


@pytest.mark.parametrize("joint", [-5, 0, 63, 99, WIDTH - 50, WIDTH, 2 * WIDTH])
def test_a_joint_beside_the_web_or_at_its_edge_changes_nothing(joint: int) -> None:
    blocks = [cloth(seed) for seed in range(6)]
    with_it = shading_from_cloth(blocks, web_px=(40, WIDTH), joints_px=(joint,))
    assert np.array_equal(with_it.gain, shading_from_cloth(blocks, web_px=(40, WIDTH)).gain)
