"""Flat field: what goes in comes out even, and cloth stays cloth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from calibration.errors import CalibrationError, PictureError
from calibration.shading import Shading, shading_from_cloth, shading_from_references
from drivers.simulated.cloth import Cloth
from drivers.simulated.optics import OpticsSettings
from tests.rigs.shadings import neutral_shading

WIDTH = 640


def falloff(width: int = WIDTH, share: float = 0.3) -> NDArray[np.float64]:
    return 1 - share * np.linspace(-1, 1, width) ** 2


def shade(mean: float, gain: NDArray[np.float64], lines: int, seed: int = 0, offset: float = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 2, (lines, len(gain)))
    return np.clip(mean * gain + offset + noise, 0, 255).round().astype(np.uint8)


def unevenness(pixels: NDArray[np.uint8]) -> float:
    columns = pixels.mean(axis=0)
    return float(columns.std() / columns.mean())


@settings(max_examples=40, deadline=None)
@given(
    pixels=hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.just(24))),
    gain=hnp.arrays(np.float32, 24, elements=st.floats(0.25, 4, width=32)),
    offset=hnp.arrays(np.float32, 24, elements=st.floats(0, 30, width=32)),
)
def test_apply_is_what_it_says(
    pixels: NDArray[np.uint8], gain: NDArray[np.float32], offset: NDArray[np.float32]
) -> None:
    before = pixels.copy()
    expected = np.clip((pixels.astype(np.float64) - offset) * gain, 0, 255)
    corrected = Shading(gain, offset).apply(pixels)
    assert corrected.dtype == np.uint8
    assert np.abs(corrected - expected).max() <= 0.501
    assert np.array_equal(pixels, before)


@given(pixels=hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(12), st.just(3))))
def test_every_colour_is_corrected_alike(pixels: NDArray[np.uint8]) -> None:
    shading = Shading(np.linspace(0.5, 2, 12, dtype=np.float32), np.linspace(0, 9, 12, dtype=np.float32))
    colours = shading.apply(pixels)
    for channel in range(3):
        assert np.array_equal(colours[..., channel], shading.apply(np.ascontiguousarray(pixels[..., channel])))


def test_neutral_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 50), dtype=np.uint8)
    assert np.array_equal(neutral_shading(50).apply(pixels), pixels)


def test_references_flatten_light_and_dust() -> None:
    gain = falloff()
    gain[200:203] *= 0.9  # dust on the lens
    offset = 6.0
    dark, white = shade(0, gain, 64, 1, offset), shade(180, gain, 256, 2, offset)
    shading = shading_from_references(dark, white)
    fresh = shade(140, gain, 400, 3, offset)
    assert unevenness(fresh) > 0.08
    assert unevenness(shading.apply(fresh)) < 0.003
    assert shading.residual < 0.003 < 0.08 < shading.residual_before


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 0.6), level=st.floats(120, 200), offset=st.floats(0, 12), seed=st.integers(0, 99))
def test_references_leave_less_than_one_per_cent_whatever_the_falloff(
    share: float, level: float, offset: float, seed: int
) -> None:
    gain = falloff(share=share)
    shading = shading_from_references(shade(0, gain, 64, seed, offset), shade(level, gain, 256, seed + 1, offset))
    fresh = shading.apply(shade(0.8 * level, gain, 400, seed + 2, offset))
    assert unevenness(fresh) < 0.01
    assert shading.residual < 0.01


def test_dead_and_dusty_columns_are_named() -> None:
    gain = falloff()
    gain[200:203] *= 0.9  # dust
    gain[0], gain[320:322] = 0.01, 0  # dead ones
    shading = shading_from_references(shade(0, gain, 64, 1, 6), shade(180, gain, 256, 2, 6))
    found = [(fault.first_px, fault.last_px, fault.reason) for fault in shading.faults]
    assert found == [(0, 0, "dead"), (200, 202, "dusty"), (320, 321, "dead")]
    assert shading.faults[1].loss == pytest.approx(0.1, abs=0.01)
    assert str(shading.faults[0]).startswith("Column 0 is dead")
    assert str(shading.faults[1]) == "Columns 200 to 202 lose 10% of the light; wipe dust off lens and lamp."
    corrected = shading.apply(shade(140, gain, 400, 3, 6))
    assert unevenness(corrected) < 0.003
    assert np.array_equal(corrected[:, 0], corrected[:, 1])
    again = Shading.from_dict(json.loads(json.dumps(shading.to_dict())))
    assert again.faults == shading.faults
    assert np.array_equal(again.apply(corrected)[:, 320], again.apply(corrected)[:, 319])


def test_an_even_reference_names_no_column() -> None:
    assert shading_from_references(shade(0, falloff(), 64, 1), shade(180, falloff(), 256, 2)).faults == ()


def test_a_dead_column_is_named_on_cloth_but_a_dark_stripe_is_not() -> None:
    light = falloff(1200)
    light[700:720] *= 0.3  # a dark warp stripe
    light[900:902] *= 0.3  # two dark ends
    light[400] = 0
    blocks = [shade(120, light, 500, seed) for seed in range(3)]
    for block in blocks:
        block[:, :50] = 255
    (dead,) = shading_from_cloth(blocks, web_px=(50, 1200)).faults
    assert (dead.first_px, dead.last_px, dead.reason) == (400, 400, "dead")


@pytest.mark.parametrize("style", ["demo", "plain", "satin"])
def test_cloth_under_a_strong_falloff_becomes_even_within_one_per_cent(style: str) -> None:
    cloth = Cloth(style, width_px=1024, mm_per_px=0.5, seed=3, optics=OpticsSettings(falloff=0.5, dust=0))
    blocks = (cloth.render(line, 256) for line in range(0, 2048, 256))
    shading = shading_from_cloth(blocks, mm_per_line=0.5)
    assert shading.residual < 0.01 < 0.1 < shading.residual_before
    left = shading.gain * cloth.column_gain
    assert left.std() / left.mean() < 0.01


def test_a_metre_of_cloth_is_wanted() -> None:
    blocks = [shade(100, falloff(), 500)] * 3
    shading_from_cloth(blocks, mm_per_line=0.7)
    with pytest.raises(PictureError, match=r"Only 1500 lines .* at least 2000 lines"):
        shading_from_cloth(blocks, mm_per_line=0.5)


def test_cloth_flattens_light_but_keeps_yarns_and_stripes() -> None:
    light, x = falloff(2000), np.arange(2000)
    yarns = 1 + 0.1 * np.sin(2 * np.pi * x / 7) + 0.2 * (x // 20 % 2)  # warp yarns and warp stripes
    shading = shading_from_cloth(shade(100, light * yarns, 256, seed) for seed in range(6))
    even = shading.gain * light
    assert np.abs(even / even.mean() - 1).max() < 0.02
    corrected = shading.apply(shade(100, light * yarns, 256, 99)).mean(axis=0)
    assert np.abs(corrected / corrected.mean() - yarns / yarns.mean()).max() < 0.03
    assert shading.residual < 0.01 < 0.08 < shading.residual_before


def test_lamp_drift_and_flaws_do_not_disturb_the_cloth() -> None:
    light = falloff()
    blocks = [shade(100 + 8 * seed, light, 250, seed) for seed in range(8)]
    for block in blocks[2:4]:
        block[:, 100:200] = 10  # a crease or hole on a quarter of the lines
    shading = shading_from_cloth(blocks)
    assert np.abs(shading.gain * light / (shading.gain * light).mean() - 1).max() < 0.01


def test_beside_the_web_the_correction_goes_on_as_at_the_edge() -> None:
    light = falloff()
    blocks = [shade(120, light, 500, seed) for seed in range(3)]
    for block in blocks:
        block[:, :90], block[:, 600:] = 255, 0
    shading = shading_from_cloth(blocks, web_px=(90, 600))
    assert (shading.gain[:90] == shading.gain[90]).all()
    assert (shading.gain[600:] == shading.gain[599]).all()
    inside = shading.gain[90:600] * light[90:600]
    assert np.abs(inside / inside.mean() - 1).max() < 0.01


def test_simulated_cloth_becomes_even() -> None:
    cloth = Cloth("demo", width_px=1024, mm_per_px=0.5, seed=3)
    shading = shading_from_cloth(cloth.render(line, 256) for line in range(0, 2048, 256))
    true = shading.gain * cloth.column_gain
    slow = np.convolve(true / true.mean(), np.ones(64) / 64, mode="valid")
    assert np.abs(slow - 1).max() < 0.02
    assert shading.residual < 0.01


def test_the_record_gives_back_the_same_shading() -> None:
    shading = shading_from_references(shade(0, falloff(), 32, 1, 5), shade(150, falloff(), 32, 2, 5))
    again = Shading.from_dict(json.loads(json.dumps(shading.to_dict())))
    pixels = shade(120, falloff(), 40, 3, 5)
    assert np.abs(again.gain - shading.gain).max() < 1e-5
    assert np.abs(again.apply(pixels).astype(int) - shading.apply(pixels)).max() <= 1
    assert (again.residual, again.faults) == (shading.residual, shading.faults)
    assert np.isnan(Shading.from_dict(neutral_shading(4).to_dict()).residual)


GOOD = {"gain": [1.0, 1.0], "offset": [0.0, 0.0]}
DEAD = {"first_px": 0, "last_px": 0, "reason": "dead", "loss": 1.0}


@pytest.mark.parametrize(
    "result",
    [
        {},
        [],
        None,
        {"gain": [1.0], "offset": "x"},
        {"gain": [1.0], "offset": [1.0, 2.0]},
        {"gain": [10**400], "offset": [0]},
        GOOD | {"faults": "dust"},
        GOOD | {"faults": [DEAD | {"last_px": 2}]},
        GOOD | {"faults": [DEAD | {"last_px": 1}]},
        GOOD | {"faults": [DEAD | {"first_px": -1}]},
        GOOD | {"faults": [DEAD | {"reason": "tired"}]},
    ],
)
def test_a_damaged_record_is_refused(result: object) -> None:
    with pytest.raises(CalibrationError, match="calibrate anew"):
        Shading.from_dict(result)  # type: ignore[arg-type]


@pytest.mark.parametrize("gain", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_gains_are_refused(gain: float) -> None:
    with pytest.raises(CalibrationError, match="finite and positive"):
        Shading(np.array([1, gain], np.float32), np.zeros(2, np.float32))


@pytest.mark.parametrize("pixels", [np.zeros((4, 9), np.uint8), np.zeros((4, 10), np.uint16), np.zeros(10, np.uint8)])
def test_another_picture_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(PictureError, match="calibrate the shading for this camera"):
        neutral_shading(10).apply(pixels)


@pytest.mark.parametrize(
    ("dark", "white", "says"),
    [
        (shade(0, falloff(), 20), shade(100, falloff(600), 20), "same camera"),
        (shade(0, falloff(), 8), shade(100, falloff(), 20), "at least 16 lines"),
        (shade(0, falloff(), 20), shade(400, falloff(), 20), "over-exposed"),
        (shade(0, falloff(), 20), shade(0, falloff(), 20), "almost black"),
        (shade(0, falloff(), 20), shade(100, falloff(share=0.95), 20), "too dark to correct"),
    ],
    ids=["width", "lines", "bright", "black", "corner"],
)
def test_unusable_references_are_refused(dark: NDArray[np.uint8], white: NDArray[np.uint8], says: str) -> None:
    with pytest.raises(PictureError, match=says):
        shading_from_references(dark, white)


def test_unusable_cloth_is_refused() -> None:
    good = shade(100, falloff(), 500)
    with pytest.raises(PictureError, match="Only 500 lines"):
        shading_from_cloth([good])
    with pytest.raises(PictureError, match="Only 0 lines"):
        shading_from_cloth([])
    with pytest.raises(PictureError, match="one camera only"):
        shading_from_cloth([good, shade(100, falloff(600), 500)])
    with pytest.raises(PictureError, match="does not fit"):
        shading_from_cloth([good, good], web_px=(100, 900))
    with pytest.raises(PictureError, match="almost black"):
        shading_from_cloth([np.zeros_like(good)] * 3)
    with pytest.raises(PictureError, match="over-exposed"):
        shading_from_cloth([np.full_like(good, 255)] * 3)
