"""A whole web that differs is one message with a beginning and an end, and flaws are judged against that web."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.notice import Notice
from station.line.flow import StripPart
from station.line.judging.web_state import BEGIN_LINES, WebState
from station.recipe.cloth import TaughtCloth
from station.recipe.cloth_look import ClothLook, look_at, look_of
from station.recipe.score_levels import ScoreLevels, levels_across, levels_of
from station.state.cloth_differs import ClothDiffers
from tests.rigs.line import recipe

WIDTH, LINES = 1024, 224


def scores_of(random: np.random.Generator, factor: float = 1.0, lines: int = LINES) -> NDArray[np.float32]:
    return (0.3 * factor * random.gamma(4, 0.25, (lines // 4, WIDTH // 4))).astype(np.float32)


@pytest.fixture(scope="module")
def levels() -> ScoreLevels:
    random = np.random.default_rng(0)
    stretches = [levels_across(scores_of(random), 0, WIDTH) for _ in range(12)]
    made = levels_of([one for one in stretches if one is not None])
    assert made is not None
    return made


class Web:
    """A web that is judged part by part; what was told of it is gathered."""

    def __init__(self, levels: ScoreLevels | None, seed: int = 1, **changes: object) -> None:
        self.told: list[Any] = []
        self.state = WebState(recipe(levels=levels, **changes), self.told.append)
        self.random = np.random.default_rng(seed)
        self.line = 0

    def see(self, scores: NDArray[np.float32], piece: str | None = None) -> NDArray[np.float32]:
        """Return the scores as they are to be judged."""
        lines = 4 * len(scores)
        alike = np.ones(WIDTH // 4, np.float32)
        pixels, web = np.zeros((lines, WIDTH), np.uint8), ((0, WIDTH),)
        part = StripPart(0, self.line, self.line + lines, pixels, scores, alike, 0, WIDTH, web, (4,), piece)
        seen = self.state.see(part)
        self.line += lines
        assert np.allclose(seen.scores * seen.divisors, scores, rtol=1e-5)
        return seen.scores

    def play(self, factors: Iterable[float]) -> None:
        for factor in factors:
            self.see(scores_of(self.random, factor))

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


def test_who_switches_it_off_is_told_nothing_and_scores_stay(levels: ScoreLevels) -> None:
    web = Web(levels, tells_differing=False)
    web.play([1.0] * 4 + [3.0] * 12)
    web.state.end()
    assert web.told == []
    assert web.state.is_on is False


def test_a_web_that_differs_is_told_once_with_its_beginning_and_its_end(levels: ScoreLevels) -> None:
    web = Web(levels)
    web.play([1.0] * 20 + [2.0] * 30 + [1.0] * 20)
    web.state.end()
    begin, end = web.of(ClothDiffers)
    assert (begin.first_line, begin.end_line, begin.share) == (20 * LINES, None, 1.0)
    assert (end.first_line, end.end_line) == (20 * LINES, 50 * LINES)
    warning, again = web.of(Notice)
    assert "over 100% of its width since 2.2 m" in warning.text
    assert "begins so" not in warning.text
    assert "as taught again since 5.6 m" in again.text


def test_a_slow_loom_judged_a_few_lines_at_a_time_is_watched_too(levels: ScoreLevels) -> None:
    web = Web(levels)
    for factor in [1.0] * 60 + [2.0] * 60 + [1.0] * 60:
        web.see(scores_of(web.random, factor, 40))
    web.state.end()
    begin, end = web.of(ClothDiffers)
    assert begin.first_line == pytest.approx(60 * 40, abs=200)
    assert end.end_line == pytest.approx(120 * 40, abs=200)


def test_a_roll_that_begins_and_ends_so_says_so(levels: ScoreLevels) -> None:
    web = Web(levels, mm_per_px=None)
    web.play([0.4] * 10)
    web.state.end()
    (warning,) = web.of(Notice)
    assert "since line 0" in warning.text
    assert "The roll begins so" in warning.text
    assert [event.end_line for event in web.of(ClothDiffers)] == [None, 10 * LINES]


def test_short_marks_and_flaws_and_part_of_the_width_are_no_other_cloth(levels: ScoreLevels) -> None:
    web = Web(levels)
    for number in range(60):
        scores = scores_of(web.random, 3.0 if number % 10 < BEGIN_LINES // LINES else 1.0)
        scores[:, 40:46] += 4.0
        scores[30:40] += 4.0
        scores[:, 176:] *= 2.0  # a third of the width
        web.see(scores)
    web.state.end()
    assert web.told == []


def test_of_a_hundred_rolls_of_right_cloth_none_is_called_other(levels: ScoreLevels) -> None:
    for seed in range(100):
        web = Web(levels, seed=seed + 10)
        web.play(1 + 0.12 * np.sin(np.arange(12) / 2 + seed))  # shade drifts
        web.state.end()
        assert web.told == []


def test_meanwhile_a_flaw_is_judged_against_the_web_around_it(levels: ScoreLevels) -> None:
    web = Web(levels)
    web.play([2.0] * 12)
    flawed = scores_of(web.random, 2.0)
    flawed[20:24, 100:104] = 6.0
    judged = web.see(flawed)
    assert np.median(judged) == pytest.approx(0.28, abs=0.04)
    assert judged[20:24, 100:104] == pytest.approx(5.66, abs=0.05), "as much is taken off as the cloth rose by"
    quiet = Web(levels)
    quiet.play([0.4] * 12)
    low = scores_of(quiet.random, 0.4)
    assert np.array_equal(quiet.see(low), low), "what scores lower is not made to score higher"


@pytest.mark.parametrize("divisor", [0.5, 1.0, 2.0])
def test_where_good_cloth_scores_otherwise_as_much_is_taken_off_the_raw_score(
    levels: ScoreLevels, divisor: float
) -> None:
    web = Web(levels)
    web.play([2.0] * 12)
    raw = scores_of(web.random, 2.0)
    divisors = np.full(WIDTH // 4, divisor, np.float32)
    part = StripPart(
        0, web.line, web.line + LINES, np.zeros((LINES, WIDTH), np.uint8), raw / divisors, divisors, 0, WIDTH,
        ((0, WIDTH),), (4,), None,
    )  # fmt: skip
    seen = web.state.see(part)
    assert np.allclose(seen.scores * divisor, web.see(raw), rtol=0.05, atol=0.02)
    assert np.allclose(seen.scores * seen.divisors, raw, rtol=1e-5)


def test_a_picture_differs_or_not_by_itself_and_people_are_told_once_how_many(levels: ScoreLevels) -> None:
    web = Web(levels)
    kinds = [1.0, 2.0, 1.0, 2.0, 2.0, 1.0]
    for number, factor in enumerate(kinds):
        before = scores_of(web.random, factor)
        judged = web.see(before, f"{number}.png")
        tail = scores_of(web.random, factor, 32)
        judged_tail = web.see(tail, f"{number}.png")
        for one, other in ((before, judged), (tail, judged_tail)):
            assert (float(np.median(one) / np.median(other)) > 1.5) is (factor > 1)
    web.state.end()
    spans = [(event.first_line // 256, event.end_line // 256) for event in web.of(ClothDiffers) if event.end_line]
    assert spans == [(1, 2), (3, 5)]
    first, total = web.of(Notice)
    assert "since picture 1.png" in first.text
    assert total.text.startswith("3 of 6 pictures differ")


def test_a_recipe_that_knows_no_levels_judges_as_before() -> None:
    web = Web(None)
    scores = scores_of(web.random, 5.0)
    assert web.see(scores) is scores
    web.state.end()
    assert web.told == []


def pixels(pitch: float, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:LINES, :WIDTH]
    weave = np.sin(2 * np.pi * x / pitch) + np.sin(2 * np.pi * y / pitch)
    return np.clip(120 + 20 * weave + random.normal(0, 5, weave.shape), 0, 255).astype(np.uint8)


def look(pitch: float) -> ClothLook:
    found = [look_at(pixels(pitch, seed), 0, WIDTH) for seed in range(6)]
    made = look_of([one for one in found if one is not None])
    assert made is not None
    return made


def test_cloth_that_looks_other_is_told_with_its_name_whatever_it_scores(levels: ScoreLevels) -> None:
    told: list[Any] = []
    state = WebState(recipe(levels=levels, look=look(8.0)), told.append, {"twill-3": look(13.0)})
    random, alike = np.random.default_rng(0), np.ones(WIDTH // 4, np.float32)
    for row, pitch in enumerate([8.0] * 10 + [13.0] * 10):
        line = row * LINES
        part = StripPart(
            0, line, line + LINES, pixels(pitch, row), scores_of(random), alike, 0, WIDTH, ((0, WIDTH),), (4,), None
        )
        state.see(part)
    state.end()
    begin = next(event for event in told if isinstance(event, ClothDiffers))
    assert begin.first_line == 10 * LINES
    assert "twill-3" in begin.cause
    assert any("it looks like twill-3" in event.text for event in told if isinstance(event, Notice))


def test_a_picture_that_cannot_be_compared_is_not_judged_by_the_one_before(levels: ScoreLevels) -> None:
    cloth = TaughtCloth(width_px=WIDTH, channels=1, mean_grey=120, grey_spread=5, web_left_px=0, web_right_px=WIDTH)
    state = WebState(recipe(levels=levels, look=look(8.0), cloth=cloth), lambda _told: None)
    scores, alike = scores_of(np.random.default_rng(0), 3.0), np.ones(WIDTH // 4, np.float32)

    def judged(line: int, piece: str, right_px: int) -> NDArray[np.float32]:
        web = ((0, right_px),)
        part = StripPart(0, line, line + LINES, pixels(13.0, line), scores, alike, 0, right_px, web, (4,), piece)
        return state.see(part).scores

    assert judged(0, "a.png", WIDTH).max() < scores.max() - 0.5
    assert judged(LINES, "b.png", 3 * WIDTH // 4).max() == scores.max(), "another width has other parts"
    assert state.is_on
