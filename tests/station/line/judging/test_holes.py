"""A hole shows what lies beside the cloth; nothing else is called one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from drivers.simulated.flaws import FlawKind
from station.contract import DefectChanged, DefectKind
from station.line.judging.holes import HoleFinder
from tests.rigs.holes import NOT_HOLES, WEB_PX, finder_on, judged, rendered, strip
from tests.rigs.line import Run, ScriptedCamera, blocks, cloth

DARK, BRIGHT = 40.0, 250.0


@pytest.mark.parametrize("background", [DARK, BRIGHT])
@pytest.mark.parametrize("style", ["demo", "denim"])
def test_rendered_holes_are_found_before_a_dark_and_a_bright_background(style: str, background: float) -> None:
    pixels, holes = rendered(style, background, 2, (FlawKind.HOLE,), lines=3000, per_m=16)
    told = list(judged(finder_on(pixels), pixels, holes))
    large = [is_hole for flaw, is_hole in told if flaw.length_mm >= 4]
    assert len(large) >= 8
    assert all(large)


@pytest.mark.parametrize("background", [DARK, BRIGHT])
@pytest.mark.parametrize("style", ["demo", "denim"])
def test_rendered_flaws_of_other_kinds_are_no_holes(style: str, background: float) -> None:
    pixels, flaws = rendered(style, background, 1, NOT_HOLES, lines=3000, per_m=24)
    told = [flaw.kind for flaw, is_hole in judged(finder_on(pixels), pixels, flaws) if is_hole]
    assert len(flaws) >= 20
    assert len(told) <= 1, "but what is dyed as dark as the table, and as even"


@pytest.mark.slow
def test_false_holes_are_rare_over_many_rendered_flaws(record_property: Callable[[str, object], None]) -> None:
    """Every kind at 1 to 4 σ on six cloths before three backgrounds; oil stains as dark as the table among them."""
    false, true, flaws_seen, large = 0, 0, 0, 0
    for seed, style in enumerate(("demo", "plain", "denim", "satin", "herringbone", "stripe"), start=10):
        for background in (10.0, DARK, BRIGHT):
            pixels, flaws = rendered(style, background, seed, NOT_HOLES, per_m=14)
            false += sum(is_hole for _, is_hole in judged(finder_on(pixels), pixels, flaws))
            flaws_seen += len(flaws)
            pixels, holes = rendered(style, background, seed, (FlawKind.HOLE,))
            told = [is_hole for flaw, is_hole in judged(finder_on(pixels), pixels, holes) if flaw.length_mm >= 4]
            true += sum(told)
            large += len(told)
    record_property("false_holes", f"{false} of {flaws_seen}")
    record_property("holes_of_4_mm_found", f"{true} of {large}")
    assert flaws_seen >= 600
    assert false <= 0.01 * flaws_seen
    assert true >= 0.97 * large


def test_where_the_cloth_fills_the_picture_no_hole_is_claimed() -> None:
    pixels, holes = rendered("demo", DARK, 2, (FlawKind.HOLE,), lines=1500)
    inside = np.ascontiguousarray(pixels[:, WEB_PX[0] : WEB_PX[1]])
    finder = finder_on(inside, (0, inside.shape[1]))
    assert finder.backgrounds == []
    hole = max(holes, key=lambda flaw: flaw.length_mm)
    around = pixels[hole.first_line - 24 : hole.end_line + 24, hole.first_px - 24 : hole.end_px + 24]
    box = (24, 24 + hole.end_line - hole.first_line, 24, 24 + hole.end_px - hole.first_px)
    assert not finder.is_hole(around, box)


def test_what_lies_beside_and_looks_like_the_cloth_is_no_background() -> None:
    """Somebody had only the middle of the cloth inspected: beside it lies more cloth."""
    pixels, _ = rendered("demo", DARK, 3, NOT_HOLES, lines=4000)
    middle = np.ascontiguousarray(pixels[:, WEB_PX[0] : WEB_PX[1]])
    finder = finder_on(middle, (200, 700))
    assert finder.backgrounds == []


def test_before_any_cloth_nothing_is_known() -> None:
    assert HoleFinder().backgrounds == []
    assert not HoleFinder().is_hole(np.zeros((64, 64), np.uint8), (20, 40, 20, 40))


def test_each_picture_has_a_background_of_its_own() -> None:
    pixels, _ = rendered("demo", DARK, 4, NOT_HOLES, lines=1024)
    finder = finder_on(pixels, piece="a.png")
    assert finder.backgrounds
    finder.see(strip(pixels[:256, WEB_PX[0] : WEB_PX[1]], 0, (0, WEB_PX[1] - WEB_PX[0]), "b.png"))
    assert finder.backgrounds == []


@pytest.mark.parametrize("background", [10, 250])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_line_tells_a_hole_from_a_stain_as_dark_or_bright(background: int, channels: int) -> None:
    """Both are as bright as the table in the middle; the stain has the weave in it."""
    rng = np.random.default_rng(1)
    pixels = np.full((1500, 900), background, np.int16) + rng.normal(0, 1, (1500, 900)).astype(np.int16)
    pixels[:, 96:804] = cloth(1500, 708)
    pixels[300:330, 300:332] = background + rng.normal(0, 1, (30, 32))
    stain = cloth(30, 32, seed=2).astype(np.int16) - 126 + background
    pixels[700:730, 500:532] = stain
    seen = np.clip(pixels, 0, 255).astype(np.uint8)
    if channels == 3:
        seen = np.repeat(seen[:, :, None], 3, axis=2)
    camera = ScriptedCamera(blocks(seen), width_px=900, channels=channels)
    run = Run(camera, web="100:800").to_end()
    last = {event.defect.number: event.defect for event in run.of(DefectChanged)}
    rejects = {one.first_line // 100: one.kind for one in last.values() if one.is_reject and one.merged_into is None}
    assert [kind for line, kind in rejects.items() if line < 6] == [DefectKind.HOLE]
    others = [kind for line, kind in rejects.items() if line >= 6]
    assert others
    assert DefectKind.HOLE not in others
    assert all(one.web_mm == pytest.approx(700 * 0.5, abs=8) for one in last.values())
