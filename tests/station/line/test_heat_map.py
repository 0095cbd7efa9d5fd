"""A piece's map: full size, aligned, nothing off the web."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from station.contract import LookView, StripView
from station.line.heat_map import HeatMap, muted, sharper
from station.state.defect import Look

AS_IS = 0.5
"""A threshold at which a display score is the raw score."""


def strip(
    lines: int, width: int, heat: np.ndarray, left: int = 0, right: int | None = None, first: int = 0
) -> StripView:
    pixels = np.zeros((lines, width), np.uint8)
    return StripView(first, pixels, heat.astype(np.float32), AS_IS, 4, left, width if right is None else right)


def full_size_map(*views: StripView | LookView) -> tuple[np.ndarray, np.ndarray]:
    gathered = HeatMap()
    for view in views:
        gathered.take(view)
    return gathered.full_size()


@given(st.integers(1, 70), st.integers(1, 70), st.floats(0.01, 2))
def test_an_even_map_stays_even_at_any_size(lines: int, width: int, level: float) -> None:
    heat = np.full((-(-lines // 4), -(-width // 4)), level)
    full, web = full_size_map(strip(lines, width, heat))
    assert web.all()
    assert full.shape == (lines, width)
    assert full.dtype == np.float32
    np.testing.assert_allclose(full, level, rtol=1e-5)


def test_a_hot_cell_lies_where_its_pixels_are() -> None:
    heat = np.zeros((8, 10))
    heat[5, 3] = 1.0
    full, _ = full_size_map(strip(16, 40, heat[:4]), strip(16, 40, heat[4:], first=16))
    assert full.max() == 1.0
    rows, columns = np.nonzero(full > 0.7)
    assert rows.min() >= 20
    assert rows.max() < 24
    assert columns.min() >= 12
    assert columns.max() < 16


def test_off_the_web_is_zero_strip_by_strip() -> None:
    heat = np.ones((2, 10))
    full, web = full_size_map(strip(8, 40, heat, 8, 36), strip(8, 40, heat, 12, 32, first=8))
    assert web.sum() == 8 * 28 + 8 * 20
    assert full[:8, :8].max() == 0
    assert full[:8, 36:].max() == 0
    assert full[8:, :12].max() == 0
    assert full[0, 8] == 1


def test_what_only_a_broad_look_sees_is_on_the_map_where_it_is() -> None:
    soft = np.zeros((4, 4), np.float32)
    soft[1, 2] = 0.9
    full, _ = full_size_map(
        strip(64, 64, np.full((16, 16), 0.1), first=128), LookView(Look.BROAD, 128, 192, soft, AS_IS, 16)
    )
    assert full[16:32, 32:48].min() == np.float32(0.9)
    assert full[:8].max() == np.float32(0.1)


def test_a_small_flaw_that_the_fine_look_sees_better_keeps_its_sharp_outline() -> None:
    fine, blurred = np.full((64, 64), 0.1, np.float32), np.full((16, 16), 0.1, np.float32)
    fine[32, 32] = 1.0
    blurred[7:10, 7:10] = 0.7
    assert np.array_equal(sharper(fine, blurred, 4), fine)
    blurred[7:10, 7:10] = 1.2
    assert (sharper(fine, blurred, 4) == np.float32(1.2)).sum() == 144


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 4))
def test_no_cell_is_lower_for_a_broad_look_and_none_higher_than_both(rows: int, columns: int, times: int) -> None:
    random = np.random.default_rng(rows * 41 + columns)
    fine = random.random((rows, columns), np.float32)
    broad = random.random((-(-rows // times), -(-columns // times)), np.float32)
    joined = sharper(fine, broad, times)
    assert (joined >= fine).all()
    assert joined.max() <= max(fine.max(), broad.max())


@given(st.lists(st.floats(0, 3), min_size=2, max_size=20))
def test_muting_keeps_the_order_and_what_is_rejected(values: list[float]) -> None:
    heat = np.array(sorted(values), np.float32)
    quiet = muted(heat)
    assert (np.diff(quiet) >= 0).all()
    assert (quiet <= heat).all()
    np.testing.assert_array_equal(quiet >= 0.5, heat >= 0.5)
