"""Cloth at screen resolution: strips laid once, painted often."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from station.contract import LookView, StripView
from station.state.defect import Look
from ui.live.web_ring import EDGE_LIGHT, HATCH_LIGHT, WebRing


def strip(first_line: int, pixels: np.ndarray, hot: float = 0.0) -> StripView:
    cells = (-(-pixels.shape[0] // 4), -(-pixels.shape[1] // 4))
    return StripView(first_line, pixels, np.full(cells, hot, np.float32), 0.5, 4, 0, pixels.shape[1])


def rows_of(ring: WebRing, first: int, end: int) -> np.ndarray:
    return ring.picture[np.arange(first, end) % ring.rows, :, 0]


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(1, 90), min_size=1, max_size=12), start=st.integers(0, 5000))
def test_however_the_cloth_is_cut_every_row_shows_its_own_line(cuts: list[int], start: int) -> None:
    ring = WebRing(64, 100_000)
    line = start
    for lines in cuts:
        grey = np.repeat((np.arange(line, line + lines) % 251).astype(np.uint8)[:, None], 64, axis=1)
        ring.add(strip(line, grey))
        line += lines
    assert (ring.first_row, ring.end_row) == (start, line)
    seen = rows_of(ring, start, line)
    assert (seen == (np.arange(start, line) % 251)[:, None]).all()


@settings(max_examples=40, deadline=None)
@given(width=st.integers(80, 400), strips=st.integers(1, 6), lines=st.integers(20, 120))
def test_the_picture_keeps_its_grey_at_any_size(width: int, strips: int, lines: int) -> None:
    ring = WebRing(width, 4000)
    for index in range(strips):
        ring.add(strip(index * lines, np.full((lines, 240), 137, np.uint8)))
    assert ring.end_row == int(strips * lines * width / 240)
    assert (rows_of(ring, ring.first_row, ring.end_row) == 137).all()


def test_a_ring_that_is_full_keeps_the_newest_rows() -> None:
    ring = WebRing(64, 64)
    for index in range(7):
        ring.add(strip(index * 30, np.full((30, 64), index * 10, np.uint8)))
    assert (ring.first_row, ring.end_row) == (210 - 64, 210)
    assert (rows_of(ring, 180, 210) == 60).all()
    assert (rows_of(ring, 150, 180) == 50).all()


def test_lines_that_never_came_are_a_gap_not_cloth() -> None:
    ring = WebRing(64, 400)
    ring.add(strip(0, np.full((50, 64), 200, np.uint8), hot=1.0))
    ring.add(strip(90, np.full((50, 64), 200, np.uint8), hot=1.0))
    gap = rows_of(ring, 50, 90)
    assert (gap != 200).all()
    assert len(np.unique(gap)) == 2, "striped, so that it cannot be taken for cloth"
    assert not ring.heat[50:90].any()
    assert (rows_of(ring, 90, 140) == 200).all()


def look(first_line: int, lines: int, width: int, hot: float, times: int = 4) -> LookView:
    cells = (-(-lines // (4 * times)), width // times // 4)
    scores = np.zeros(cells, np.float32)
    scores[:, : cells[1] // 2] = hot
    return LookView(Look.BROAD, first_line, first_line + lines, scores, 0.2, 4 * times)


def test_what_another_look_sees_is_laid_over_the_cloth_it_is_of_and_hides_nothing_hotter() -> None:
    ring = WebRing(66, 400)
    for index in range(4):
        ring.add(strip(index * 64, np.full((64, 66), 200, np.uint8), hot=0.5 if index == 1 else 0.0))
    before = ring.heat.copy()
    ring.add_look(look(64, 128, 66, hot=0.2))
    assert (ring.heat[64:128] == before[64:128]).all(), "the fine look sees as much"
    assert (ring.heat[128:192, :24] == ring.heat[64, 0]).all(), "at its threshold it has the colour of the threshold"
    assert not ring.heat[128:192, 40:].any()
    assert not ring.heat[192:256].any()
    shown = ring.heat.copy()
    ring.resize(66, 400)
    assert (ring.heat == shown).all(), "it is still there when the window has another size"
    ring.clear()
    assert not ring.heat.any()


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 900), lines=st.integers(1, 900), strips=st.integers(1, 9), times=st.sampled_from([1, 2, 4]))
def test_a_look_colours_only_cloth_that_is_still_here(first: int, lines: int, strips: int, times: int) -> None:
    ring = WebRing(96, 256)
    for index in range(strips):
        ring.add(strip(index * 128, np.full((128, 192), 200, np.uint8)))
    ring.add_look(look(first, lines, 192, hot=1.0, times=times))
    rows = np.arange(ring.first_row, ring.end_row)
    warm = ring.heat[rows % ring.rows].any(axis=(1, 2))
    expected = (rows >= ring.row_of(first)) & (rows < ring.row_of(first + lines))
    assert (warm <= expected).all()
    assert (warm | ~expected)[: -4 * times].all() or not expected.any()
    if strips < 4:
        assert not ring.heat[ring.end_row :].any()


def test_another_camera_width_begins_anew() -> None:
    ring = WebRing(64, 400)
    ring.add(strip(0, np.full((50, 64), 200, np.uint8)))
    resets = ring.resets
    ring.add(strip(50, np.full((50, 128), 100, np.uint8)))
    assert ring.resets == resets + 1
    assert ring.scale == 0.5
    assert (rows_of(ring, ring.first_row, ring.end_row) == 100).all()


def test_a_resized_window_still_shows_the_cloth() -> None:
    ring = WebRing(64, 400)
    for index in range(4):
        ring.add(strip(index * 50, np.full((50, 64), 40 + index, np.uint8)))
    ring.resize(128, 800)
    assert ring.end_row == 400
    assert (rows_of(ring, 310, 395) == 43).all()


def test_colour_cloth_keeps_its_colours() -> None:
    ring = WebRing(64, 400)
    pixels = np.zeros((40, 64, 3), np.uint8)
    pixels[:] = (200, 120, 30)
    ring.add(strip(0, pixels))
    assert (ring.picture[:40, :, :3] == (30, 120, 200)).all(), "Qt's 32-bit pixels are BGRX in memory"


def test_what_lies_beside_the_web_is_dimmed_and_hatched_behind_a_light_line() -> None:
    ring = WebRing(200, 400)
    ring.add(replace(strip(0, np.full((40, 400), 160, np.uint8)), left_px=120, right_px=360))
    row = rows_of(ring, 5, 6)[0]
    for beside in (row[:59], row[181:]):
        assert set(beside) == {80, HATCH_LIGHT}
        assert (beside == HATCH_LIGHT).mean() < 0.2
    assert row[59] == row[180] == EDGE_LIGHT
    assert (row[60:180] == 160).all()


def test_where_no_cloth_is_in_sight_nothing_is_dimmed() -> None:
    ring = WebRing(200, 400)
    ring.add(replace(strip(0, np.full((40, 200), 160, np.uint8)), left_px=0, right_px=0))
    assert (rows_of(ring, 0, 40) == 160).all()
