"""Defects: one flaw is one defect, with a box that fits it and a picture that shows it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.scorer import CELL_PX
from station.contract import Defect, DefectKind
from station.line.flow import StripPart
from station.line.judging.decision import decide, geometry, is_too_small
from station.line.judging.defects import DefectTracker
from station.line.judging.recent_cloth import KEEP_LINES, RecentCloth
from station.recipe import Recipe
from tests.rigs.line import recipe

WIDTH = 400
ALIKE = np.ones(WIDTH // 4, np.float32)


class Clock:
    """A clock that stands until told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def part(scores: NDArray[np.float32], first: int, *, left: int = 0, right: int = WIDTH) -> StripPart:
    """A strip part whose pixels tell their line and column."""
    lines = len(scores) * 4
    y, x = np.mgrid[first : first + lines, :WIDTH]
    pixels = ((y % 16) * 16 + x % 16).astype(np.uint8)
    return StripPart(0, first, first + lines, pixels, scores, ALIKE, left, right, ((left, right),), (2,), "p")


def new_tracker(recipe: Recipe, **settings: Any) -> DefectTracker:
    """A tracker, if not said otherwise of a scorer that knows nothing of sizes."""
    of_scorer = {"cell_px": CELL_PX, "edge_drop": math.inf, "point_spread_px": 0.0}
    return DefectTracker(recipe, **(of_scorer | settings))


def track(scores: NDArray[np.float32], cuts: list[int], clock: Clock | None = None, **changes: object) -> list[Defect]:
    """All that the tracker tells of score rows cut at ``cuts``."""
    tracker = new_tracker(recipe(**changes), width_px=WIDTH, clock=clock or Clock())
    told: list[Defect] = []
    first = 0
    for rows in np.split(scores, cuts):
        if len(rows):
            strip = part(rows, first)
            told += tracker.feed(strip, tracker.judged_scores(strip))
            first += 4 * len(rows)
            if clock is not None:
                clock.now += 0.2
    told += tracker.end_run()
    return told


def empty(rows: int) -> NDArray[np.float32]:
    return np.zeros((rows, WIDTH // 4), np.float32)


def test_a_broken_end_over_five_metres_is_one_defect_told_twice_a_second() -> None:
    scores = empty(2600)  # 5.2 m at 2 mm per row
    scores[50:2550, 40] = 30
    clock = Clock()
    told = track(scores, list(range(56, 2600, 56)), clock)
    assert {d.number for d in told} == {1}
    assert all(d.is_reject for d in told)
    assert all(d.kind is DefectKind.WARP_LINE for d in told[1:])
    assert [d.closed for d in told] == [False] * (len(told) - 1) + [True]
    lengths = [d.length_mm for d in told]
    assert lengths == sorted(lengths)
    last = told[-1]
    assert (last.first_line, last.end_line, last.first_px, last.end_px) == (200, 10200, 160, 164)
    assert (last.length_mm, last.width_mm, last.area_mm2) == (5000.0, 2.0, 10000.0)
    assert (last.position_mm, last.across_mm, last.piece) == (100.0, 81.0, "p")
    # The clock ran 0.2 s a part: with 45 parts at most every third may tell.
    assert 5 <= len(told) - 1 <= 45 // 3 + 1


def test_a_faint_end_that_comes_in_dashes_runs_as_one_defect_under_one_number() -> None:
    scores = empty(2600) + np.float32(3)
    scores[50:2550, 39:42] = 14  # under the report level, and well above good cloth
    for first in range(50, 2550, 25):
        scores[first : first + 8, 40] = 23
    clock = Clock()
    told = track(scores, list(range(56, 2600, 56)), clock)
    assert {d.number for d in told} == {1}
    assert [d.closed for d in told] == [False] * (len(told) - 1) + [True]
    assert len(told) > 5
    lengths = [d.length_mm for d in told]
    assert lengths == sorted(lengths)
    assert told[-1].length_mm == pytest.approx(2483 * 2.0)
    assert len({d.number for d in track(scores, [1300], join_gap_mm=0)}) == 100


def test_two_regions_that_turn_out_one_keep_the_older_number() -> None:
    scores = empty(60)
    for row in range(4, 52):
        scores[row, row] = scores[row, 98 - row] = 25
    scores[3, 98 - 4] = 25  # the right arm begins one row earlier: the older
    told = track(scores, [20, 40], join_gap_mm=0)
    gone = [d for d in told if d.merged_into is not None]
    assert [(d.number, d.merged_into, d.closed, d.is_reject) for d in gone] == [(2, 1, True, False)]
    assert [(d.number, d.closed) for d in told][-1] == (1, True)
    assert told[-1].length_mm == 49 * 2.0


def test_a_smear_of_spots_ends_as_one_area_under_the_oldest_number() -> None:
    scores = empty(200)
    places = [(20 + 7 * row, 30 + 7 * column + row % 3) for row in range(7) for column in range(4)]
    for row, column in places:
        scores[row, column] = 40
    told = track(scores, list(range(8, 200, 8)), Clock())
    (area,) = [d for d in told if d.closed and d.merged_into is None]
    assert (area.number, area.parts, area.kind, area.is_reject) == (1, 28, DefectKind.AREA, True)
    assert area.area_mm2 == 28 * 4
    assert (area.length_mm, area.width_mm) == (43 * 2.0, 24 * 2.0)
    withdrawn = {d.number for d in told if d.merged_into is not None}
    assert {d.number for d in told} == withdrawn | {1}
    assert all(d.closed and not d.is_reject for d in told if d.merged_into is not None)
    first = next(d for d in told if not d.closed)
    assert first.is_reject  # told at once, before anybody knows what it belongs to
    assert {d.parts for d in track(scores, [], join_gap_mm=0)} == {1}


def test_specks_that_each_pass_for_their_size_are_an_area_together() -> None:
    scores = empty(120)
    for i in range(6):
        scores[20 + 6 * i, 50 + i % 2] = 40
    alone = track(scores[:30], [], min_length_mm=10.0)
    assert [(d.is_reject, d.parts) for d in alone if d.closed] == [(False, 1)] * 2
    (area,) = [d for d in track(scores, [], min_length_mm=10.0) if d.closed and d.merged_into is None]
    assert (area.is_reject, area.parts) == (True, 6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 119), max_size=8, unique=True))
