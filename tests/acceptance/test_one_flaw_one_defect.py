"""One flaw is one defect: the shipped fabric and model, flaws of all kinds, alone and forty mm from another."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import FlawKind
from drivers.simulated.paint import FlawPatch
from drivers.simulated.weave import STYLES
from model.runtime import Runtime
from station import demo
from station.contract import Defect, DefectKind
from station.playback import play

pytestmark = pytest.mark.slow

LINES = 4096
APART_PX = round(40 / demo.MM_PER_PX)


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    made = Runtime(demo.shipped_model()[0])
    yield made
    made.close()


def rejects(pixels: NDArray[np.uint8], runtime: Runtime) -> list[demo.Box]:
    pieces = play(MemoryCamera(pixels, lines=len(pixels)), runtime, demo.shipped_model()[1]).pieces
    found: list[Defect] = [defect for piece in pieces.values() for defect in piece.defects if defect.is_reject]
    return [demo.Box(d.first_line, d.end_line, d.first_px, d.end_px) for d in found]


def test_of_the_flaws_found_nearly_all_come_as_exactly_one_defect(runtime: Runtime) -> None:
    cloth = demo.demo_cloth(701, 8.0)
    found = rejects(cloth.render(0, LINES), runtime)
    grow = demo.GROW_MM / demo.MM_PER_PX
    true = [demo.Box.of(flaw).grown(grow) for flaw in cloth.flaws(0, LINES)]
    pieces = [sum(box.meets(flaw) for box in found) for flaw in true]
    assert len(true) >= 15
    assert sum(count > 0 for count in pieces) >= 0.9 * len(true)
    assert sum(count == 1 for count in pieces) >= 0.95 * sum(count > 0 for count in pieces)
    assert all(sum(box.meets(flaw) for flaw in true) <= 1 for box in found), "none spans two flaws"


@pytest.mark.parametrize("contrast", [1.5, 2.0])
def test_a_smear_of_twenty_eight_spots_is_one_area_that_counts_what_is_seen_apart(
    runtime: Runtime, contrast: float
) -> None:
    """Spots of 3 mm, 19 mm from one to the next; and one more by itself, 60 mm beside them."""
    cloth = demo.demo_cloth(33)
    pixels = cloth.render(0, 1024).astype(np.float32)
    stained = np.zeros(pixels.shape, np.float32)
    shaken = np.random.default_rng(0).integers(-2, 3, (7, 4, 2))
    places = [(300 + 38 * row, 600 + 38 * column) + shaken[row, column] for row in range(7) for column in range(4)]
    for line, column in [*places, np.array((400, 600 + 38 * 3 + 120))]:
        cv2.circle(stained, (int(column), int(line)), 3, contrast * cloth.sigma, -1)
    pixels -= cv2.GaussianBlur(stained, (0, 0), 1)
    camera = MemoryCamera(pixels.clip(0, 255).astype(np.uint8), lines=1024)
    pieces = play(camera, runtime, demo.shipped_model()[1]).pieces.values()
    found = [defect for piece in pieces for defect in piece.defects if defect.is_reject]
    alone, smear = sorted(found, key=lambda defect: defect.parts)
    assert (alone.kind, alone.parts) == (DefectKind.SPOT, 1)
    assert smear.kind is DefectKind.AREA
    assert 10 <= smear.parts <= 28


@pytest.mark.parametrize("along", [True, False], ids=["below one another", "side by side"])
def test_two_flaws_forty_millimetres_apart_stay_two(runtime: Runtime, along: bool) -> None:
    """One of every kind, and of either orientation where it has one, copied beside itself."""
    pixels = demo.demo_cloth(30).render(0, 2 * LINES).astype(np.int16)
    pairs: list[tuple[demo.Box, demo.Box]] = []
    line, column = 200, 150
    for patch in one_of_every_kind():
        lines, px = patch.delta.shape
        step = (lines + APART_PX, 0) if along else (0, px + APART_PX)
        if column + px + step[1] > 1850:
            line, column = line + 700 + 600 * along, 150
        boxes = []
        for top, left in ((line, column), (line + step[0], column + step[1])):
            pixels[top : top + lines, left : left + px] += patch.delta
            boxes.append(demo.Box(top, top + lines, left, left + px))
        pairs.append((boxes[0], boxes[1]))
        column += px + step[1] + 160
    assert line + 1400 < len(pixels)
    found = rejects(pixels.clip(0, 255).astype(np.uint8), runtime)
    assert len(pairs) >= len(FlawKind)
    for first, second in pairs:
        assert any(box.meets(first) for box in found)
        assert any(box.meets(second) for box in found)
        assert not any(box.meets(first) and box.meets(second) for box in found)


def one_of_every_kind() -> Iterator[FlawPatch]:
    """Patches of middling size that nobody overlooks."""
    for kind in FlawKind:
        cloth = Cloth(
            STYLES[demo.STYLE],
            width_px=demo.WIDTH_PX,
            mm_per_px=demo.MM_PER_PX,
            seed=5,
            web_px=demo.WEB_PX,
            flaws_per_m=6,
            flaw_kinds=(kind,),
        )
        ways = set()
        for patch in cloth.patches(0, 24_000):
            flaw = patch.flaw
            if flaw.warp_wise not in ways and flaw.contrast_sigma >= 1.5 and 5 <= flaw.length_mm <= 150:
                ways.add(flaw.warp_wise)
                yield patch
