"""The picture that shows which columns were taken for cloth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from station.line.flow import TileRow
from station.teaching.web_picture import HEAD_PX, SHADE, SIDE_PX, ClothShown

NONE = np.zeros(0, np.intp)


def row(width: int, left: int, right: int, first: int = 0, piece: str = "1.png", colour: bool = False) -> TileRow:
    pixels = np.full((256, width, 3) if colour else (256, width), 120, np.uint8)
    return TileRow(0, first, first, first + 224, pixels, left, right, ((left, right),), NONE, 0, piece)


def shown(width: int, *rows: TileRow) -> NDArray[np.uint8]:
    seen = ClothShown(width)
    for one in rows:
        seen.see(one)
    picture = seen.picture()
    assert picture is not None
    return picture


def is_shaded(picture: NDArray[np.uint8], column: int) -> bool:
    """Whether the cloth in this column of the picture is tinted."""
    cloth = picture[HEAD_PX : HEAD_PX + 224, SIDE_PX + column].astype(int)
    return bool((cloth[:, 0] - cloth[:, 2]).mean() > 20)


@pytest.mark.field("f02")
@pytest.mark.parametrize("colour", [False, True])
def test_what_was_not_taken_for_cloth_is_shaded_behind_a_line(colour: bool) -> None:
    picture = shown(800, row(800, 240, 760, colour=colour))
    assert [is_shaded(picture, column) for column in (10, 230, 260, 740, 790)] == [True, True, False, False, True]
    edge = picture[HEAD_PX : HEAD_PX + 200, SIDE_PX + 236 : SIDE_PX + 246]
    assert (edge == 0).all(axis=2).any(axis=1).all()
    assert (edge == 255).all(axis=2).any(axis=1).all()


def test_where_all_is_cloth_nothing_is_shaded() -> None:
    picture = shown(800, row(800, 0, 800))
    assert not any(is_shaded(picture, column) for column in range(5, 800, 50))
    assert not (picture == SHADE).all(axis=2).any()


def test_a_wide_picture_is_made_smaller() -> None:
    picture = shown(8000, row(8000, 4000, 8000))
    assert picture.shape[1] <= 1200 + 2 * SIDE_PX
    width = picture.shape[1] - 2 * SIDE_PX
    assert is_shaded(picture[:, :], width // 2 - 20)
    assert not is_shaded(picture[:, :], width // 2 + 20)


def test_the_stretch_with_the_usual_edges_is_drawn_and_rows_of_one_piece_go_together() -> None:
    odd, usual = row(800, 0, 800, piece="odd.png"), [row(800, 400, 800, first=224 * n, piece="b.png") for n in range(3)]
    picture = shown(800, odd, *usual)
    assert picture.shape[0] == HEAD_PX + 3 * 224 + 2 * SIDE_PX
    assert is_shaded(picture, 200)


def test_without_cloth_there_is_no_picture() -> None:
    seen = ClothShown(800)
    seen.see(row(800, 0, 0))
    assert seen.picture() is None
