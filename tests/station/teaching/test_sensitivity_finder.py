"""Where good cloth scores high: found on strips, applied to scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from station.contract import StripView
from station.recipe import NO_DECISION
from station.recipe.sensitivity import MOST_AT_EDGE, MOST_IN_STREAK, SensitivityProfile
from station.teaching.sensitivity_finder import SensitivityFinder

WIDTH = 2000


def strip(scores: NDArray[np.float32], left_px: int = 0, right_px: int = WIDTH) -> StripView:
    on_web = scores.copy()
    on_web[:, : left_px // 4] = 0
    on_web[:, right_px // 4 :] = 0
    return StripView(0, np.zeros((len(on_web) * 4, WIDTH), np.uint8), on_web, NO_DECISION, 4, left_px, right_px)


def cloth(seed: int, rows: int = 64) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(4, 0.05, (rows, WIDTH // 4)).astype(np.float32)


def test_cloth_that_was_not_judged_says_nothing_of_where_good_cloth_scores_high() -> None:
    finder = SensitivityFinder()
    for seed in range(10):
        scores = cloth(seed)
        scores[:, 300:304] *= 3
        is_judged = seed < 4
        finder.take(strip(scores) if is_judged else replace(strip(0 * scores), blind_px=((0, WIDTH),)))
    assert finder.found().streaks() == [(1196, 1220)]


def test_even_cloth_is_judged_evenly() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        finder.take(strip(cloth(seed), 100, 1900))
    assert finder.found() == SensitivityProfile()


def test_a_selvedge_is_found_wherever_the_web_lies() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        left = 100 + 40 * seed
        scores = cloth(seed)
        scores[:, left // 4 : left // 4 + 8] *= 3
        finder.take(strip(scores, left))
    found = finder.found()
    assert len(found.left) == 9
    assert found.left[0] == pytest.approx(3, rel=0.2)
    assert found.right == ()
    assert found.told().startswith("Good cloth scores high on 36 px beside the left edge (up to 3")
    divisors = found.divisors(400, WIDTH, WIDTH)
    assert (divisors[100:107] > 2).all()
    assert (divisors[:100] == 1).all()
    assert (divisors[115:400] == 1).all()


def test_a_standing_streak_is_found_and_named_a_flaw_of_one_piece_is_not() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        scores = cloth(seed)
        scores[:, 300:304] *= 3
        if seed == 2:
            scores[:, 200:204] *= 9
        finder.take(strip(scores))
    found = finder.found()
    assert found.streaks() == [(1196, 1220)]
    divisors = found.divisors(0, WIDTH, WIDTH)
    assert (divisors[300:304] == MOST_IN_STREAK).all()
    assert (divisors[190:210] == 1).all()
    assert "1196–1220 px" in found.told()


def test_one_flaw_beside_the_selvedge_changes_nothing() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        scores = cloth(seed)
        if seed == 1:
            scores[:, 40:60] *= 9
        finder.take(strip(scores, 100, 1900))
    assert finder.found() == SensitivityProfile()


@pytest.mark.parametrize("flaw", [False, True])
def test_a_border_that_wanders_beside_the_edge_is_covered_as_far_as_it_wandered(flaw: bool) -> None:
    finder = SensitivityFinder()
    for number, apart in enumerate((6, 6, 8, 6, 8, 7)):
        scores = cloth(number)
        scores[:, 25 + apart : 27 + apart] *= 3
        if flaw and number == 2:
            scores[:, 25 + 18 : 25 + 20] *= 9
        finder.take(strip(scores, 100, 1900))
    found = np.array(finder.found().left)
    assert (found[6:10] > 2).all(), "also where it was on two blocks only"
    assert (found[:3] == 1).all()
    assert len(found) <= 12, "a flaw on one block is not covered"


def test_a_line_in_the_selvedge_does_not_excuse_what_lies_outside_it() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        scores = cloth(seed)
        scores[:, 40:42] *= 6
        finder.take(strip(scores, 100, 1900))
    left = np.array(finder.found().left)
    assert (left[:14] == 1).all()
    assert (left[15:17] == MOST_AT_EDGE).all()
    assert len(left) == 18


def test_the_pictures_own_edge_is_no_selvedge() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        scores = cloth(seed)
        scores[:, :8] *= 3
        scores[:, -8:] *= 3
        finder.take(strip(scores))
    assert finder.found() == SensitivityProfile()
    assert (SensitivityProfile(left=(2.0,), right=(2.0,)).divisors(0, WIDTH, WIDTH) == 1).all()


def test_two_blocks_are_too_few() -> None:
    finder = SensitivityFinder()
    for seed in range(2):
        scores = cloth(seed)
        scores[:, 25:33] *= 3
        finder.take(strip(scores, 100))
    assert finder.found() == SensitivityProfile()


def test_edges_lie_where_they_lie_at_any_width() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        scores = np.concatenate([cloth(seed), cloth(seed)[:, :1]], 1)
        scores[:, 475 - 6 : 475] *= 3
        scores[:, 475:] = 0
        finder.take(StripView(0, np.zeros((256, WIDTH + 3), np.uint8), scores, NO_DECISION, 4, 0, 1900))
    found = finder.found()
    divisors = found.divisors(0, 1900, WIDTH + 3)
    assert (divisors[475 - 6 : 475] > 2).all()
    assert (divisors[475:] == 1).all()


def test_another_camera_has_its_own_columns() -> None:
    sensitivity = SensitivityProfile(columns=((400, 2.0),), width_px=WIDTH)
    assert sensitivity.divisors(0, WIDTH, WIDTH)[100] == MOST_IN_STREAK
    assert (sensitivity.divisors(0, 1000, 1000) == 1).all()


def test_a_column_beyond_the_picture_is_refused() -> None:
    with pytest.raises(ValidationError, match="beyond"):
        SensitivityProfile(columns=((4000, 2.0),), width_px=1000)


def test_broad_changes_are_the_cloths_own() -> None:
    finder = SensitivityFinder()
    for seed in range(6):
        scores = cloth(seed)
        scores[:, 100:180] *= 2
        finder.take(strip(scores))
    assert finder.found().streaks() == []


def test_nothing_seen_is_nowhere_less_sensitive() -> None:
    assert SensitivityFinder().found() == SensitivityProfile()
    narrow = SensitivityFinder()
    narrow.take(strip(cloth(0), 100, 400))
    assert narrow.found() == SensitivityProfile()


@given(
    left=st.lists(st.floats(1, 4), max_size=40),
    right=st.lists(st.floats(1, 4), max_size=40),
    edges=st.tuples(st.integers(0, 250), st.integers(0, 250)),
)
def test_divisors_fit_any_web(left: list[float], right: list[float], edges: tuple[int, int]) -> None:
    first, end = sorted(edges)
    divisors = SensitivityProfile(left=tuple(left), right=tuple(right)).divisors(4 * first, 4 * end, 1000)
    assert divisors.max(initial=1) <= MOST_AT_EDGE
    assert divisors.shape == (250,)
    assert (divisors >= 1).all()
    assert (divisors[:first] == 1).all()
    assert (divisors[end:] == 1).all()


def striped_strip(seed: int, shades: NDArray[np.float64]) -> StripView:
    """Cloth with these column means that scores high in cells 300 to 304."""
    scores = cloth(seed)
    scores[:, 300:304] *= 3
    noise = np.random.default_rng(seed).normal(0, 3, (len(scores) * 4, WIDTH))
    pixels = np.clip(shades + noise, 0, 255).astype(np.uint8)
    return replace(strip(scores), pixels=pixels)


def told_of(shades: NDArray[np.float64]) -> str:
    finder = SensitivityFinder()
    for seed in range(6):
        finder.take(striped_strip(seed, shades))
    return finder.found().told()


@pytest.mark.field("f02")
@pytest.mark.parametrize(
    ("first", "end", "shade"), [(0, 1208, 25), (1208, WIDTH, 40), (1202, 1214, 60), (1206, 1210, 230)]
)
def test_the_border_of_a_stripe_of_the_cloth_is_not_called_dust(first: int, end: int, shade: int) -> None:
    shades = np.full(WIDTH, 150.0)
    shades[first:end] = shade
    told = told_of(shades)
    assert "stripes of its own, in the camera's columns 1196–1220 px" in told
    assert "dust" not in told


def test_a_faint_shadow_in_plain_cloth_may_still_be_dust() -> None:
    shades = np.full(WIDTH, 150.0)
    shades[1200:1216] = 138
    assert "1196–1220 px: dust on the lens, a worn sensor, or a stripe or flaw" in told_of(shades)
