"""A piece's map: full size, aligned, nothing off the web."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from station.playback import HeatStrip, full_size_map


def strip(lines: int, width: int, heat: np.ndarray, left: int = 0, right: int | None = None) -> HeatStrip:
    return HeatStrip(heat.astype(np.float32), lines, left, width if right is None else right)


@given(st.integers(1, 70), st.integers(1, 70), st.floats(0.01, 2))
def test_an_even_map_stays_even_at_any_size(lines: int, width: int, level: float) -> None:
    heat = np.full((-(-lines // 4), -(-width // 4)), level)
    full, web = full_size_map([strip(lines, width, heat)], width, 4)
    assert web.all()
    assert full.shape == (lines, width)
    assert full.dtype == np.float32
    np.testing.assert_allclose(full, level, rtol=1e-5)


def test_a_hot_cell_lies_where_its_pixels_are() -> None:
    heat = np.zeros((8, 10))
    heat[5, 3] = 1.0
    full, _ = full_size_map([strip(16, 40, heat[:4]), strip(16, 40, heat[4:])], 40, 4)
    assert full.max() == 1.0
    rows, columns = np.nonzero(full > 0.7)
    assert rows.min() >= 20
    assert rows.max() < 24
    assert columns.min() >= 12
    assert columns.max() < 16


def test_off_the_web_is_zero_strip_by_strip() -> None:
    heat = np.ones((2, 10))
    full, web = full_size_map([strip(8, 40, heat, 8, 36), strip(8, 40, heat, 12, 32)], 40, 4)
    assert web.sum() == 8 * 28 + 8 * 20
    assert full[:8, :8].max() == 0
    assert full[:8, 36:].max() == 0
    assert full[8:, :12].max() == 0
    assert full[0, 8] == 1
