"""Streaming regions against the plainest labelling of the whole strip at once; what joins over longer gaps is left out
here (test_gaps.py)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.judging.regions import BLUR, RegionFinder

Sides = tuple[float, float, float, float]
Summary = tuple[Sides, Sides, int, float, int, int]


def whole(
    scores: NDArray[np.float32], raw: NDArray[np.float32], level: float, threshold: float, drop: float, gap: int
) -> list[Summary]:
    """Neighbours are joined, and strong cells with at most ``gap`` cells between them; by walking from cell to cell."""
    left = {(int(y), int(x)) for y, x in np.argwhere(scores >= level)}
    regions = []
    while left:
        todo, cells = [left.pop()], []
        while todo:
            y, x = todo.pop()
            cells.append((y, x))
            near = {
                (b, a)
                for b, a in left
                if max(abs(b - y), abs(a - x)) <= (gap + 1 if min(scores[y, x], scores[b, a]) >= threshold else 1)
            }
            left -= near
            todo += near
        cells.sort()
        peak = max(cells, key=lambda c: (scores[c], -c[0], -c[1]))
        box = boxed(raw, scores >= level, cells, drop)
        regions.append((span(cells), box, len(cells), float(scores[peak]), *peak))
    return sorted(regions)


def boxed(raw: NDArray[np.float32], mask: NDArray[np.bool_], cells: list[tuple[int, int]], drop: float) -> Sides:
    """Walk up, down, left and right from every cell's middle until the raw score has fallen to the cell's cut."""
    padded = np.pad(raw, 1)
    reached: list[Sides] = []
    for y, x in cells:
        here = raw[y, x]
        near = slice(max(0, y - BLUR), y + BLUR + 1), slice(max(0, x - BLUR), x + BLUR + 1)
        cut = raw[near][mask[near]].max() - np.float32(drop)
        if here < cut:
            continue
        far = []
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            beyond = padded[y + 1 + down, x + 1 + right]
            far.append(float((here - cut) / (here - beyond)) if beyond < cut else 1.0)
        reached.append((y + 0.5 - far[0], y + 0.5 + far[1], x + 0.5 - far[2], x + 0.5 + far[3]))
    whole_cells = span(cells)
    if not reached:
        return whole_cells
    tops, bottoms, lefts, rights = zip(*reached, strict=True)
    return (
        max(min(tops), whole_cells[0]),
        min(max(bottoms), whole_cells[1]),
        max(min(lefts), whole_cells[2]),
        min(max(rights), whole_cells[3]),
    )


def span(cells: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    rows, columns = zip(*cells, strict=True)
    return min(rows), max(rows) + 1, min(columns), max(columns) + 1


def streamed(
    scores: NDArray[np.float32],
    level: float,
    threshold: float,
    gap: int,
    cuts: list[int],
    drop: float = math.inf,
    raw: NDArray[np.float32] | None = None,
) -> list[Summary]:
    finder = RegionFinder(
        level=level, threshold=threshold, drop=drop, gap=gap, width=scores.shape[1], joins_lines=False
    )
    found = []
    for part, part_raw in zip(np.split(scores, cuts), np.split(scores if raw is None else raw, cuts), strict=True):
        finder.feed(part, None if raw is None else part_raw)
        found += finder.take_closed()
    finder.flush()
    found += finder.take_closed()
    assert finder.opened == []
    assert finder.rows_decided == len(scores)
    return sorted(
        (
            (r.extent.top, r.extent.bottom, r.extent.left, r.extent.right),
            (r.box.top, r.box.bottom, r.box.left, r.box.right),
            r.area,
            r.peak,
            r.peak_row,
            r.peak_column,
        )
        for r in found
    )


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 24),
    st.sampled_from([0, 1, 2, 4]),
    st.floats(0.005, 0.5),
    st.sampled_from([1.0, 1.2, 1.43, 2.5]),
    st.sampled_from([0.1, 0.35, 1.0, math.inf]),
    st.booleans(),
    st.lists(st.integers(0, 60), max_size=12),
)
@example(seed=0, rows=40, width=20, gap=0, density=0.3, ratio=1.0, drop=0.35, lenient=True, cuts=list(range(1, 40)))
def test_regions_do_not_depend_on_the_cuts(
    seed: int,
    rows: int,
    width: int,
    gap: int,
    density: float,
    ratio: float,
    drop: float,
    lenient: bool,
    cuts: list[int],
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0, 1, (rows, width)).astype(np.float32)
    scores[rng.uniform(size=scores.shape) < density] *= 4
    # A few equal values, so that ties of the peak are met.
    scores = np.round(scores, 1)
    level = float(np.quantile(scores, 1 - density))
    if level <= 0:
        return
    threshold = round(level * ratio, 3)
    raw = scores * rng.choice([1, 1.5, 4], width).astype(np.float32) if lenient else None
    expected = whole(scores, scores if raw is None else raw, level, threshold, drop, gap)
    found = streamed(scores, level, threshold, gap, sorted(min(c, rows) for c in cuts), drop, raw)
    assert found == expected
    for extent, box, *_ in found:
        assert extent[0] <= box[0] <= box[1] <= extent[1]
        assert extent[2] <= box[2] <= box[3] <= extent[3]


def test_one_line_over_thousands_of_rows_is_one_region() -> None:
    scores = np.zeros((3000, 8), np.float32)
    scores[10:2990, 3] = 2
    scores[1000:1003, 3] = 0
    (region,) = streamed(scores, 1.0, 1.5, 3, list(range(50, 3000, 50)))
    assert region[0] == (10, 2990, 3, 4)
    assert region[2] == 2977
    assert len(streamed(scores, 1.0, 1.5, 2, list(range(50, 3000, 50)))) == 2


def test_a_v_closes_into_one_and_lists_what_it_absorbed() -> None:
    scores = np.zeros((40, 80), np.float32)
    for row in range(40):
        scores[row, row] = scores[row, 79 - row] = 5
    finder = RegionFinder(level=1, threshold=2, drop=1, gap=0, width=80)
    finder.feed(scores[:30])
    first, second = finder.opened
    finder.feed(scores[30:])
    finder.flush()
    assert finder.take_closed() == [first]
    assert first.absorbed == [second]
    assert first.area == 80


def test_a_w_closes_into_one_and_lists_all_it_absorbed() -> None:
    scores = np.zeros((40, 80), np.float32)
    scores[:30, [10, 30, 50]] = 5
    scores[30, 10:51] = 5
    for order in ([10, 30, 50], [50, 30, 10], [30, 50, 10]):
        strip = scores.copy()
        for late, column in enumerate(order):
            strip[: 2 * late, column] = 0
        finder = RegionFinder(level=1, threshold=2, drop=1, gap=0, width=80)
        finder.feed(strip[:9])
        finder.feed(strip[9:20])
        regions = list(finder.opened)
        finder.feed(strip[20:])
        (one,) = finder.take_closed()
        assert one is regions[0]
        assert {id(r) for r in one.absorbed} == {id(r) for r in regions[1:]}


@pytest.mark.parametrize("peak", [2.5, 4.0, 9.0])
def test_a_spot_is_boxed_where_half_as_much_stands_out_however_strong_it_is(peak: float) -> None:
    """A score is the logarithm of what stands out; blurred, that is a bell, and its width at half height is known."""
    y, x = np.mgrid[:60, :60]
    sigma, drop = 2.5, 0.8
    fall = drop / math.log(2)  # of the score where what stands out falls by a factor of e
    spot = peak - fall * ((y - 20) ** 2 + (x - 25) ** 2) / (2 * sigma**2)
    (region,) = streamed(np.maximum(spot, 0).astype(np.float32), 1.0, 1.4, 2, [22], drop)
    half = sigma * math.sqrt(2 * math.log(2))
    assert region[1] == pytest.approx((20.5 - half, 20.5 + half, 25.5 - half, 25.5 + half), abs=0.05)
    assert region[0][1] - region[0][0] > 2 * half


def test_a_strong_spot_on_a_weak_line_does_not_shorten_it() -> None:
    line = np.zeros((200, 30), np.float32)
    line[20:180, 15] = 1.2
    line[100, 15] = 9
    (region,) = streamed(line, 1.0, 1.4, 2, [64, 128], 0.8)
    assert region[1] == pytest.approx((20, 180, 15, 16), abs=0.5)


def test_noise_near_the_level_does_not_gather_round_a_flaw() -> None:
    scores = np.zeros((30, 30), np.float32)
    scores[10, 10] = 5
    scores[13, 13] = scores[16, 10] = 1.1
    assert [r[1] for r in streamed(scores, 1.0, 1.5, 4, [12])] == [
        (10, 11, 10, 11),
        (13, 14, 13, 14),
        (16, 17, 10, 11),
    ]
    scores[13, 13] = 1.6
    assert len(streamed(scores, 1.0, 1.5, 4, [12])) == 2
