"""The margin beside the selvedge, from scores of good cloth."""

from __future__ import annotations

import numpy as np
import pytest

from station.control import StripView
from station.quality.edges import EdgeProfile


def strip(number: int, left: int, right: int, odd_left: int = 0, odd_right: int = 0, width: int = 1200) -> StripView:
    random = np.random.default_rng(number)
    heat = random.gamma(4, 0.05, (56, width // 4)).astype(np.float32)
    heat[:, left // 4 : left // 4 + odd_left] += 0.3
    heat[:, right // 4 - odd_right : right // 4] += 0.3
    heat[:, : left // 4] = heat[:, right // 4 :] = 0
    return StripView(0, np.zeros((224, width), np.uint8), heat, 4, left, right)


def margin(*strips: StripView) -> int:
    profile = EdgeProfile()
    for one in strips:
        profile.take(one)
    return profile.margin_px()


@pytest.mark.parametrize(("odd_left", "odd_right", "wanted"), [(8, 0, 32), (0, 5, 20), (3, 7, 28)])
def test_the_margin_is_as_wide_as_the_odd_cloth(odd_left: int, odd_right: int, wanted: int) -> None:
    strips = [strip(n, 40 + 4 * n, 1160, odd_left, odd_right) for n in range(8)]
    assert margin(*strips) == wanted


def test_cloth_alike_up_to_its_edges_needs_no_margin() -> None:
    assert margin(*(strip(n, 40, 1160) for n in range(8))) <= 4


def test_the_pictures_own_edge_is_no_selvedge() -> None:
    assert margin(*(strip(n, 0, 1200, 8, 8) for n in range(8))) == 0


def test_nothing_seen_or_too_narrow_gives_none() -> None:
    assert margin() == 0
    assert margin(strip(1, 40, 160, 5, 5)) == 0
