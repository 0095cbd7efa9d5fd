"""What lies beside the cloth is learned from good cloth, and the line finds the web by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from drivers.simulated.weave import STYLES
from station.line.scoring.web import WebEdges, WebFinder
from station.recipe.web_look import Beside, WebLook
from station.teaching.web_learner import MOST_BLOCKS, drawn_blocks, learn, no_yarns_told
from tests.rigs.greige import Greige

Grey = NDArray[np.uint8]


def blocks(greige: Greige, seed: int, pictures: int = 3) -> list[Grey]:
    shown = [greige.picture(100 * seed + number) for number in range(pictures)]
    return [picture[line : line + 256] for picture in shown for line in range(0, greige.lines, 256)]


def edges_of(look: WebLook, greys: Sequence[Grey]) -> list[WebEdges | None]:
    finder = WebFinder(look)
    return [finder.find(grey) for grey in greys]


def drawn(seed: int) -> Greige:
    """Return any fine cloth: filling the picture, with a design border, beside a table, a lamp or the dark, or both."""
    random = np.random.default_rng(seed)
    kind = random.choice(["full", "border", "beside", "both"])
    return Greige(
        style=str(random.choice(sorted(STYLES))),
        yarn_px=float(random.uniform(2, 12)),
        texture=float(random.choice([1, 2, 2.5, 4, 6])),
        falloff=float(random.uniform(0.3, 0.6)),
        along=bool(random.random() < 0.5),
        border=int(random.integers(100, 301)) if kind in ("border", "both") else 0,
        noise=float(random.uniform(0.7, 1.2)),
        beside=int(random.integers(90, 300)) if kind in ("beside", "both") else 0,
        shade=float(random.choice([0.1, 0.3, 0.6, 1.0, 1.4, 3.0])),
        slant=int(random.integers(-6, 7)),
    )


def outcome(seed: int) -> str:
    """Say whether the web of a drawn cloth was found within 8 px on every block, or the whole width kept on some, or
    neither."""
    greige = drawn(seed)
    greys = blocks(greige, seed)
    learned = learn(greys)
    assert learned.has_yarns, greige
    assert learned.look is not None
    ends = greige.width - greige.beside
    reach = 8 + abs(greige.slant) // 2
    found = edges_of(learned.look, greys)
    assert all(edges is not None and edges.left_px == 0 for edges in found), greige
    rights = np.array([edges.right_px for edges in found if edges is not None])
    is_found, is_whole = np.abs(rights - ends) <= reach, rights == greige.width
    if not (is_found | is_whole).all():
        return "off"
    return "found" if is_found.all() else "whole"


@pytest.mark.parametrize("seed", range(8))
def test_fine_cloth_is_found_or_kept_whole(seed: int) -> None:
    assert outcome(seed) in ("found", "whole")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_of_hundreds_of_fine_cloths_none_is_refused_and_few_are_misplaced() -> None:
    outcomes = [outcome(seed) for seed in range(1000, 1200)]
    assert outcomes.count("off") <= 0.01 * len(outcomes)
    assert outcomes.count("found") >= 0.85 * len(outcomes)


@pytest.mark.parametrize("style", ["plain", "satin"])
def test_a_dark_design_border_is_cloth(style: str) -> None:
    greige = Greige(style, 6.0, texture=30.0, falloff=0.3, border=300)
    greys = blocks(greige, 5)
    assert WebFinder().find(greys[0]) != WebEdges(0, greige.width), "by smoothness it is no cloth"
    look = learn(greys).look
    assert look is not None
    assert look.fills
    assert edges_of(look, greys) == [WebEdges(0, greige.width)] * len(greys)
    assert "across the whole picture" in look.told()


def test_where_nothing_lies_beside_only_the_bare_lamp_and_the_dark_are_left_out() -> None:
    greige = Greige("twill", 4.0)
    look = learn(blocks(greige, 2)).look
    assert look is not None
    block = greige.picture(7)[:256].copy()
    block[:, :37] = 255
    block[:, -200:] = 0
    assert edges_of(look, [block]) == [WebEdges(37, greige.width - 200)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "yarn_px", "texture"), [("twill", 4.0, 2.5), ("plain", 2.2, 4.0), ("denim", 9.0, 1.0)]
)
@pytest.mark.parametrize("along", [True, False])
def test_fine_cloth_that_ends_on_a_bare_table_is_gone_and_other_fine_cloth_is_not(
    style: str, yarn_px: float, texture: float, along: bool
) -> None:
    greige = Greige(style, yarn_px, texture=texture, falloff=0.5, along=along)
    look = learn(blocks(greige, 2)).look
    assert look is not None
    assert look.fills
    assert edges_of(look, blocks(greige, 3)) == [WebEdges(0, greige.width)] * 6
    assert edges_of(look, blocks(replace(greige, texture=0.0), 4)) == [None] * 6
    other = replace(greige, style="satin", yarn_px=1.3 * yarn_px, texture=max(texture, 2.0))
    assert edges_of(look, blocks(other, 5)) == [WebEdges(0, greige.width)] * 6
    of_old = look.model_copy(update={"shown": 0.0})
    assert edges_of(of_old, blocks(replace(greige, texture=0.0), 4)) == [WebEdges(0, greige.width)] * 6


@pytest.mark.parametrize("shade", [0, 90, 255])
def test_no_cloth_at_all_is_told_on_the_line(shade: int) -> None:
    look = learn(blocks(Greige("twill", 4.0), 2)).look
    assert look is not None
    assert edges_of(look, [np.full((256, 1024), shade, np.uint8)]) == [None]


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_from_blank_pictures_nothing_is_learned(shade: int) -> None:
    learned = learn([np.full((256, 1024), shade, np.uint8)] * 3)
    assert learned.look is None
    assert learned.greys is None
    assert not learned.has_yarns


def test_a_picture_without_yarns_is_asked_about() -> None:
    table = blocks(Greige(texture=0.0), 1)
    learned = learn(table)
    assert not learned.has_yarns
    said = no_yarns_told(learned)
    assert said.startswith("No cloth was found for certain")
    assert "--web full" in said


def test_cloth_turned_from_picture_to_picture_shows_its_yarns() -> None:
    big = Greige("twill", 5.0, texture=4.0, width=1024, lines=1024)
    turned = []
    for number, angle in enumerate((0, 17, 40, 62, 81, 110)):
        turn = cv2.getRotationMatrix2D((512, 512), angle, 1)
        turned.append(np.asarray(cv2.warpAffine(big.picture(number), turn, (1024, 1024)), np.uint8)[384:640, 256:768])
    look = learn(turned).look
    assert look is not None
    assert look.fills


def test_blocks_are_drawn_evenly_from_all_the_cloth_and_low_ones_left_out() -> None:
    lines = 256 * 4 * MOST_BLOCKS
    cloth = np.repeat(np.arange(lines, dtype=np.int64) // 256 % 200, 64).reshape(lines, 64).astype(np.uint8)
    greys = drawn_blocks(MemoryCamera(cloth, lines=lines), lambda: False)
    assert len(greys) == MOST_BLOCKS
    assert 30 < np.mean([grey[0, 0] for grey in greys]) < 66
    assert not drawn_blocks(MemoryCamera(cloth, lines=lines, block_lines=100), lambda: False)


@pytest.mark.parametrize(("fabric", "begins"), [("aitex_f01", (230, 580)), ("aitex_f03", (1020, 1260))])
def test_strips_keep_the_edges_that_smoothness_finds(shared_data: Path, fabric: str, begins: tuple[int, int]) -> None:
    def strip(path: Path) -> Grey:
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)

    look = learn([strip(path) for path in sorted(shared_data.glob(f"{fabric}/train/good/*.png"))]).look
    assert look is not None
    assert (look.left, look.right) == (Beside.SMOOTH, Beside.NOTHING)
    for path in sorted(shared_data.glob(f"{fabric}/t*/**/*.png")):
        (edges,) = edges_of(look, [strip(path)])
        assert edges == WebFinder().find(strip(path)), path.name
        assert edges is not None
        assert begins[0] <= edges.left_px <= begins[1], path.name
        table = np.ascontiguousarray(strip(path)[:, :200])
        assert edges_of(look, [table]) == [None], path.name


def test_tables_of_strips_show_no_yarns(shared_data: Path) -> None:
    strips = [
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(shared_data.glob("aitex_f01/test/*/*.png"))
    ]
    tables = [np.asarray(strip[:, :200], np.uint8) for strip in strips if strip[:, :200].mean() < 200]
    assert len(tables) > 5
    assert not learn(tables).has_yarns


@pytest.mark.slow
def test_a_table_beside_fine_cloth_is_told_by_the_yarns_it_lacks() -> None:
    greige = Greige("twill", 4.0, beside=200, shade=1.0)
    greys = blocks(greige, 3)
    look = learn(greys).look
    assert look is not None
    assert look.right is Beside.YARNLESS
    assert "without the cloth's yarns on the right" in look.told()
    wandered = replace(greige, beside=260)
    for edges in edges_of(look, blocks(wandered, 4)):
        assert edges is not None
        assert edges.right_px == pytest.approx(greige.width - 260, abs=8)
