"""What a roll is told of its cloth: the columns judged, and what is unlike the teaching's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from drivers.camera import LineBlock
from station.contract import ColumnsInspected, Notice, RollEnded, Severity
from station.line.flow import TileRow
from station.line.scoring.cloth_seen import ClothSeen
from station.line.scoring.cloth_watch import EARLY_ROWS, ClothWatch, Told
from station.recipe.cloth import TaughtCloth
from tests.rigs.line import Run, ScriptedCamera, blocks, cloth

WIDTH = 1000
TAUGHT = TaughtCloth(
    width_px=WIDTH, channels=1, white=255, mean_grey=118, grey_spread=3, web_left_px=100, web_right_px=900
)


def row(grey: float, left: int = 100, right: int = 900, piece: str | None = None, colour: bool = False) -> TileRow:
    """Half a tile row of even grey; beside the web it is black."""
    pixels = np.zeros((128, WIDTH, 3) if colour else (128, WIDTH), np.uint8)
    pixels[:, left:right] = round(grey)
    none = np.zeros(0, np.intp)
    return TileRow(0, 0, 0, 128, pixels, left, right, ((left, right),), none, 0, piece)


def told_of(*rows: TileRow, taught: TaughtCloth | None = TAUGHT, **pictures: Any) -> list[Told]:
    """What is told of a roll of these rows."""
    told: list[Told] = []
    settings = {"width_px": WIDTH, "channels": 1, "white": 255, **pictures}
    watch = ClothWatch(taught, tell=told.append, **settings)
    watch.begin()
    for one in rows:
        watch.see(one)
    watch.end()
    return told


def warnings_of(*rows: TileRow, **settings: Any) -> list[str]:
    told = told_of(*rows, **settings)
    assert all(one.severity is Severity.WARNING for one in told if isinstance(one, Notice))
    return [one.text for one in told if isinstance(one, Notice)]


def test_cloth_like_that_of_the_teaching_gets_its_columns_told_and_no_warning() -> None:
    assert told_of(*[row(120)] * 40) == [ColumnsInspected(100, 900, WIDTH)]


@pytest.mark.field("other light")
@pytest.mark.parametrize("grey", [62, 190])
@pytest.mark.parametrize("rows", [2, 400])
def test_another_mean_grey_is_told_once_with_both_figures(grey: int, rows: int) -> None:
    (text,) = warnings_of(*[row(grey)] * rows)
    assert f"its mean grey is {grey} of 255, at teach-in it was 118 (give or take 3)" in text
    assert ("darker" if grey < 118 else "brighter") in text


def test_what_good_cloth_itself_differs_by_is_no_difference() -> None:
    coloured = TAUGHT.model_copy(update={"mean_grey": 90.0, "grey_spread": 40.0})
    assert warnings_of(*[row(150)] * 40, taught=coloured) == []
    assert len(warnings_of(*[row(180)] * 40, taught=coloured)) == 1


def test_the_grey_is_compared_where_both_are_cloth() -> None:
    def striped(grey: int, left: int) -> TileRow:
        made = row(grey, left)
        made.pixels[:, left:500] = grey // 4
        return made

    seen = ClothSeen(WIDTH)
    for _ in range(20):
        seen.see(striped(120, 100))
    taught = seen.taught(1, 255)
    (text,) = warnings_of(*[striped(120, 450)] * 20, taught=taught)
    assert "narrower" in text
    web, light = warnings_of(*[striped(60, 450)] * 20, taught=taught)
    assert "narrower" in web
    assert "darker" in light


def test_some_pictures_in_another_light_are_counted_at_the_end() -> None:
    rows = [row(60 if n % 4 == 3 else 118, piece=f"{n:02d}.png") for n in range(40)]
    (text,) = warnings_of(*rows)
    assert text.startswith("10 of 40 pictures, the first 03.png, have a mean grey of 60; at teach-in it was 118")


@pytest.mark.parametrize(
    ("left", "right", "how"),
    [(400, 900, "is 38% narrower"), (0, 1000, "is 25% wider"), (160, 960, "lies 60 columns beside its place")],
)
def test_a_web_that_lies_elsewhere_is_told_with_both_places(left: int, right: int, how: str) -> None:
    (text,) = warnings_of(*[row(118, left, right)] * 30)
    assert how in text
    assert f"columns {left} to {right - 1} of 1000 are judged, at teach-in they were 100 to 899 of 1000" in text


def test_a_web_that_wanders_as_at_teach_in_is_none() -> None:
    assert warnings_of(*[row(118, 120, 920)] * 30) == []
    wandering = TAUGHT.model_copy(update={"web_spread_px": 80})
    assert warnings_of(*[row(118, 220, 900)] * 30, taught=wandering) == []


def test_pictures_made_otherwise_are_told_before_the_first_line() -> None:
    texts = warnings_of(width_px=2000, channels=3, white=4095)
    assert ["2000 columns wide, at teach-in it was 1000" in texts[0], "in colour" in texts[1]] == [True, True]
    assert "Full white is 4095 in these picture files, at teach-in it was 255" in texts[2]
    assert warnings_of(white=None) == []


def test_a_recipe_that_knows_nothing_of_the_teaching_gets_only_its_columns_told() -> None:
    assert told_of(*[row(10, 300)] * 3, taught=None, width_px=WIDTH) == [ColumnsInspected(300, 900, WIDTH)]
    assert told_of(taught=None) == []


def test_columns_are_told_early_and_again_at_the_end_if_they_changed() -> None:
    rows = [row(118)] * EARLY_ROWS + [row(118, 300)] * 5 * EARLY_ROWS
    columns = [one for one in told_of(*rows) if isinstance(one, ColumnsInspected)]
    assert columns == [ColumnsInspected(100, 900, WIDTH), ColumnsInspected(300, 900, WIDTH)]


def test_rows_without_cloth_and_in_colour_are_seen() -> None:
    seen = ClothSeen(WIDTH)
    seen.see(row(118, 500, 500))
    assert seen.columns is None
    assert seen.taught(1, None) is None
    for grey, left in ((100, 96), (110, 100), (120, 140)):
        seen.see(row(grey, left, colour=True))
    taught = seen.taught(3, 255)
    assert taught is not None
    assert (taught.mean_grey, taught.web_left_px, taught.web_right_px, taught.web_spread_px) == (110, 100, 900, 40)
    assert taught.grey_spread == pytest.approx(10, abs=0.6)


def test_a_line_tells_what_it_judged_before_its_roll_ends() -> None:
    lit = [LineBlock(one.pixels // 2, one.first_line, 1.0, 0, "script") for one in blocks(cloth(2000, 600))]
    taught = TaughtCloth(width_px=600, channels=1, mean_grey=126, grey_spread=1, web_left_px=0, web_right_px=600)
    run = Run(ScriptedCamera(lit, width_px=600), web="100:500", cloth=taught).to_end()
    assert run.of(ColumnsInspected) == [ColumnsInspected(100, 500, 600)]
    texts = [notice.text for notice in run.of(Notice)]
    assert any("33% narrower" in text for text in texts)
    assert any("its mean grey is 63 of 255, at teach-in it was 126" in text for text in texts)
    assert isinstance(run.events[-1], RollEnded)
