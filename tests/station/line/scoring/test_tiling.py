"""Rows of tiles: what they cover, and that the camera's blocks leave no trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.contract import UninspectedReason
from station.line.columns import snap_edges, spread_columns
from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.tiling import cut_tiles
from station.line.scoring.web import WebEdges
from tests.rigs.line import new_tiler, recipe
from tests.rigs.tiling import FixedWeb, push_all


def numbered(lines: int, width: int, first: int = 0) -> NDArray[np.uint8]:
    """Pixels that tell their place, modulo 251 along and 241 across."""
    y, x = np.mgrid[first : first + lines, :width]
    return ((y % 251) ^ (x % 241)).astype(np.uint8)


@given(st.integers(0, 500), st.integers(1, 3000), st.sampled_from([0, 16, 32, 64, 128]))
def test_columns_cover_the_web_with_the_overlap_and_no_more_tiles_than_needed(
    left_cell: int, width: int, overlap: int
) -> None:
    left = 4 * left_cell
    right = left + width
    columns = spread_columns(left, right, 256, overlap, 4)
    assert columns[0] == left
    assert all(column % 4 == 0 for column in columns)
    steps = np.diff(columns)
    assert (steps > 0).all()
    assert (steps <= 256 - overlap).all()
    assert right <= columns[-1] + 256 < right + 4 or width < 256
    assert len(columns) == max(1, 1 + -(-(width - 256) // (256 - overlap)))


@given(st.integers(-20, 300), st.integers(-20, 320), st.integers(4, 300))
def test_edges_snap_inwards_to_cells_but_not_at_the_border(left: int, right: int, width: int) -> None:
    a, b = snap_edges(left, right, width, 4)
    assert a % 4 == 0
    assert b % 4 == 0 or b == width
    if b > a:
        assert max(0, left) <= a < max(0, left) + 4
        assert min(right, width) - 4 < b <= min(right, width)
    else:
        assert (a, b) == (0, 0)
        assert min(right, width) - max(0, left) < 4 + 3 + 4


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 1100),
    st.lists(st.integers(0, 1100), max_size=6),
    st.sampled_from([0, 32, 128]),
    st.sampled_from([40, 256, 259, 611]),
    st.booleans(),
)
def test_rows_tile_the_run_whatever_the_blocks(
    lines: int, cuts: list[int], overlap: int, width: int, early: bool
) -> None:
    pixels = numbered(lines, width)
    tiler = new_tiler(recipe(overlap_px=overlap), width_px=width)
    steps = push_all(tiler, pixels, sorted(min(c, lines) for c in cuts), early=early)
    assert all(isinstance(step, TileRow) for step in steps)
    rows = [*steps, *tiler.end_run()]
    assert isinstance(rows.pop(), EndOfRun)
    assert list(tiler.end_run()) == []
    line = 0
    for row in rows:
        assert row.own_first == line
        assert row.first % 4 == 0
        assert row.first <= row.own_first < row.own_end <= row.end
        assert np.array_equal(row.pixels, pixels[row.first : row.end])
        tiles = cut_tiles(row, 256, 4)
        assert tiles.shape == (len(row.columns), 256, 256)
        for tile, x in zip(tiles, row.columns, strict=True):
            up = 0 if row.above is None else len(row.above)
            assert up < 4
            over = x + 256 - width
            left = x - over if 0 < over < 4 and over <= x else x
            real = pixels[row.first - up : row.end, left : left + 256]
            assert np.array_equal(tile[: real.shape[0], : real.shape[1]], real)
        line = row.own_end
    # A last row that fits exactly leaves only its overlap to the end of the run.
    assert rows[-1].end == lines
    assert line == lines or lines - line == overlap


def test_a_row_comes_with_its_last_line() -> None:
    tiler = new_tiler(recipe(), width_px=300)
    assert push_all(tiler, numbered(255, 300), []) == []
    (row,) = tiler.push(Chunk(numbered(1, 300, 255), 255, 77, None))
    assert (row.first, row.end, row.captured_ns) == (0, 256, 77)
    assert push_all(tiler, numbered(223, 300, 256), [], first=256) == []
    (row,) = tiler.push(Chunk(numbered(1, 300, 479), 479, 78, None))
    assert (row.first, row.own_first, row.own_end, row.end) == (224, 224, 448, 480)


@pytest.mark.parametrize("lines", [256, 300, 480, 483])
def test_the_last_row_of_a_run_is_shifted_back_up(lines: int) -> None:
    tiler = new_tiler(recipe(), width_px=256)
    rows = [*push_all(tiler, numbered(lines, 256), []), *tiler.end_run()][:-1]
    last = rows[-1]
    assert last.end == lines
    assert last.end - last.first > 252


def test_an_early_row_looks_at_the_newest_lines() -> None:
    pixels = numbered(500, 256)
    tiler = new_tiler(recipe(), width_px=256)
    assert push_all(tiler, pixels[:200], []) == []
    assert tiler.early_row() is None
    assert len(push_all(tiler, pixels[200:270], [], first=200)) == 1
    assert tiler.early_row() is None  # 14 new lines are too few
    assert push_all(tiler, pixels[270:301], [], first=270) == []
    row = tiler.early_row()
    assert row is not None
    assert (row.first, row.own_first, row.own_end, row.end) == (44, 224, 268, 300)
    assert np.array_equal(row.pixels, pixels[44:300])
    # The run goes on from there.
    assert push_all(tiler, pixels[301:], [], first=301) == []
    row, end = tiler.end_run()
    assert (row.first, row.own_first, row.own_end, row.end) == (244, 268, 500, 500)
    assert np.array_equal(row.pixels, pixels[244:500])
    assert end == EndOfRun()


def test_mirrored_pixels_fill_a_tile_beyond_a_low_picture_and_a_narrow_web() -> None:
    pixels = numbered(100, 400)
    web = FixedWeb(WebEdges(101, 199))
    tiler = new_tiler(recipe(), width_px=400, web=web)
    push_all(tiler, pixels, [30], piece="low.png")
    row, end = tiler.end_run()
    assert isinstance(row, TileRow)
    assert isinstance(end, EndOfRun)
    assert (row.left_px, row.right_px, row.columns.tolist(), row.blind) == (104, 196, [104], None)
    (tile,) = cut_tiles(row, 256, 4)
    cloth = pixels[:, 104:196]
    assert np.array_equal(tile, np.pad(cloth, ((0, 156), (0, 164)), mode="reflect"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([1, 100, 255, 256, 257, 700])), min_size=1, max_size=6),
    st.booleans(),
)
def test_runs_of_the_loom_that_are_shorter_than_a_tile_are_not_judged(
    runs: list[tuple[int, int]], is_loom: bool
) -> None:
    tiler = new_tiler(recipe(), width_px=300)
    steps: list[TileRow | EndOfRun] = []
    line, long = 0, []
    for gap, lines in runs:
        line += gap
        long += [line] if lines >= 256 else []
        steps += push_all(tiler, numbered(lines, 300), [lines // 2], line, None if is_loom else "one.png")
        line += lines
    rows = [step for step in [*steps, *tiler.end_run()] if isinstance(step, TileRow)]
    for row in rows:
        is_judged = not is_loom or row.run_line in long
        assert row.blind is (None if is_judged else UninspectedReason.TOO_SHORT)
        assert row.seen == (((0, 300),) if is_judged else ())
        assert len(cut_tiles(row, 256, 4)) == (2 if is_judged else 0)
    assert {row.run_line for row in rows if row.blind is None} >= set(long)


def test_no_cloth_no_tiles_but_the_lines_are_owned() -> None:
    tiler = new_tiler(recipe(), width_px=300, web=FixedWeb(None))
    (row,) = push_all(tiler, numbered(256, 300), [])
    assert len(row.columns) == 0
    assert cut_tiles(row, 256, 4).shape == (0, 256, 256)
    assert (row.own_first, row.own_end) == (0, 224)


def test_a_new_piece_and_a_gap_end_the_run() -> None:
    web = FixedWeb(WebEdges(0, 256))
    tiler = new_tiler(recipe(), width_px=256, web=web)
    assert push_all(tiler, numbered(100, 256), [], piece="a") == []
    row, end = push_all(tiler, numbered(100, 256), [], first=100, piece="b")
    assert (row.run_line, row.own_end, row.piece) == (0, 100, "a")
    assert end == EndOfRun()
    row, end = push_all(tiler, numbered(10, 256), [], first=201, piece="b")
    assert (row.run_line, row.own_end, row.piece) == (100, 100, "b")
    row, end = tiler.end_run()
    assert (row.run_line, row.own_end) == (201, 10)
    assert web.resets == 2


def test_colour_stays_colour() -> None:
    pixels = np.stack([numbered(256, 300)] * 3, axis=2)
    tiler = new_tiler(recipe(), width_px=300)
    (row,) = push_all(tiler, pixels, [100])
    assert cut_tiles(row, 256, 4).shape == (2, 256, 256, 3)
    assert np.array_equal(row.pixels, pixels)


def test_the_light_is_evened_out_before_the_web_is_sought() -> None:
    class Brighter:
        def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return np.asarray(pixels + 1, np.uint8)

    seen: list[int] = []

    class Watching(FixedWeb):
        def find(self, pixels: NDArray[np.uint8]) -> WebEdges | None:
            seen.append(int(pixels.max()))
            return super().find(pixels)

    tiler = new_tiler(recipe(), width_px=256, web=Watching(WebEdges(0, 256)), shading=Brighter())
    (row,) = tiler.push(Chunk(np.full((256, 256), 9, np.uint8), 0, 0, None))
    assert (row.pixels == 10).all()
    assert seen == [10]


@pytest.mark.parametrize("lines", [561, 562, 563, 564, 700])
def test_a_run_that_ends_within_a_cell_is_judged_without_mirrored_lines(lines: int) -> None:
    cloth = np.random.default_rng(5).integers(0, 256, (lines, 259), np.uint8)
    tiler = new_tiler(recipe(), width_px=259)
    rows = [row for row in tiler.push(Chunk(cloth, 0, 0, None)) if isinstance(row, TileRow)]
    rows += [row for row in tiler.end_run() if isinstance(row, TileRow)]
    last = rows[-1]
    assert last.first % 4 == 0
    assert last.end == lines
    tiles = cut_tiles(last, 256, 4)
    assert (tiles[0] == cloth[-256:, :256]).all()
    assert (tiles[-1] == cloth[-256:, -256:]).all()
