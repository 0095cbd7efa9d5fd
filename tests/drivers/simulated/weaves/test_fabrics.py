"""Large patterns repeat over hundreds of pixels, and all the fabrics added are as exact as the weaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import FlawKind
from drivers.simulated.optics import OpticsSettings
from drivers.simulated.weave import STYLES
from drivers.simulated.weaves.fabrics import EVERY, OUTSIDE, PATTERNED
from tests.drivers.simulated.test_flaws_truth import check

CLEAR = OpticsSettings(falloff=0, focus_px=0, noise_levels=0, lamp_drift=0, dust=0)
ADDED = [*PATTERNED, *OUTSIDE]


def test_every_fabric_has_one_name_and_those_outside_alone_are_not_woven() -> None:
    assert len(EVERY) == len(STYLES) + len(PATTERNED) + len(OUTSIDE)
    assert {name for name, style in EVERY.items() if not style.is_woven} == set(OUTSIDE)


@pytest.mark.parametrize("name", ADDED)
def test_a_picture_does_not_depend_on_how_it_is_asked_for(name: str) -> None:
    cloth = Cloth(name, width_px=200, mm_per_px=0.5, seed=3, web_px=(20, 180))
    whole = cloth.render(-300, 900)
    again = Cloth(name, width_px=200, mm_per_px=0.5, seed=3, web_px=(20, 180))
    for first, end in ((250, 600), (-300, -17), (-17, 250)):
        np.testing.assert_array_equal(again.render(first, end - first), whole[first + 300 : end + 300])
    assert (Cloth(name, width_px=200, mm_per_px=0.5, seed=4, web_px=(20, 180)).render(0, 64) != whole[300:364]).any()


@pytest.mark.parametrize("name", PATTERNED)
def test_a_pattern_repeats_where_it_says_and_not_before(name: str) -> None:
    style = replace(EVERY[name], irregularity=0, streakiness=0, wander=0, hairs_per_cm2=0, skew=0)
    cloth = Cloth(style, width_px=1500, mm_per_px=1.0, seed=0, disturbances=False, optics=CLEAR)
    along, across = map(round, cloth.repeat_px)
    picture = cloth.render(0, 2 * along).astype(np.float32)

    def apart(lines: int, columns: int) -> float:
        rest = picture[lines:, columns:] - picture[: len(picture) - lines, : picture.shape[1] - columns]
        return float(rest.std() / picture.std())

    assert apart(along, 0) < 0.6 * apart(along // 2, 0)
    assert apart(0, across) < 0.6 * apart(0, across // 2)


def test_all_rolls_of_a_fabric_show_the_same_design() -> None:
    for style in PATTERNED.values():
        if style.design is not None:
            np.testing.assert_array_equal(style.design.figure(), replace(style.design).figure())
            share = style.design.figure().mean()
            assert 0.1 < share < 0.5


@pytest.mark.parametrize("name", ADDED)
def test_every_fabric_is_well_exposed_and_its_sigma_is_true(name: str) -> None:
    cloth = Cloth(name, width_px=700, mm_per_px=0.5, seed=4, web_px=(30, 670))
    good = cloth.render(5000, 1400)[:, 40:660]
    assert 80 < good.mean() < 160
    assert ((good == 0) | (good == 255)).mean() < 1e-5
    assert cloth.sigma == pytest.approx((good / cloth.column_gain[40:660]).std(), rel=0.08)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("check", FlawKind.BAR),
        ("print", FlawKind.KNOT),
        ("jacquard", FlawKind.MISSING_PICK),
        ("jersey", FlawKind.FLOAT),
        ("fleece", FlawKind.HOLE),
    ],
)
def test_box_and_contrast_of_flaws_are_true_on_every_fabric(name: str, kind: FlawKind) -> None:
    assert check(name, kind, 2000) >= 2
