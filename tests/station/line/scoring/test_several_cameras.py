"""Where tiles lie, and where the web ends, while nobody sees some of the columns."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.contract import UninspectedReason as R
from station.line.columns import rest_of, seen_spans
from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.tiling import Tiler, cut_tiles
from station.line.scoring.web import WebFinder
from tests.rigs.line import cloth, new_tiler, recipe

WIDTH = 1600


def tiler(*, width_px: int = WIDTH, web: WebFinder | None = None) -> Tiler:
    return new_tiler(recipe(), width_px=width_px, web=web)


def rows(steps: list[TileRow | EndOfRun]) -> list[TileRow]:
    return [step for step in steps if isinstance(step, TileRow)]


def blinded(pixels: NDArray[np.uint8], *blind_px: tuple[int, int]) -> NDArray[np.uint8]:
    made = pixels.copy()
    for first, end in blind_px:
        made[:, first:end] = 0
    return made


@st.composite
def blind_columns(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    cuts = sorted(draw(st.sets(st.integers(0, WIDTH), min_size=2, max_size=6)))
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


@given(blind_columns())
@settings(deadline=None, max_examples=60)
def test_no_tile_shows_a_blind_column_and_all_else_but_slivers_is_covered(
    blind_px: tuple[tuple[int, int], ...],
) -> None:
    pixels = blinded(np.full((256, WIDTH), 100, np.uint8), *blind_px)
    (row,) = rows(list(tiler().push(Chunk(pixels, 0, 0, None, blind_px))))
    tiles = cut_tiles(row, 256, 4)
    assert len(tiles) == len(row.columns)
    assert (tiles == 100).all()
    covered = np.zeros(WIDTH + 256, bool)
    for column in row.columns:
        covered[column : min(column + 256, row.span_of(column)[1])] = True
    seen = np.ones(WIDTH, bool)
    for first, end in blind_px:
        seen[first:end] = False
    assert not (covered[:WIDTH] & ~seen).any()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (seen & ~covered[:WIDTH]).astype(int), [0]])))
    assert all(end - first < 256 + 2 * 4 for first, end in zip(edges[::2], edges[1::2], strict=True))
    assert row.blind is R.CAMERA_GONE


def test_all_of_the_web_is_seen_where_nothing_is_blind() -> None:
    assert seen_spans(8, 1597, (), 4, 64) == ((8, 1597),)
    assert seen_spans(0, 0, ((0, 9),), 4, 64) == ()
    assert seen_spans(200, 240, ((0, 200), (240, 1600)), 4, 64) == ((200, 240),)
    assert seen_spans(8, 1597, ((0, 101), (700, 801)), 4, 64) == ((104, 700), (804, 1597))
    assert seen_spans(8, 1597, ((60, 1500),), 4, 64) == ((1500, 1597),)


def test_what_was_not_seen_is_the_rest_of_the_web() -> None:
    assert rest_of(8, 1597, ((8, 1597),)) == ()
    assert rest_of(8, 1597, ((104, 700), (804, 1500))) == ((8, 104), (700, 804), (1500, 1597))
    assert rest_of(0, 0, ()) == ()


def test_a_run_ends_where_other_columns_become_blind() -> None:
    pixels, blind = np.full((300, WIDTH), 100, np.uint8), ((800, 1600),)
    lines = tiler()
    steps = [*lines.push(Chunk(pixels, 0, 0, None)), *lines.push(Chunk(pixels, 300, 0, None, blind))]
    steps += lines.push(Chunk(pixels, 600, 0, None, blind))
    assert sum(isinstance(step, EndOfRun) for step in steps) == 1
    steps += lines.push(Chunk(pixels, 900, 0, None, blind, R.LOST_BY_CAMERA))
    assert sum(isinstance(step, EndOfRun) for step in steps) == 2
    assert [row.run_line for row in rows(steps)] == [0, 0, 300, 300, 300, 900]


def web_on_a_table(left: int, right: int) -> NDArray[np.uint8]:
    """Cloth between two columns, a dark smooth table beside it."""
    made = np.full((512, WIDTH), 40, np.uint8)
    made[:, left:right] = cloth(512, right - left)
    return made


def edges_of(steps: list[TileRow | EndOfRun]) -> list[tuple[int, int, R | None]]:
    return [(row.left_px, row.right_px, row.blind) for row in rows(steps)]


def test_the_border_of_a_blind_part_is_no_selvedge() -> None:
    pixels, blind = web_on_a_table(200, 1400), ((800, 1600),)
    lines = tiler(web=WebFinder())
    whole = edges_of(list(lines.push(Chunk(pixels, 0, 0, None))))
    left, right, reason = whole[0]
    assert 200 <= left < 240
    assert 1360 < right <= 1400
    assert reason is None
    partly = edges_of(list(lines.push(Chunk(blinded(pixels, *blind), 512, 0, None, blind))))
    assert partly[-1] == (left, right, R.CAMERA_GONE)
    again = edges_of(list(lines.push(Chunk(pixels, 1024, 0, None))))
    assert again[-1] == (left, right, None)


def test_an_edge_that_was_never_seen_may_be_anywhere() -> None:
    pixels, blind = web_on_a_table(200, 1400), ((800, 1600),)
    (row, *_) = rows(list(tiler(web=WebFinder()).push(Chunk(blinded(pixels, *blind), 0, 0, None, blind))))
    assert 200 <= row.left_px < 240
    assert (row.right_px, row.blind) == (WIDTH, R.CAMERA_GONE)
    assert row.seen == ((row.left_px, 800),)


def test_cloth_that_ends_beside_the_blind_part_was_seen_whole() -> None:
    pixels, blind = web_on_a_table(100, 700), ((1000, 1600),)
    (row, *_) = rows(list(tiler(web=WebFinder()).push(Chunk(blinded(pixels, *blind), 0, 0, None, blind))))
    assert row.right_px <= 700
    assert row.blind is None


def test_no_cloth_in_sight_beside_a_blind_part_is_not_no_cloth() -> None:
    table = np.full((512, WIDTH), 40, np.uint8)
    (row, *_) = rows(list(tiler(web=WebFinder()).push(Chunk(table, 0, 0, None, ((800, 1600),)))))
    assert (row.left_px, row.right_px, row.seen, len(row.columns), row.blind) == (0, 0, (), 0, R.CAMERA_GONE)
