"""The web's edges on real line-scan strips, against edges measured by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from station.line.scoring.web import WebEdges, WebFinder
from tests.rigs.web_edges import find_edges

# Column where the ground weave begins on every line of the strip, read off enlarged pictures with a grid of 10 px.
# The cloth runs to the right border on all of them.
GROUND_BEGINS = {
    # grey machine table, dark gap, bright loops
    "aitex_f01/test/002_broken_end/0005_002_01.png": 494,
    "aitex_f01/test/002_broken_end/0006_002_01.png": 499,
    "aitex_f01/test/002_broken_end/0089_002_01.png": 492,
    "aitex_f01/test/019_fuzzyball/0059_019_01.png": 289,
    "aitex_f01/test/030_nep/0091_030_01.png": 364,
    "aitex_f01/test/030_nep/0093_030_01.png": 242,
    "aitex_f01/test/036_weft_crack/0080_036_01.png": 530,
    # white, then a dense band
    "aitex_f01/test/023_crease/0067_023_01.png": 362,
    "aitex_f01/test/good/0012_000_01.png": 428,
    "aitex_f01/train/good/0001_000_01.png": 446,
    "aitex_f01/train/good/0007_000_01.png": 446,
    "aitex_f01/train/good/0018_000_01.png": 429,
    # white, then a selvedge of finer weave, about 57 px wide; some with loose ends before it
    "aitex_f03/test/010_broken_pick/0095_010_03.png": 1046,
    "aitex_f03/test/010_broken_pick/0102_010_03.png": 1220,
    "aitex_f03/test/010_broken_pick/0103_010_03.png": 1220,
    "aitex_f03/test/016_weft_curling/0019_016_03.png": 1037,
    "aitex_f03/test/019_fuzzyball/0050_019_03.png": 1030,
    "aitex_f03/test/022_cut_selvage/0104_022_03.png": 1216,
    "aitex_f03/test/025_warp_ball/0109_025_03.png": 1093,
    "aitex_f03/test/good/0008_000_03.png": 1123,
    "aitex_f03/train/good/0001_000_03.png": 1127,
    "aitex_f03/train/good/0011_000_03.png": 1088,
}
OUTWARDS_PX, INWARDS_PX = 0, 40
"""How far an edge may lie outside and inside the one measured by hand."""

STRIPS_WIDTH = 4096


def grey(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None, path
    return np.asarray(picture, dtype=np.uint8)


def strips(data: Path, fabric: str) -> list[Path]:
    return sorted(data.glob(f"{fabric}/t*/**/*.png"))


@pytest.mark.parametrize("name", GROUND_BEGINS)
def test_edges_measured_by_hand_are_found(shared_data: Path, name: str) -> None:
    edges = find_edges(grey(shared_data / name))
    assert edges is not None
    assert -OUTWARDS_PX <= edges.left_px - GROUND_BEGINS[name] <= INWARDS_PX
    assert edges.right_px == STRIPS_WIDTH


@pytest.mark.parametrize("name", GROUND_BEGINS)
def test_right_edge_is_as_good_as_the_left(shared_data: Path, name: str) -> None:
    mirrored = np.ascontiguousarray(grey(shared_data / name)[:, ::-1])
    edges = find_edges(mirrored)
    assert edges is not None
    assert -OUTWARDS_PX <= STRIPS_WIDTH - edges.right_px - GROUND_BEGINS[name] <= INWARDS_PX
    assert edges.left_px == 0


@pytest.mark.parametrize("name", [n for n in GROUND_BEGINS if "0080" not in n])
@pytest.mark.parametrize("lines", [32, 64, 128])
def test_lower_blocks_find_the_same_edges(shared_data: Path, name: str, lines: int) -> None:
    strip = grey(shared_data / name)
    for line in range(0, 256, lines):
        edges = find_edges(strip[line : line + lines])
        assert edges is not None
        # The border slants by up to 20 px within a strip, so a block may rightly begin before the strip as a whole.
        assert -24 <= edges.left_px - GROUND_BEGINS[name] <= INWARDS_PX + 24
        assert edges.right_px == STRIPS_WIDTH


@pytest.mark.parametrize(
    ("fabric", "first_px", "last_px"), [("aitex_f01", 230, 580), ("aitex_f03", 1020, 1260)], ids=["f01", "f03"]
)
def test_no_strip_begins_on_the_table_nor_far_inside(
    shared_data: Path, fabric: str, first_px: int, last_px: int
) -> None:
    for path in strips(shared_data, fabric):
        strip = grey(path)
        edges = find_edges(strip)
        assert edges is not None, path.name
        assert first_px <= edges.left_px <= last_px, path.name
        assert edges.right_px == STRIPS_WIDTH, path.name
        clipped = int((strip.mean(axis=0) > 240).sum())
        if clipped:  # white beside the web: cloth begins there, and after a selvedge of at most 65 px the ground
            assert clipped < edges.left_px <= clipped + 125, path.name


def test_flaws_lie_inside_the_web(shared_data: Path) -> None:
    for fabric in ("aitex_f01", "aitex_f03"):
        for path in sorted(shared_data.glob(f"{fabric}/ground_truth/*/*_mask.png")):
            mask = grey(path) > 0
            strip = shared_data / fabric / "test" / path.parent.name / path.name.replace("_mask", "")
            edges = find_edges(grey(strip))
            assert edges is not None, path.name
            # Some flaws begin within the selvedge; what lies on the ground weave must be inside.
            inside = mask[:, edges.left_px : edges.right_px].sum() / mask.sum()
            across_px = np.ptp(np.flatnonzero(mask.any(axis=0))) + 1
            assert inside == 1 or (across_px > 50 and inside > 0.8), (path.name, inside)


@pytest.mark.parametrize("width", [256, 1024])
@pytest.mark.parametrize("lines", [32, 256])
def test_crops_full_of_cloth_are_taken_whole(shared_data: Path, width: int, lines: int) -> None:
    for fabric, ground in (("aitex_f01", 640), ("aitex_f03", 1300)):
        for path in strips(shared_data, fabric)[::3]:
            strip = grey(path)
            for left in range(ground, STRIPS_WIDTH - width + 1, 2 * width):
                crop = np.ascontiguousarray(strip[:lines, left : left + width])
                assert find_edges(crop) == WebEdges(0, width), (path.name, left)


@pytest.mark.parametrize(
    "flaw", [(0, 100, 0, 60, 20), (120, 136, 0, 1000, 30), (60, 130, 0, 40, 255), (0, 256, 300, 420, 15)]
)
@pytest.mark.parametrize("name", list(GROUND_BEGINS)[::5])
def test_flaws_painted_on_the_cloth_move_no_edge(
    shared_data: Path, name: str, flaw: tuple[int, int, int, int, int]
) -> None:
    top, bottom, left, right, shade = flaw
    ground = GROUND_BEGINS[name] + 8
    strip = grey(shared_data / name)
    strip[top:bottom, ground + left : ground + right] = shade
    edges = find_edges(strip)
    assert edges is not None
    assert -8 <= edges.left_px - GROUND_BEGINS[name] <= INWARDS_PX + 12
    assert edges.right_px == STRIPS_WIDTH


def test_a_weft_crack_does_not_let_the_table_in(shared_data: Path) -> None:
    name = "aitex_f01/test/036_weft_crack/0080_036_01.png"
    strip, neighbour = grey(shared_data / name), grey(shared_data / "aitex_f01/test/002_broken_end/0005_002_01.png")
    finder = WebFinder()
    for line in range(0, 256, 64):
        finder.find(neighbour[line : line + 64])
    for line in range(0, 256, 64):
        edges = finder.find(strip[line : line + 64])
        assert edges is not None
        assert edges.left_px >= 480


def test_a_table_after_cloth_is_no_cloth(shared_data: Path) -> None:
    strip = grey(shared_data / "aitex_f01/test/030_nep/0091_030_01.png")
    finder = WebFinder()
    assert finder.find(np.ascontiguousarray(strip[:, 700:1040])) == WebEdges(0, 340)
    table = np.ascontiguousarray(strip[:, :340])
    assert finder.find(table) is None
    assert finder.find(np.ascontiguousarray(strip[:, 700:1040])) == WebEdges(0, 340)
