"""The broad look's rows: the same cloth made smaller, every line once, wherever the web and the frames lie."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.broad import BroadRows, shrunk
from station.line.scoring.web import WebEdges
from station.recipe.looks import BroadLook
from tests.rigs.line import new_tiler, recipe
from tests.rigs.tiling import FixedWeb, push_all

WIDTH = 1203


def broad(size: int) -> BroadRows:
    own = recipe().seen_by(BroadLook(size=size, threshold=20.0))
    return BroadRows(size, own, width_px=WIDTH, tile_px=256, cell_px=4)


def all_of(look: BroadRows, rows: list[TileRow | EndOfRun]) -> list[TileRow | EndOfRun]:
    steps: list[TileRow | EndOfRun] = []
    for row in rows:
        steps += look.push(row) if isinstance(row, TileRow) else look.end_run()
    return [*steps, *look.end_run()]


def fine_rows(
    pixels: NDArray[np.uint8], cuts: list[int], first: int = 0, piece: str | None = None
) -> list[TileRow | EndOfRun]:
    tiler = new_tiler(recipe(), width_px=pixels.shape[1])
    return [*push_all(tiler, pixels, cuts, first=first, piece=piece), *tiler.end_run()]


@settings(max_examples=25, deadline=None)
@given(st.integers(300, 2600), st.lists(st.integers(1, 2600), max_size=5), st.sampled_from([2, 4]), st.integers(0, 999))
def test_every_line_is_seen_once_made_smaller_whatever_the_blocks(
    lines: int, cuts: list[int], size: int, first: int
) -> None:
    pixels = np.random.default_rng(lines).integers(0, 256, (lines, WIDTH), np.uint8)
    steps = all_of(broad(size), fine_rows(pixels, sorted(min(cut, lines) for cut in cuts), first))
    rows = [step for step in steps if isinstance(step, TileRow)]
    assert [step.size for step in steps] == [size] * len(steps)
    assert {row.run_line for row in rows} == {first}
    assert rows[0].own_first == 0
    assert all(one.own_end == other.own_first for one, other in pairwise(rows))
    small = shrunk(pixels, size)
    assert rows[-1].end == len(small) == lines // size
    for row in rows:
        np.testing.assert_array_equal(row.pixels, small[row.first : row.end])


def test_the_web_is_where_it_was_found_and_no_column_beside_it_is_seen() -> None:
    pixels = np.full((1500, WIDTH), 120, np.uint8)
    web = FixedWeb(WebEdges(101, 1003))
    tiler = new_tiler(recipe(web="auto"), width_px=WIDTH, web=web)
    rows: list[TileRow | EndOfRun] = []
    for first in range(0, 1500, 100):
        web.edges = WebEdges(101 + first // 100, 1003)
        rows += tiler.push(Chunk(pixels[first : first + 100], first, 0, None))
    for size in (2, 4):
        for row in all_of(broad(size), rows):
            if isinstance(row, TileRow):
                assert 101 <= row.left_px * size <= 101 + 15 + 8 * size
                assert 1003 - 8 * size <= row.right_px * size <= 1003


def test_what_would_be_mostly_mirror_image_is_not_judged() -> None:
    pixels = np.full((400, WIDTH), 120, np.uint8)
    for size, is_judged in ((2, True), (4, False)):
        made = [row for row in all_of(broad(size), fine_rows(pixels, [], piece="1.png")) if isinstance(row, TileRow)]
        assert [bool(len(row.columns)) for row in made] == [is_judged]


def test_where_there_is_no_cloth_nothing_is_judged() -> None:
    tiler = new_tiler(recipe(web="auto"), width_px=WIDTH, web=FixedWeb(None))
    rows = [*tiler.push(Chunk(np.zeros((1200, WIDTH), np.uint8), 0, 0, None)), *tiler.end_run()]
    made = [row for row in all_of(broad(2), rows) if isinstance(row, TileRow)]
    assert made
    assert all(not len(row.columns) for row in made)


def test_places_in_the_frame_are_those_of_the_smaller_frame() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1000, WIDTH), np.uint8)
    tiler = new_tiler(recipe(), width_px=WIDTH)
    rows: list[TileRow | EndOfRun] = []
    for first in range(0, 1000, 250):  # frames of 500 lines, in two blocks each
        rows += tiler.push(Chunk(pixels[first : first + 250], first, 0, None, frame_line=first % 500, frame_lines=500))
    frames = {
        frame for row in all_of(broad(2), [*rows, *tiler.end_run()]) if isinstance(row, TileRow) for frame in row.frames
    }
    assert frames == {(0, 0, 250), (250, 0, 250)}
