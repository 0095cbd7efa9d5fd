"""Long, faint lines as defects: told early, growing as one, ended where they end."""

from __future__ import annotations

import itertools

from station.contract import DefectKind
from tests.rigs.long_cloth import LINES, RECIPE, Faint, cloth, scored, told

FAR = 5000


def test_an_end_that_begins_and_ends_is_one_defect_where_it_lies() -> None:
    every = told(scored(cloth(1, FAR, Faint(1000, 3600, 300, 302, 2.5))))
    assert len(every) == 1
    first, last = every[1][0], every[1][-1]
    assert first.end_line < 1800  # long before its end
    assert not first.closed
    assert last.closed
    assert last.is_reject
    assert last.kind is DefectKind.WARP_LINE
    assert abs(last.first_line - 1000) <= 128
    assert abs(last.end_line - 3600) <= 192
    assert 294 <= last.first_px < last.end_px <= 308


def test_it_grows_and_never_shrinks() -> None:
    every = told(scored(cloth(2, FAR, Faint(500, 4500, 300, 302, 2.5))))
    boxes = [(defect.first_line, defect.end_line) for defect in every[1]]
    assert all(one[0] >= two[0] and one[1] <= two[1] for one, two in itertools.pairwise(boxes))


def test_an_end_that_leans_is_followed() -> None:
    every = told(scored(cloth(3, FAR, Faint(200, 4800, 320, 322, 2.5, lean=24))))
    assert len(every) == 1
    last = every[1][-1]
    assert last.end_line - last.first_line > 4200
    assert last.first_px < 315
    assert last.end_px > 326


def test_two_ends_beside_each_other_are_two_defects() -> None:
    lines = Faint(0, LINES, 200, 202, 3.0), Faint(0, LINES, 420, 422, -3.0)
    every = told(scored(cloth(4, LINES, *lines)))
    assert sorted(defects[-1].first_px // 100 for defects in every.values()) in ([1, 4], [2, 4])


def test_a_pick_over_part_of_the_width_is_one_defect_of_that_width() -> None:
    every = told(scored(cloth(5, 1500, Faint(700, 702, 200, 500, 4.0))))
    assert len(every) == 1
    last = every[1][-1]
    assert last.kind is DefectKind.WEFT_LINE
    assert last.closed
    assert abs(last.first_line - 700) <= 6
    assert abs(last.first_px - 200) <= 60
    assert abs(last.end_px - 500) <= 60


def test_sizes_and_places_are_in_mm() -> None:
    last = told(scored(cloth(6, LINES, Faint(0, LINES, 300, 302, 3.0))))[1][-1]
    assert last.length_mm == (last.end_line - last.first_line) * 0.4
    assert last.across_mm == (last.first_px + last.end_px) / 2 * 0.4
    assert last.threshold == 1


def test_good_cloth_gives_no_defect() -> None:
    assert told(scored(cloth(7, FAR))) == {}


def test_what_lies_within_the_edge_margin_is_not_told() -> None:
    steps = scored(cloth(8, LINES, Faint(0, LINES, 60, 62, 3.0)))
    assert told(steps)
    assert told(steps, RECIPE.model_copy(update={"edge_margin_mm": 40.0})) == {}


def test_a_line_shorter_than_the_recipe_asks_is_told_as_one_that_passes() -> None:
    steps = scored(cloth(9, LINES, Faint(0, LINES, 300, 302, 3.0)))
    defects = told(steps, RECIPE.model_copy(update={"min_length_mm": 0.4 * LINES + 1}))
    assert [defect[-1].is_reject for defect in defects.values()] == [False]