@example(seed=6127, cuts=[])
def test_closed_defects_do_not_depend_on_the_cuts(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    scores = cv2.GaussianBlur(rng.normal(0, 60, (120, WIDTH // 4)), (0, 0), 2.0).astype(np.float32)
    scores = np.maximum(scores, 0)

    def closed(told: list[Defect]) -> list[tuple]:
        assert len({d.number for d in told}) == len({d.number for d in told if d.closed})
        assert all(d.crop is not None and d.crop_scores is not None for d in told if d.closed and d.merged_into is None)
        return sorted(
            (d.first_line, d.end_line, d.first_px, d.end_px, d.score, d.area_mm2, d.is_reject, d.kind, d.parts)
            for d in told
            if d.closed and d.merged_into is None
        )

    assert closed(track(scores, sorted(cuts), threshold=12.0)) == closed(track(scores, [], threshold=12.0))


@pytest.mark.parametrize("row", [5, 52, 55, 56, 60, 100, 115])
def test_the_picture_shows_the_peak_and_its_scores(row: int) -> None:
    scores = empty(120)
    scores[row, 50] = 40
    told = track(scores, [56, 112])
    last = told[-1]
    assert last.closed
    assert last.crop is not None
    assert last.crop_scores is not None
    assert last.threshold == 20
    assert last.crop.shape == last.crop_scores.shape
    assert last.crop.shape[1] == 128
    assert last.crop.shape[0] == 128 or row < 20 or row > 100
    y, x = np.unravel_index(int(last.crop_scores.argmax()), last.crop_scores.shape)
    assert last.crop_scores[y, x] == pytest.approx(40, rel=0.3)  # the highest pixel is interpolated
    # Pixels tell their place modulo 16: the highest one lies in the peak's cell.
    top = (4 * row - 64) // 4 * 4 if row >= 16 else 0
    assert top <= 4 * row < top + 128
    assert (int(last.crop[y, x]) // 16 - 4 * row) % 16 < 4
    assert (int(last.crop[y, x]) % 16 - 200) % 16 < 4


def test_a_large_defect_gets_a_larger_picture() -> None:
    scores = empty(160)
    scores[40:100, 50] = 40
    last = track(scores, [56, 112])[-1]
    assert last.crop is not None
    assert last.crop.shape == (256, 256)


def test_the_margin_applies_to_defects_but_not_to_the_strip() -> None:
    scores = empty(60)
    scores[20, 6] = scores[30, 12] = 40
    tracker = new_tracker(recipe(edge_margin_mm=10.0), width_px=WIDTH)
    strip = part(scores, 0, left=20, right=380)
    judged = tracker.judged_scores(strip)
    # 10 mm are 20 px: cells before column 40 and after 360 do not count.
    assert not judged[:, :10].any()
    assert not judged[:, 90:].any()
    assert judged[30, 12] == 40
    told = [*tracker.feed(strip, judged), *tracker.end_run()]
    assert [(d.number, d.first_px) for d in told if d.closed] == [(1, 48)]
    assert strip.scores[20, 6] == 40
    assert told[-1].across_mm == (50 - 20) * 0.5


def test_what_passes_is_told_once_when_closed() -> None:
    scores = empty(60)
    scores[10, 10] = 18  # over 0.85 of the threshold
    scores[10, 60] = 16  # under
    (told,) = track(scores, [20])
    assert told.closed
    assert not told.is_reject


def test_the_rim_of_a_strong_spot_is_no_reject_before_its_middle_is_seen() -> None:
    scores = empty(60)
    scores[19:28, 44:56] = 25  # 24 mm wide
    scores[22:25, 48:52] = 90  # 8 mm
    tracker = new_tracker(recipe(min_length_mm=20.0), width_px=WIDTH, edge_drop=10.0)
    told: list[Defect] = []
    for rows, first in ((scores[:25], 0), (scores[25:], 100)):  # rows are decided four behind the newest
        told += tracker.feed(part(rows, first), rows)
    told += tracker.end_run()
    assert [(d.closed, d.is_reject, d.width_mm) for d in told] == [(True, False, 7.0)]


def test_minimum_length_lets_short_ones_pass() -> None:
    scores = empty(60)
    scores[10, 10] = 40
    scores[10:20, 60] = 40
    told = {d.first_px: d for d in track(scores, [], min_length_mm=10.0) if d.closed}
    assert not told[40].is_reject
    assert told[240].is_reject


@pytest.mark.parametrize(("side_px", "passes"), [(1, True), (2, True), (4, False), (8, False)])
@pytest.mark.parametrize("cuts", [[], [20], [22, 23, 24, 25, 26, 27, 40]])
def test_a_bright_thread_end_is_measured_in_the_picture_and_passes_for_its_size(
    side_px: int, passes: bool, cuts: list[int]
) -> None:
    """To the model it looks like any point, however high it scores."""
    y, x = np.mgrid[:80, : WIDTH // 4]
    scores = (90 * np.exp(-((y - 25) ** 2 + (x - 50) ** 2) / (2 * 1.2**2))).astype(np.float32)
    pixels = np.random.default_rng(1).normal(110, 8, (320, WIDTH)).clip(0, 255).astype(np.uint8)
    pixels[100 : 100 + side_px, 201 : 201 + side_px] = 250
    tracker = new_tracker(
        recipe(min_length_mm=3.0, mm_per_px=None), width_px=WIDTH, edge_drop=10.0, point_spread_px=12.0
    )
    told: list[Defect] = []
    for rows, first in zip(np.split(scores, cuts), [0, *cuts], strict=True):
        strip = replace(part(rows, 4 * first), pixels=pixels[4 * first : 4 * (first + len(rows))])
        told += tracker.feed(strip, rows)
    told += tracker.end_run()
    assert {d.is_reject for d in told} == {not passes}, "it is never told as a reject and taken back"
    last = told[-1]
    assert (last.first_line, last.end_line) == (100, 100 + side_px)
    assert (last.first_px, last.end_px) == (201, 201 + side_px)
    assert is_too_small(last) is passes


@pytest.mark.parametrize("seed", range(8))
def test_the_box_of_a_one_millimetre_spot_is_not_larger_than_allowed(seed: int) -> None:
    """A point flaw blurred as 8 px features blur it: its box is not larger than four times the flaw grown by 2 mm."""
    rng = np.random.default_rng(seed)
    y0, x0 = rng.uniform(40, 60, 2)
    y, x = np.mgrid[:100, : WIDTH // 4]
    scores = 20 * rng.uniform(1.2, 6) * np.exp(-((y - y0) ** 2 + (x - x0) ** 2) / (2 * 1.6**2))
    tracker = new_tracker(recipe(), width_px=WIDTH, edge_drop=10.0, point_spread_px=17.0)
    strip = part(scores.astype(np.float32), 0)
    (last,) = [d for d in [*tracker.feed(strip, strip.scores), *tracker.end_run()] if d.closed]
    assert last.length_mm * last.width_mm <= 4 * 5 * 5
    assert last.is_reject


def blurred_flaw(length: float, width: float, contrast: float, blur_px: float) -> NDArray[np.float32]:
    """Scores of a flaw in the middle of good cloth as a logarithmic measure of blurred features gives them: 10 for each
    doubling of what stands out."""
    y, x = np.mgrid[:560, :WIDTH]
    flaw = (abs(y - 280.3) < length / 2) & (abs(x - 201.7) < width / 2)
    seen = cv2.GaussianBlur(flaw.astype(np.float32), (0, 0), blur_px)
    cells = cv2.resize(contrast * seen, (WIDTH // 4, 140), interpolation=cv2.INTER_AREA)
    return np.asarray(10 * np.log2(1 + cells**2) / 2, np.float32)


@pytest.mark.parametrize("contrast", [60.0, 400.0, 5000.0])
@pytest.mark.parametrize(("length", "width"), [(6, 6), (14, 10), (25, 25), (60, 6), (300, 8), (9, 120), (200, 90)])
def test_a_size_is_the_flaws_own_however_strong_it_is(length: float, width: float, contrast: float) -> None:
    """The model's blur is left out: within the tolerance, one cell of its grid or 5 %, at any contrast."""
    point_spread_px = 17.0
    scores = blurred_flaw(length, width, contrast, point_spread_px / math.sqrt(8 * math.log(2)))
    tracker = new_tracker(recipe(threshold=20.0), width_px=WIDTH, edge_drop=10.0, point_spread_px=point_spread_px)
    told = [*tracker.feed(part(scores, 0), scores), *tracker.end_run()]
    (last,) = [d for d in told if d.closed]
    for px, true in ((last.end_line - last.first_line, length), (last.end_px - last.first_px, width)):
        assert px == pytest.approx(true, abs=max(8, 0.05 * true))
    assert (last.first_line + last.end_line) / 2 == pytest.approx(280.5, abs=2)
    assert (last.first_px + last.end_px) / 2 == pytest.approx(202, abs=2)
    assert last.length_mm == 0.5 * (last.end_line - last.first_line)
    assert last.width_mm == 0.5 * (last.end_px - last.first_px)


@pytest.mark.parametrize("ratio", [1.5, 4.0])
@pytest.mark.parametrize(("length", "width"), [(14, 10), (300, 8), (60, 60)])
def test_a_size_is_the_same_where_scores_are_divided(length: float, width: float, ratio: float) -> None:
    """Beside the selvedge, say, where good cloth itself scores high."""
    scores = blurred_flaw(length, width, 5000.0, 17.0 / math.sqrt(8 * math.log(2)))
    divisors = ALIKE.copy()
    divisors[:60] = ratio
    found = []
    for strip in (part(scores, 0), replace(part(scores / divisors, 0), divisors=divisors)):
        tracker = new_tracker(recipe(threshold=20.0), width_px=WIDTH, edge_drop=10.0, point_spread_px=17.0)
        told = [*tracker.feed(strip, strip.scores), *tracker.end_run()]
        found += [(d.first_line, d.end_line, d.first_px, d.end_px) for d in told if d.closed]
    assert found[0] == found[1]


def test_good_cloth_that_is_judged_less_sensitively_casts_no_shadow() -> None:
    scores, divisors = empty(60), ALIKE.copy()
    scores[20, 48:53] = 18, 22, 24, 22, 18
    scores[:, 54:], divisors[54:] = 15, 4.0  # 60 before it is divided
    strip = replace(part(scores, 0), divisors=divisors)
    tracker = new_tracker(recipe(), width_px=WIDTH, edge_drop=3.0)
    (last,) = [d for d in [*tracker.feed(strip, scores), *tracker.end_run()] if d.closed]
    assert (last.first_px, last.end_px) == (197, 207), "where it has fallen by 3, not where it begins and ends"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    edge_drop=st.sampled_from([0.5, 5.0, 40.0, math.inf]),
    point_spread_px=st.sampled_from([0.0, 8.0, 17.0, 60.0]),
    cuts=st.lists(st.integers(1, 39), max_size=5, unique=True),
)
def test_a_box_lies_within_its_region_and_the_picture_and_is_never_empty(
    seed: int, edge_drop: float, point_spread_px: float, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    scores = np.maximum(cv2.GaussianBlur(rng.normal(0, 120, (40, 16)), (0, 0), 1.2), 0).astype(np.float32)

    def boxes(drop: float, point: float, cuts: list[int]) -> dict[tuple[float, float], tuple[int, int, int, int]]:
        """By peak and area.  The picture ends within a cell, both ways."""
        alone = recipe(threshold=12.0, join_gap_mm=0)  # which lie close together depends on the boxes
        tracker = new_tracker(alone, width_px=61, edge_drop=drop, point_spread_px=point)
        told: list[Defect] = []
        for rows, first in zip(np.split(scores, cuts), [0, *cuts], strict=True):
            end = min(4 * (first + len(rows)), 158)
            pixels = np.zeros((end - 4 * first, 61), np.uint8)
            strip = StripPart(0, 4 * first, end, pixels, rows, ALIKE[:16], 0, 61, ((0, 61),), (1,), "p")
            told += tracker.feed(strip, rows)
        told += tracker.end_run()
        ended = [d for d in told if d.closed and d.merged_into is None]
        return {(d.score, d.area_mm2): (d.first_line, d.end_line, d.first_px, d.end_px) for d in ended}

    regions = boxes(math.inf, 0.0, [])
    found = boxes(edge_drop, point_spread_px, sorted(cuts))
    assert found.keys() == regions.keys()
    assert found == boxes(edge_drop, point_spread_px, [])
    for name, (top, bottom, left, right) in found.items():
        whole = regions[name]
        assert 0 <= whole[0] <= top < bottom <= whole[1] <= 158
        assert 0 <= whole[2] <= left < right <= whole[3] <= 61


@pytest.mark.parametrize(
    ("length", "width", "kind"),
    [
        (30, 5, DefectKind.WARP_LINE),
        (5, 30, DefectKind.WEFT_LINE),
        (10, 12, DefectKind.SPOT),
        (30, 25, DefectKind.AREA),
        (2, 1, DefectKind.SPOT),
    ],
)
def test_geometry(length: float, width: float, kind: DefectKind) -> None:
    assert geometry(length, width, recipe()) is kind


def test_spots_close_together_are_an_area_and_in_a_line_only_where_that_is_narrow() -> None:
    assert geometry(15, 15, recipe(), parts=6) is DefectKind.AREA
    assert geometry(100, 30, recipe(), parts=28) is DefectKind.AREA
    assert geometry(120, 5, recipe(), parts=6) is DefectKind.WARP_LINE


def test_decision_needs_score_and_size() -> None:
    is_reject = partial(decide, threshold=20.0, min_length_mm=5.0)
    assert is_reject(20.0, 5.0, 1.0)
    assert is_reject(20.0, 1.0, 5.0)
    assert not is_reject(19.9, 50.0, 50.0)
    assert not is_reject(99.0, 4.9, 4.9)


def test_memory_of_cloth_is_bounded() -> None:
    cloth = RecentCloth(4)
    assert cloth.end == 0
    for first in range(0, 40 * 224, 224):
        cloth.append(part(empty(56), first))
    assert cloth.end == 40 * 224
    assert cloth.picture(10, 10, 128) is None
    line = cloth.end - KEEP_LINES + 64
    picture = cloth.picture(line, 200, 128)
    assert picture is not None
    assert picture[0].shape == (128, 128)
