"""Each look is taught how good cloth scores at every place of its pattern; where it is not, that is said with why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from model.mfrnet import MFRNet
from model.pattern.picture import drawn
from model.pattern.repeat import CELL_PX, RepeatFinder, cells_of, halved
from model.pattern.scores import Pattern
from model.runtime import Runtime
from model.scorer import TILE_PX, TileScorer
from model.time_budget import TimeBudget
from station.line.scoring.broad import shrunk
from station.recipe.repeat import ClothRepeat
from station.teaching.looks.broad import steps_of
from station.teaching.looks.pattern import smaller, teach_pattern
from tests.rigs.patterned import Patterned
from tests.rigs.records import make_recipe

RECIPE = make_recipe(web="full")


class ByLight(TileScorer):
    """A scorer that errs where cloth is light."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        cells = [cv2.resize(tile, (64, 64), interpolation=cv2.INTER_AREA) for tile in tiles]
        return np.stack(cells).astype(np.float32) / 255


class Unmoved(ByLight):
    """A scorer that errs as much everywhere."""

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.random.default_rng(len(tiles)).random((len(tiles), 64, 64), np.float32)


def taught(cloth: NDArray[np.uint8], kind: type[ByLight] = ByLight) -> tuple[ClothRepeat, SimpleNamespace, TileScorer]:
    network = SimpleNamespace(pattern={}, broad={2: SimpleNamespace(pattern={})})
    scorer, finder = kind(), RepeatFinder()
    scorer.broad = {2: kind()}
    budget = TimeBudget(1.0, None, None)

    def open_cloth() -> MemoryCamera:
        return MemoryCamera(cloth, lines=len(cloth))

    for _ in steps_of(open_cloth(), RECIPE, (), lambda: False, [finder]):
        pass
    repeat = teach_pattern(finder, open_cloth, RECIPE, cast(MFRNet, network), cast(Runtime, scorer), budget, 0.9)
    return repeat, network, scorer


def test_fine_and_broad_looks_learn_the_pattern_and_the_scorer_has_it_at_once() -> None:
    repeat, network, scorer = taught(Patterned(240, 180).window(0, 1536, 0, 640))
    assert repeat.modelled == ("fine", "broad 2")
    assert repeat.along_px == pytest.approx(240, abs=2)
    assert scorer.pattern is network.pattern
    assert scorer.broad[2].pattern is network.broad[2].pattern
    pattern = Pattern.from_arrays(network.pattern)
    assert np.corrcoef(pattern.mean.ravel(), pattern.picture.cells.ravel())[0, 1] > 0.9


def test_cloth_that_does_not_repeat_is_left_as_it_is() -> None:
    repeat, network, scorer = taught(np.random.default_rng(0).integers(80, 160, (1024, 640), np.uint8))
    assert not repeat.is_there
    assert network.pattern == {}
    assert scorer.pattern == {}


def test_a_pattern_of_which_scores_say_nothing_is_not_modelled_and_that_is_said() -> None:
    repeat, network, _ = taught(Patterned(240, 180).window(0, 1536, 0, 640), Unmoved)
    assert repeat.is_there
    assert network.pattern == {}
    assert "not modelled (good cloth scores alike all over it)" in repeat.told(0.5, 0.5)


@pytest.mark.parametrize("size", [2, 4])
def test_a_broad_look_finds_smaller_cloth_in_the_smaller_picture(size: int) -> None:
    cloth, finder = Patterned(480, 360), RepeatFinder()
    finder.see(cloth.window(0, 1600, 0, 1024), 0, 1024)
    picture = drawn(finder.stretches, finder.repeat())
    assert picture is not None
    own = smaller(picture, size)
    assert own is not None
    here, there = (own.place(cells_of(halved(shrunk(cloth.window(at, 512, 0, 1024), size)))) for at in (0, 200))
    assert here is not None
    assert there is not None
    apart = (there.along - here.along - 200 / size / CELL_PX) % own.repeat_cells[0]
    assert min(apart, own.repeat_cells[0] - apart) < 1.0
    assert smaller(picture, 32) is None
