"""What was learned of the cloth as a whole is said in figures, and what was left off with the reason."""

from __future__ import annotations

import re

import numpy as np
import pytest

from station.recipe import Recipe
from station.recipe.cloth_look import ClothLook, look_of
from station.recipe.differing import differing_told
from station.recipe.score_levels import PARTS, ScoreLevels
from tests.rigs.records import make_recipe
from tests.station.recipe.test_cloth_look import features, woven

LEVELS = ScoreLevels(parts=(0.5,) * PARTS, spread=0.12)
SAID_OF_A_WEAVE = re.compile(
    r"grey (\d+) ± [\d.]+, contrast ([\d.]+) ± [\d.]+ levels, weave repeats every ([\d.]+) px across and ([\d.]+) px "
    r"along"
)


def woven_look(warp: float, weft: float, grey: float = 120.0) -> ClothLook:
    made = look_of([features(woven(seed, warp, weft, grey)) for seed in range(8)])
    assert made is not None
    return made


def recipe(**changes: object) -> Recipe:
    return make_recipe(threshold=2.0, **changes)


@pytest.mark.parametrize(("warp", "weft", "grey"), [(8, 9, 120), (5, 14, 60), (4, 4, 180), (20, 30, 90)])
def test_grey_and_weave_are_said_in_figures_near_the_truth(warp: float, weft: float, grey: float) -> None:
    said = SAID_OF_A_WEAVE.search(woven_look(warp, weft, grey).told())
    assert said is not None
    assert float(said[1]) == pytest.approx(grey, rel=0.03)
    assert float(said[3]) == pytest.approx(warp, rel=0.1)
    assert float(said[4]) == pytest.approx(weft, rel=0.1)


def test_cloth_whose_weave_does_not_repeat_says_so() -> None:
    random = np.random.default_rng(0)
    made = look_of([features(random.normal(100, 5, (256, 256)).clip(0, 255).astype(np.uint8)) for _ in range(8)])
    assert made is not None
    assert made.told().endswith("no single repeat of its weave stands out")


def test_all_that_was_learned_is_said_with_the_switch() -> None:
    told = differing_told(recipe(levels=LEVELS, look=woven_look(8, 9)))
    assert told.startswith("Learned of this cloth as a whole: grey 120 ± ")
    assert "score 0.12 ± 12% across the web, where 0.5 rejects" in told
    assert told.endswith("is told once, with where it begins and ends; station recipe linen --no-tell-differing "
                         "changes that.")  # fmt: skip
    off = differing_told(recipe(levels=LEVELS, look=woven_look(8, 9), tells_differing=False))
    assert off.endswith("is not told, as that is switched off; station recipe linen --tell-differing changes that.")


def test_what_could_not_be_learned_is_said_with_what_to_give() -> None:
    nothing = differing_told(recipe())
    assert "will not be told: too little good cloth was held out" in nothing
    assert nothing.endswith("Give more good cloth and teach again.")
    for lacking, learned in (("score", {"look": woven_look(8, 9)}), ("grey and weave", {"levels": LEVELS})):
        told = differing_told(recipe(**learned))
        assert f"Its {lacking} could not be learned: too little good cloth was held out" in told
        assert "3 pictures or stretches of 128 lines and 256 columns" in told
        assert "6 of 192 lines and columns" in told
