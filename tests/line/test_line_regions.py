"""Streaming regions against the plainest labelling of the whole strip at once."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.line.regions import BLUR, BOX_SHARE, RegionFinder

Summary = tuple[tuple[int, int, int, int], tuple[int, int, int, int], int, float, int, int]


def whole(scores: NDArray[np.float32], level: float, threshold: float, gap: int) -> list[Summary]:
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
        core = [
            (y, x)
            for y, x in cells
            if scores[y, x]
            >= BOX_SHARE * scores[max(0, y - BLUR) : y + BLUR + 1, max(0, x - BLUR) : x + BLUR + 1].max()
        ]
        peak = max(cells, key=lambda c: (scores[c], -c[0], -c[1]))
        regions.append((span(cells), span(core or cells), len(cells), float(scores[peak]), *peak))
    return sorted(regions)


def span(cells: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    rows, columns = zip(*cells, strict=True)
    return min(rows), max(rows) + 1, min(columns), max(columns) + 1


def streamed(scores: NDArray[np.float32], level: float, threshold: float, gap: int, cuts: list[int]) -> list[Summary]:
    finder = RegionFinder(level=level, threshold=threshold, gap=gap, width=scores.shape[1])
    found = []
    for part in np.split(scores, cuts):
        finder.feed(part)
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


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 24),
    st.sampled_from([0, 1, 2, 4]),
    st.floats(0.005, 0.5),
    st.sampled_from([1.0, 1.2, 1.43, 2.5]),
    st.lists(st.integers(0, 60), max_size=12),
)
@example(seed=0, rows=40, width=20, gap=0, density=0.3, ratio=1.0, cuts=list(range(1, 40)))
def test_regions_do_not_depend_on_the_cuts(
    seed: int, rows: int, width: int, gap: int, density: float, ratio: float, cuts: list[int]
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
    expected = whole(scores, level, threshold, gap)
    assert streamed(scores, level, threshold, gap, sorted(min(c, rows) for c in cuts)) == expected


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
    finder = RegionFinder(level=1, threshold=2, gap=0, width=80)
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
        finder = RegionFinder(level=1, threshold=2, gap=0, width=80)
        finder.feed(strip[:9])
        finder.feed(strip[9:20])
        regions = list(finder.opened)
        finder.feed(strip[20:])
        (one,) = finder.take_closed()
        assert one is regions[0]
        assert {id(r) for r in one.absorbed} == {id(r) for r in regions[1:]}


def test_a_strong_spot_is_boxed_by_its_own_height_and_a_weak_line_is_whole() -> None:
    y, x = np.mgrid[:60, :60]
    spot = 10 * np.exp(-((y - 20) ** 2 + (x - 20) ** 2) / (2 * 1.7**2))
    (region,) = streamed(spot.astype(np.float32), 1.0, 1.4, 2, [])
    extent, box = region[0], region[1]
    assert extent[1] - extent[0] >= 7
    assert box == (19, 22, 19, 22)
    line = np.zeros((200, 30), np.float32)
    line[20:180, 15] = 1.2
    line[100, 15] = 9
    (region,) = streamed(line, 1.0, 1.4, 2, [64, 128])
    assert region[1] == (20, 180, 15, 16)


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
