"""The cloth: reproducible, endless, seamless, woven."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.camera import CameraError
from drivers.simulated.cloth import CHUNK_LINES, Cloth
from drivers.simulated.optics import OpticsSettings
from drivers.simulated.weave import STYLES, WEAVES

CLEAR = OpticsSettings(falloff=0, focus_px=0, noise_levels=0, lamp_drift=0, dust=0)


def make(style: str = "demo", seed: int = 1, flaws_per_m: float = 8.0, width_px: int = 320) -> Cloth:
    return Cloth(
        style, width_px=width_px, mm_per_px=0.5, seed=seed, web_px=(20, width_px - 20), flaws_per_m=flaws_per_m
    )


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return make().render(-700, 2400)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_picture_does_not_depend_on_how_it_is_asked_for(whole: np.ndarray, data: st.DataObject) -> None:
    cloth = make()
    cuts = data.draw(st.lists(st.integers(-700, 1699), min_size=2, max_size=6, unique=True).map(sorted))
    pieces = data.draw(st.permutations(list(pairwise(cuts))))
    for first, end in pieces:
        np.testing.assert_array_equal(cloth.render(first, end - first), whole[first + 700 : end + 700])


def test_far_from_the_start_it_is_cloth_still_and_reproducible() -> None:
    far = 4_000_000_000
    picture = make().render(far, 300)
    np.testing.assert_array_equal(picture, np.vstack([make().render(far + at, 100) for at in (0, 100, 200)]))
    near = make().render(0, 300)[:, 60:260]
    assert picture[:, 60:260].std() == pytest.approx(near.std(), rel=0.15)


def test_seed_chooses_the_yarn_and_a_changed_return_value_harms_nobody() -> None:
    cloth = make(seed=1)
    first = cloth.render(0, 64)
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(cloth.render(0, 64), kept)
    assert (make(seed=2).render(0, 64) != kept).mean() > 0.5


def test_no_seam_shows_where_drawn_chunks_meet() -> None:
    cloth = make(flaws_per_m=0)
    lines = 40 * CHUNK_LINES
    steps = np.abs(np.diff(cloth.render(0, lines)[:, 40:280].astype(np.float32), axis=0)).mean(1)
    # compared at the same phase of the weave: a step across a chunk border against those up to 2 repeats away
    borders = np.arange(CHUNK_LINES, lines, CHUNK_LINES) - 1
    around = np.stack([steps[borders + shift] for shift in (-40, -33, -22, -11, 11, 22, 33, 40)])
    assert steps[borders].mean() == pytest.approx(around.mean(), rel=0.15)


def test_cloth_does_not_come_round_again() -> None:
    cloth = make(flaws_per_m=0)
    start = cloth.render(0, 64).astype(np.float32)
    start -= cv2.blur(start, (9, 9))  # threads' own irregularity, not the drift of shade
    for period in (1024, 2048, 4096, 8192, 65536):
        likeness = []
        for shift in range(-20, 21):
            again = cloth.render(period + shift, 64).astype(np.float32)
            again -= cv2.blur(again, (9, 9))
            likeness.append(np.corrcoef(start[:, 30:290].ravel(), again[:, 30:290].ravel())[0, 1])
        assert max(likeness) < 0.97


@pytest.mark.parametrize("name", STYLES)
def test_every_style_repeats_with_its_weave(name: str) -> None:
    style = replace(STYLES[name], irregularity=0, streakiness=0, wander=0, hairs_per_cm2=0, skew=0, stripes=())
    style = replace(style, warp_pitch_mm=2.0, weft_pitch_mm=2.0)
    cloth = Cloth(style, width_px=400, mm_per_px=0.5, seed=0, disturbances=False, optics=CLEAR)
    picture = cloth.render(0, 400).astype(np.float32)
    picks, ends = WEAVES[style.weave].shape
    along, across = 4 * picks, 4 * ends
    assert np.abs(picture[along:] - picture[:-along]).mean() < 0.3 * picture.std()
    assert np.abs(picture[:, across:] - picture[:, :-across]).mean() < 0.3 * picture.std()
    assert picture.std() > 8


@pytest.mark.parametrize("name", STYLES)
def test_every_style_is_well_exposed_and_its_sigma_is_true(name: str) -> None:
    cloth = Cloth(name, width_px=600, mm_per_px=0.5, seed=4, web_px=(30, 570))
    good = cloth.render(5000, 1500)[:, 40:560]
    assert 80 < good.mean() < 160
    assert ((good == 0) | (good == 255)).mean() < 1e-5
    flat = good / cloth.column_gain[40:560]
    assert cloth.sigma == pytest.approx(flat.std(), rel=0.06)


def test_beside_the_web_lie_selvedge_and_bare_machine_and_the_edges_wander_slowly() -> None:
    cloth = make(flaws_per_m=0, width_px=400)
    edges = cloth.web_edges(0, 12_000)
    assert np.abs(edges - [20, 380]).max() < 6
    assert 0.3 < edges[:, 0].std() < 2
    assert np.abs(np.diff(edges, axis=0)).max() < 0.05
    picture = cloth.render(0, 2000)
    assert picture[:, :5].mean() < 60
    assert picture[:, -5:].mean() < 60
    assert picture[:, 14:17].mean() > picture[:, 60:340].mean() + 5
    still = Cloth("demo", width_px=400, mm_per_px=0.5, seed=1, web_px=(20, 380), disturbances=False)
    np.testing.assert_array_equal(still.web_edges(0, 50), np.broadcast_to([20, 380], (50, 2)))


def test_without_a_web_cloth_fills_the_picture() -> None:
    picture = Cloth("plain", width_px=200, mm_per_px=0.5, seed=1).render(0, 400)
    assert picture[:, :4].mean() > 80
    assert picture[:, -4:].mean() > 80


def test_shade_drifts_only_if_disturbed() -> None:
    def drift(disturbances: bool) -> float:
        cloth = Cloth("plain", width_px=256, mm_per_px=0.5, seed=3, disturbances=disturbances)
        return float(np.std([cloth.render(line, 88).mean() for line in range(0, 40_000, 2000)]))

    assert drift(True) > 3 * drift(False)


def test_a_seam_lies_where_it_is_sewn_and_nowhere_else() -> None:
    plain = Cloth("plain", width_px=256, mm_per_px=0.5, seed=3)
    sewn = Cloth("plain", width_px=256, mm_per_px=0.5, seed=3, seams=[700])
    [(first, end)] = sewn.seam_stretches(0, 2000)
    changed = np.flatnonzero((plain.render(0, 1500) != sewn.render(0, 1500)).any(1))
    assert first <= changed.min() <= first + 3
    assert end - 4 <= changed.max() < end
    assert first <= 700 < end
    assert sewn.seam_stretches(first - 50, first) == []
    assert sewn.flaws(0, 2000) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"style": "velvet"}, "velvet"),
        ({"width_px": 3}, "3 px is too narrow"),
        ({"mm_per_px": 0.0}, "0.0 mm per px"),
        ({"mm_per_px": float("nan")}, "nan mm per px"),
        ({"seed": -1}, "seed"),
        ({"web_px": (10, 2000)}, "do not fit"),
        ({"web_px": (90, 80)}, "do not fit"),
        ({"flaws_per_m": -1.0}, "-1.0 flaws"),
        ({"flaws_per_m": float("inf")}, "inf flaws"),
        ({"width_px": 100, "flaws_per_m": 3.0}, "too narrow for flaws"),
    ],
)
def test_impossible_settings_are_refused_in_one_sentence(change: dict[str, object], says: str) -> None:
    good: dict[str, object] = {"style": "plain", "width_px": 256, "mm_per_px": 0.5, "seed": 0}
    with pytest.raises(CameraError) as refused:
        Cloth(**{**good, **change})  # type: ignore[arg-type]
    assert says in str(refused.value)
    assert str(refused.value).endswith(".")


def test_no_lines_cannot_be_rendered() -> None:
    with pytest.raises(CameraError, match="asked for 0 lines"):
        make().render(0, 0)


@pytest.mark.parametrize(("mm_per_px", "width_px"), [(0.02, 500), (0.1, 700), (1.0, 300), (4.0, 128)])
def test_any_scale_gives_a_picture(mm_per_px: float, width_px: int) -> None:
    cloth = Cloth("twill", width_px=width_px, mm_per_px=mm_per_px, seed=1, web_px=(30, width_px - 30))
    picture = cloth.render(-50, 200)
    assert picture.shape == (200, width_px)
    assert 80 < picture[:, 40:-40].mean() < 160


@pytest.mark.slow
@pytest.mark.alone
def test_one_core_renders_cloth_fast_enough() -> None:
    cloth = Cloth("demo", width_px=2048, mm_per_px=0.5, seed=1, web_px=(24, 2024), flaws_per_m=3.0)
    cloth.render(0, 128)
    began = time.process_time()
    pixels = cloth.render(0, 8192).size
    rate = pixels / (time.process_time() - began) / 1e6
    print(f"{rate:.1f} Mpx/s")
    assert rate > 8
