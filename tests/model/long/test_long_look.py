"""What the long look learns and scores: faint lines, whatever the light, however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.long import LongLearner, LongLook, LongScorer, Step, WarpStep, WeftStep, paint
from model.scorer import CELL_PX
from tests.rigs.long_cloth import LINES, WIDTH, Faint, cloth, limits, look, scored


def highest(steps: list[Step], kind: type[WarpStep] | type[WeftStep]) -> float:
    return max(step.highest for step in steps if isinstance(step, kind))


@pytest.mark.parametrize("levels", [-2.0, 2.0])
@pytest.mark.parametrize("lean", [0, 3])
def test_a_faint_end_is_found_where_it_lies(levels: float, lean: int) -> None:
    steps = scored(cloth(100, LINES, Faint(0, LINES, 300, 302, levels, lean)))
    hits = [hit for step in steps if isinstance(step, WarpStep) for hit in step.hits]
    assert hits
    assert all(abs(hit.place - 300) < 6 and hit.sign == np.sign(levels) for hit in hits)


@pytest.mark.parametrize("levels", [-1.5, 1.5])
def test_a_faint_pick_is_found_where_it_lies(levels: float) -> None:
    steps = scored(cloth(101, LINES, Faint(200, 202, 0, WIDTH, 1.4 * levels)))
    hits = [hit for step in steps if isinstance(step, WeftStep) for hit in step.hits]
    assert hits
    assert all(abs(hit.place - 200) < 6 and hit.sign == np.sign(levels) for hit in hits)


def test_good_cloth_it_was_not_taught_on_stays_below_the_limit() -> None:
    every = [scored(cloth(seed)) for seed in range(200, 216)]
    assert sum(highest(steps, WarpStep) >= 1 or highest(steps, WeftStep) >= 1 for steps in every) <= 1


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, LINES - 1), max_size=5, unique=True))
def test_how_the_stream_is_cut_changes_nothing(cuts: list[int]) -> None:
    pixels = cloth(102, LINES, Faint(0, LINES, 300, 302, 2.0))
    whole, pieces = scored(pixels), scored(pixels, tuple(cuts))
    assert sorted(map(type, whole), key=str) == sorted(map(type, pieces), key=str)
    for kind in (WarpStep, WeftStep):
        own, other = ([step for step in steps if isinstance(step, kind)] for steps in (whole, pieces))
        for one, two in zip(own, other, strict=True):
            assert (one.first_line, one.end_line, one.hits) == (two.first_line, two.end_line, two.hits)
    assert np.array_equal(paint(whole, 0, LINES, WIDTH), paint(pieces, 0, LINES, WIDTH))


@settings(max_examples=6, deadline=None)
@given(st.floats(0.6, 1.6))
def test_the_light_changes_next_to_nothing(light: float) -> None:
    faint = Faint(0, LINES, 300, 302, 2.0)
    usual, other = scored(cloth(103, LINES, faint)), scored(cloth(103, LINES, faint, light=light))
    for kind in (WarpStep, WeftStep):
        assert highest(other, kind) == pytest.approx(highest(usual, kind), rel=0.12)


def test_a_colour_picture_is_scored_by_its_mean_grey() -> None:
    pixels = cloth(104, LINES, Faint(0, LINES, 300, 302, 2.0))
    scorer = LongScorer(look(), limits(), WIDTH)
    colour = np.repeat(pixels[:, :, None], 3, 2)
    steps = scorer.push(colour, 0, WIDTH, 0) + scorer.end_run()
    assert [step.hits for step in steps] == [step.hits for step in scored(pixels)]


def test_the_look_is_kept_in_arrays_and_comes_back_the_same() -> None:
    again = LongLook.from_arrays(look().to_arrays())
    pixels = cloth(105, LINES, Faint(0, LINES, 300, 302, 2.0))
    scorer = LongScorer(again, limits(), WIDTH)
    steps = scorer.push(pixels, 0, WIDTH, 0) + scorer.end_run()
    assert [step.hits for step in steps] == [step.hits for step in scored(pixels)]
    assert set(again.peaks) == set(look().peaks)


def test_arrays_that_lack_something_or_are_spoilt_are_refused() -> None:
    arrays = look().to_arrays()
    with pytest.raises(ValueError, match=r"lacks warp\.step"):
        LongLook.from_arrays({name: value for name, value in arrays.items() if name != "warp.step"})
    with pytest.raises(ValueError, match="weft kernels that cannot be"):
        LongLook.from_arrays({**arrays, "weft.kernels": arrays["weft.kernels"] * np.nan})


def test_too_little_cloth_is_said_in_a_sentence() -> None:
    learner = LongLearner(WIDTH)
    learner.see(cloth(1, 200), 0, WIDTH)
    assert learner.learned() is None
    assert "200 lines of good cloth are too few" in learner.why_not


def test_cloth_without_any_texture_teaches_nothing() -> None:
    learner = LongLearner(WIDTH)
    learner.see(np.full((LINES * 2, WIDTH), 90, np.uint8), 0, WIDTH)
    assert learner.learned() is None
    assert "no texture" in learner.why_not


def test_what_the_camera_always_shows_in_its_columns_is_no_flaw() -> None:
    dust = np.ones(WIDTH, np.float32)
    dust[400:403] = 0.9
    learner = LongLearner(WIDTH)
    for seed in range(12):
        learner.see((cloth(seed) * dust).astype(np.uint8), 0, WIDTH)
        learner.end_run()
    learned = learner.learned()
    assert learned is not None
    scorer = LongScorer(learned, limits(), WIDTH)
    steps = scorer.push((cloth(106) * dust).astype(np.uint8), 0, WIDTH, 0) + scorer.end_run()
    assert highest(steps, WarpStep) < 1
    assert highest(scored((cloth(106) * dust).astype(np.uint8)), WarpStep) > 1


def test_another_cameras_columns_are_not_taken_for_its_own() -> None:
    wider = np.concatenate([cloth(107), cloth(108)], 1)
    scorer = LongScorer(look(), limits(), 2 * WIDTH)
    steps = scorer.push(wider, 0, 2 * WIDTH, 0) + scorer.end_run()
    assert paint(steps, 0, LINES, 2 * WIDTH).shape == (LINES // CELL_PX, 2 * WIDTH // CELL_PX)
    assert max(step.highest for step in steps) > 0


def test_a_web_too_narrow_to_say_anything_is_passed_over() -> None:
    scorer = LongScorer(look(), limits(), WIDTH)
    steps = scorer.push(cloth(109), 300, 360, 0) + scorer.end_run()
    assert all(not step.hits for step in steps)


@pytest.mark.parametrize("lines", [1, 3, 30, 100, 130])
def test_a_run_too_short_to_say_anything_is_passed_over_or_scored(lines: int) -> None:
    steps = scored(cloth(112, lines))
    assert {step.end_line for step in steps if isinstance(step, WeftStep)} == {lines}
    assert all(not step.hits for step in steps)


def test_where_there_is_no_cloth_nothing_is_found() -> None:
    scorer = LongScorer(look(), limits(), WIDTH)
    steps = scorer.push(cloth(113), 0, 0, 0) + scorer.push(cloth(114), 0, WIDTH, LINES) + scorer.end_run()
    assert all(not step.hits for step in steps)
    assert steps[-1].end_line == 2 * LINES


def test_the_map_shows_the_line_over_its_whole_length() -> None:
    steps = scored(cloth(110, LINES, Faint(0, LINES, 300, 302, 2.0), Faint(200, 202, 0, WIDTH, 2.0)))
    cells = paint([step.for_map() for step in steps], 0, LINES, WIDTH)
    assert np.array_equal(cells, paint(steps, 0, LINES, WIDTH))
    assert sum(step.for_map().evidence.nbytes for step in steps) == 0
    assert cells.shape == (LINES // CELL_PX, WIDTH // CELL_PX)
    assert (cells[:, 74:77].max(1) >= 1).mean() > 0.9
    assert (cells[49:52].max(0) >= 1).mean() > 0.9
    assert np.median(cells) < 0.8


def test_long_runs_need_no_more_memory_than_short_ones() -> None:
    scorer = LongScorer(look(), limits(), WIDTH)
    pixels = cloth(111)
    kept = []
    for block in range(24):
        scorer.push(pixels, 0, WIDTH, block * LINES)
        kept.append(scorer.kept_bytes)
    assert max(kept[12:]) <= max(kept[:12])


def test_drawn_cloth_without_any_chance_in_it_teaches_nothing_and_says_so() -> None:
    row = (120 + 40 * np.cos(2 * np.pi * np.arange(1024) / 8)).round().astype(np.uint8)
    learner = LongLearner(1024)
    for _ in range(9):
        learner.see(np.repeat(row[None], 512, axis=0), 0, 1024)
        learner.end_run()
    assert learner.learned() is None
    assert "no texture" in learner.why_not
