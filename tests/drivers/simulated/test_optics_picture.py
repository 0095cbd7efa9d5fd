"""Lens, lamp and sensor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from drivers.simulated.optics import HALO_LINES, Optics, OpticsSettings

WIDTH = 512


def expose(settings: OpticsSettings, level: float = 120.0, first_line: int = 0, lines: int = 200) -> np.ndarray:
    grey = np.full((lines + 2 * HALO_LINES, WIDTH), level, np.float32)
    return Optics(settings, WIDTH, 0.5, 3).expose(grey, first_line)


QUIET = OpticsSettings(falloff=0, focus_px=0, noise_levels=0, lamp_drift=0, dust=0)


def test_perfect_optics_show_the_cloth_as_it_is() -> None:
    assert (expose(QUIET) == 120).all()


def test_noise_has_its_strength_and_belongs_to_the_line() -> None:
    settings = OpticsSettings(falloff=0, focus_px=0, noise_levels=3.0, lamp_drift=0, dust=0)
    noise = expose(settings).astype(np.float64) - 120
    assert noise.std() == pytest.approx(3.0, rel=0.03)
    assert abs(noise.mean()) < 0.1
    neighbours = np.array([np.corrcoef(one, other)[0, 1] for one, other in pairwise(noise)])
    assert np.abs(neighbours).mean() < 0.1
    np.testing.assert_array_equal(expose(settings), expose(settings))
    assert (expose(settings) != expose(settings, first_line=128)).mean() > 0.5


def test_light_falls_off_towards_the_sides() -> None:
    picture = expose(OpticsSettings(falloff=0.2, focus_px=0, noise_levels=0, lamp_drift=0, dust=0))
    assert picture[:, WIDTH // 2].mean() == 120
    assert picture[:, [0, -1]].mean() == pytest.approx(96, abs=1)


def test_dust_is_a_faint_line_that_stays_in_its_columns_and_in_the_gain() -> None:
    settings = OpticsSettings(falloff=0, focus_px=0, noise_levels=0, lamp_drift=0, dust=1, dust_loss=0.1)
    optics = Optics(settings, WIDTH, 0.5, 3)
    picture = expose(settings)
    dark = np.flatnonzero(picture[0] < 117)
    assert 1 <= len(dark) <= 6
    assert (picture == picture[0]).all()
    np.testing.assert_allclose(picture[0] / 120, optics.column_gain, atol=0.01)
    np.testing.assert_array_equal(Optics(settings, WIDTH, 0.5, 99).column_gain, optics.column_gain)


def test_the_lamp_drifts_slowly() -> None:
    settings = OpticsSettings(falloff=0, focus_px=0, noise_levels=0, lamp_drift=0.05, lamp_drift_mm=100, dust=0)
    level = expose(settings, lines=4000).mean(1)
    assert 2 < level.std() < 12
    assert np.abs(np.diff(level)).max() <= 1


def test_a_poor_focus_softens() -> None:
    checks = np.indices((200 + 2 * HALO_LINES, WIDTH)).sum(0) % 2 * np.float32(100) + np.float32(50)
    sharp = Optics(QUIET, WIDTH, 0.5, 3).expose(checks, 0).std()
    soft_settings = OpticsSettings(falloff=0, focus_px=1.0, noise_levels=0, lamp_drift=0, dust=0)
    soft = Optics(soft_settings, WIDTH, 0.5, 3).expose(checks, 0).std()
    assert soft < 0.1 * sharp
