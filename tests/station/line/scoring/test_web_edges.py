"""How wide the cloth is, from border to border."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.simulated.cloth import Cloth
from station.line.scoring.web import WebFinder
from station.line.scoring.web_edges import WebEdges
from tests.rigs.line import cloth


def test_the_width_of_the_cloth_does_not_swing_with_what_is_taken_for_selvedge() -> None:
    """On plain weave the inspected columns swing by 100 px."""
    woven = Cloth("plain", width_px=640, mm_per_px=0.5, seed=5, web_px=(80, 560), flaws_per_m=3.0)
    finder = WebFinder()
    found = [finder.find(woven.render(256 * block, 256)) for block in range(3)]
    widths = [edges.cloth_px for edges in found if edges is not None]
    assert len(widths) == 3
    assert max(widths) - min(widths) <= 16
    assert 480 - 8 <= min(widths) <= max(widths) <= 480 + 24, "a selvedge of 10 px on each side may count as cloth"


@pytest.mark.parametrize(("first", "end"), [(0, 600), (100, 600), (0, 500)])
def test_cloth_that_leaves_the_picture_on_a_side_has_no_known_width(first: int, end: int) -> None:
    pixels = np.full((256, 600), 200, np.uint8)
    pixels[:, first:end] = cloth(256, end - first)
    edges = WebFinder().find(pixels)
    assert edges is not None
    assert edges.cloth_px == 0


def test_borders_are_no_part_of_what_edges_are_told_apart_by() -> None:
    assert WebEdges(0, 9, (None, 9)) == WebEdges(0, 9)
    assert (WebEdges(3, 7, (1, 9)).cloth_px, WebEdges(3, 7, (1, None)).cloth_px) == (8, 0)
