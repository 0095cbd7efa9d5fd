"""A repeat is measured where there is one, and none is made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.simulated.cloth import Cloth
from model.pattern.repeat import Repeat, RepeatFinder
from tests.rigs.patterned import Patterned


def measured(pictures: list[NDArray[np.uint8]]) -> Repeat:
    finder = RepeatFinder()
    for picture in pictures:
        finder.see(picture, 0, picture.shape[1])
        finder.end_run()
    return finder.repeat()


@settings(max_examples=15, deadline=None)
@given(
    along=st.integers(60, 500), across=st.integers(60, 400), seed=st.integers(0, 1000), lean=st.sampled_from([0, 0.01])
)
def test_any_repeat_is_measured_both_ways(along: int, across: int, seed: int, lean: float) -> None:
    repeat = measured([Patterned(along, across, seed=seed, lean=lean).window(0, 1100, 0, 900)])
    assert repeat.along_px == pytest.approx(along, abs=2)
    assert repeat.across_px == pytest.approx(across, abs=2 + 0.01 * across)
    assert min(repeat.along_strength, repeat.across_strength) > 0.5


def test_several_pictures_say_together_what_each_shows_little_of() -> None:
    cloth = Patterned(180, 180)
    random = np.random.default_rng(0)
    repeat = measured(
        [cloth.window(*random.integers(180, size=1), 300, int(random.integers(180)), 300) for _ in "1234567"]
    )
    assert repeat.along_px == pytest.approx(180, abs=2)
    assert repeat.across_px == pytest.approx(180, abs=2)


@pytest.mark.parametrize(("along", "across"), [(0, 150), (150, 0)])
def test_stripes_repeat_one_way_only(along: int, across: int) -> None:
    repeat = measured([Patterned(along, across).window(0, 900, 0, 900)])
    assert (repeat.along_px is None, repeat.across_px is None) == (not along, not across)


def test_what_does_not_repeat_has_no_repeat() -> None:
    for seed in range(4):
        blotches = Patterned(1200, 1200, seed=seed)
        assert not measured([blotches.window(0, 1000, 0, 1000)]).is_there
    assert not RepeatFinder().repeat().is_there


def test_a_colour_of_equal_grey_levels_in_no_line_of_a_tiny_picture_is_no_fault() -> None:
    assert not measured([np.full((3, 40), 9, np.uint8), np.full((300, 12, 3), 200, np.uint8)]).is_there


@pytest.mark.parametrize("style", ["plain", "demo", "denim"])
def test_a_weave_alone_is_no_pattern(style: str) -> None:
    cloth = Cloth(style, width_px=1024, mm_per_px=0.5, seed=5)
    assert not measured([cloth.render(0, 2000)]).is_there


@pytest.mark.slow
def test_the_largest_repeat_that_is_asked_for_is_measured_in_strips_as_the_line_brings_them() -> None:
    cloth, finder = Cloth("jacquard", width_px=2048, mm_per_px=0.5, seed=3, web_px=(24, 2024)), RepeatFinder()
    for first in range(0, 5600, 224):
        finder.see(cloth.render(first, 224), 32, 2016)
    repeat, (along, across) = finder.repeat(), cloth.repeat_px
    assert repeat.along_px == pytest.approx(along, abs=1.5)
    assert repeat.across_px == pytest.approx(across, abs=1.5)
