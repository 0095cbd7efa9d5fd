"""The score strip shows the cloth, not the tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.flow import StripPart, TileRow
from station.line.judging.blending import Blender, feather
from station.line.scoring.web import WebEdges
from station.recipe.sensitivity import SensitivityProfile
from tests.rigs.line import new_tiler, recipe
from tests.rigs.tiling import FixedWeb, push_all


def smooth(lines: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float32]:
    """A score that depends on the place alone."""
    return (2 + np.sin(lines[:, None] / 90) * np.cos(columns[None, :] / 130)).astype(np.float32)


def place_maps(row: TileRow) -> NDArray[np.float32]:
    centres = np.arange(64) * 4 + 2.0
    return np.array([smooth(row.first + centres, x + centres) for x in row.columns]).reshape(-1, 64, 64)


def blend(
    lines: int,
    width: int,
    overlap: int,
    edges: WebEdges | None,
    maps: object = place_maps,
    early: list[int] | None = None,
    sensitivity: SensitivityProfile | None = None,
) -> list[StripPart]:
    tiler = new_tiler(recipe(overlap_px=overlap), width_px=width, web=FixedWeb(edges))
    blender = Blender(width_px=width, tile_px=256, cell_px=4, overlap_px=overlap, sensitivity=sensitivity)
    parts = []
    for step in [
        *push_all(tiler, np.zeros((lines, width), np.uint8), early or [], piece="a", early=early is not None),
        *tiler.end_run(),
    ]:
        if isinstance(step, TileRow):
            parts.append(blender.add(step, maps(step)))  # type: ignore[operator]
        elif (tail := blender.tail()) is not None:
            parts.append(tail)
    return parts


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 1300),
    st.integers(64, 1200),
    st.sampled_from([0, 4, 32, 128]),
    st.integers(0, 60),
    st.integers(0, 60),
    st.lists(st.integers(0, 1300), max_size=10),
)
def test_a_smooth_score_gives_the_same_strip_whatever_the_tiling(
    lines: int, width: int, overlap: int, left: int, beside: int, early: list[int]
) -> None:
    edges = WebEdges(min(left, width - 8), max(width - beside, min(left, width - 8) + 8))
    parts = blend(lines, width, overlap, edges, early=sorted(min(cut, lines) for cut in early))
    line = 0
    for part in parts:
        assert part.first == line
        assert part.pixels.shape[0] == part.end - part.first
        assert part.scores.shape == (-(-(part.end - part.first) // 4), -(-width // 4))
        line = part.end
    assert line == lines
    strip = np.concatenate([part.scores for part in parts])
    expected = smooth(np.arange(len(strip)) * 4 + 2.0, np.arange(strip.shape[1]) * 4 + 2.0)
    first, last = parts[0].left_px // 4, -(-parts[0].right_px // 4)
    expected[:, :first] = 0
    expected[:, last:] = 0
    np.testing.assert_allclose(strip, expected, atol=1e-5)


@pytest.mark.parametrize("lines", [700, 730, 704])
def test_tiles_that_disagree_fade_into_each_other(lines: int) -> None:
    """Even where every tile is off by its own constant, neighbouring cells differ by little: no seam."""
    rng = np.random.default_rng(1)

    def biased(row: TileRow) -> NDArray[np.float32]:
        return np.broadcast_to(rng.uniform(0, 1, (len(row.columns), 1, 1)), (len(row.columns), 64, 64)).astype(
            np.float32
        )

    strip = np.concatenate([part.scores for part in blend(lines, 900, 32, None or WebEdges(0, 900), biased)])
    for axis in (0, 1):
        assert np.abs(np.diff(strip, axis=axis)).max() < 1 / 8 + 0.07


def test_no_cloth_is_zero_and_leaves_nothing_behind() -> None:
    parts = blend(600, 300, 32, None)
    assert sum(part.end - part.first for part in parts) == 600
    assert all(not part.scores.any() and part.left_px == part.right_px == 0 for part in parts)


def test_feather_weights_of_neighbours_sum_to_one() -> None:
    weights = feather(64, 8)
    np.testing.assert_allclose(weights[:8] + weights[-8:], 1.0)
    assert (weights[8:-8] == 1).all()
    assert (feather(64, 8, start=20)[:20] == 0).all()


def test_scores_are_divided_where_good_cloth_scores_high() -> None:
    sensitivity = SensitivityProfile(left=(4.0, 2.0), right=(3.0,), columns=((600, 2.0),), width_px=1000)
    edges = WebEdges(100, 900)
    plain, lenient = (
        np.concatenate([part.scores for part in blend(700, 1000, 32, edges, sensitivity=one)])
        for one in (None, sensitivity)
    )
    expected = np.ones(250, np.float32)
    expected[[25, 26, 150, 224]] = 4, 2, 2, 3
    assert np.allclose(lenient * expected, plain, rtol=1e-5)
    assert np.array_equal(blend(700, 1000, 32, edges, sensitivity=sensitivity)[0].divisors, expected)
