"""The web wanders: nothing is rejected at its selvedge, and flaws near it are found."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from drivers.simulated.cloth import Cloth
from model.runtime import Runtime
from model.scorer import CELL_PX, TILE_PX, TileScorer
from station import demo
from station.contract import Defect
from station.playback import play
from station.recipe import NO_DECISION, Recipe
from station.teaching.held_out import HeldOut
from station.teaching.threshold import choose_threshold
from station.teaching.web_learner import learn

WIDTH, WEB, BLOCK = 1024, (120, 900), 256
MM_PER_PX = 0.5
WANDER_PX = 20
"""That is 10 mm."""
PERIOD = 64
INSIDE_PX = 30
"""That is 15 mm."""


class Unevenness(TileScorer):
    """Scores a cell by how much its shade differs from what lies beside it, as a selvedge's border does."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        cells = [cv2.resize(tile.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA) for tile in tiles]
        return np.stack([np.abs(cv2.blur(one, (3, 3)) - cv2.blur(one, (11, 11))) for one in cells]) / 10 + 0.01


def wandering(cloth: Cloth, begin: float, count: int) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield blocks of cloth and by how many columns each lies beside its place, to and fro in ``PERIOD`` blocks."""
    for number in range(count):
        place = round(WANDER_PX * np.sin(2 * np.pi * (begin + number / PERIOD)))
        yield np.roll(cloth.render(BLOCK * number, BLOCK), place, axis=1), place


@pytest.mark.parametrize("count", [24, pytest.param(400, marks=pytest.mark.slow)])  # of which the last is 51 m
def test_no_false_alarm_at_a_wandering_selvedge_and_flaws_inside_it_are_found(count: int) -> None:
    cloth = Cloth("demo", width_px=WIDTH, mm_per_px=MM_PER_PX, seed=3, web_px=WEB)
    teaching = [block for block, _ in wandering(cloth, 0.0, 16)]
    look = learn(teaching).look
    assert look is not None
    draft = Recipe(fabric="f", model_sha256="0" * 64, encoder="light", threshold=NO_DECISION, web_look=look)
    held = HeldOut()
    play(MemoryCamera(np.concatenate(teaching), lines=BLOCK * len(teaching)), Unevenness(), draft, on_event=held.take)
    sensitivity = held.sensitivity()
    rows = [row.peaks(sensitivity) for row in held.rows]
    threshold = choose_threshold(rows, MM_PER_PX, held.web_px, draft.overlap_px, row_lines=held.row_lines)
    recipe = draft.model_copy(update={"sensitivity": sensitivity, "threshold": threshold.score})
    other = Cloth("demo", width_px=WIDTH, mm_per_px=MM_PER_PX, seed=4, web_px=WEB)
    good = list(wandering(other, 0.4, count))
    assert not rejects([block for block, _ in good], recipe)
    flawed = [with_flaw(block, WEB[0] + INSIDE_PX + place, 2 * other.sigma) for block, place in good]
    found = rejects(flawed, recipe)
    firsts = [WEB[0] + INSIDE_PX + place for _, place in good]
    seen = sum(any(is_at(one, number, first) for one in found) for number, first in enumerate(firsts))
    assert seen >= 0.95 * count


def rejects(blocks: list[NDArray[np.uint8]], recipe: Recipe, scorer: TileScorer | None = None) -> list[Defect]:
    camera = MemoryCamera(np.concatenate(blocks), lines=BLOCK * len(blocks))
    pieces = play(camera, scorer or Unevenness(), recipe).pieces.values()
    return [defect for piece in pieces for defect in piece.defects if defect.is_reject]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("metres", [5, pytest.param(100, marks=pytest.mark.study)])
def test_the_shipped_model_rejects_nothing_at_a_wandering_selvedge_and_finds_the_flaws_inside_it(metres: int) -> None:
    """To and fro once in a hundred metres; on every block of 128 mm a spot of 8 mm, left and right by turns."""
    network, recipe = demo.shipped_model()
    cloth = Cloth("demo", width_px=WIDTH, mm_per_px=MM_PER_PX, seed=41, web_px=WEB)
    blocks, at_once = round(metres * 1000 / MM_PER_PX / BLOCK), 64
    seen, stray = 0, list[Defect]()
    runtime = Runtime(network)
    for begin in range(0, blocks, at_once):
        shown, firsts = [], []
        for number in range(begin, min(begin + at_once, blocks)):
            places = WANDER_PX * np.sin(2 * np.pi * MM_PER_PX / 100_000 * (BLOCK * number + np.arange(BLOCK)))
            side = WEB[1] - INSIDE_PX - FLAW_PX if number % 2 else WEB[0] + INSIDE_PX
            firsts.append(side + round(float(places[FLAW_LINE])))
            shown.append(with_flaw(shifted(cloth.render(BLOCK * number, BLOCK), places), firsts[-1], 2 * cloth.sigma))
        found = rejects(shown, recipe, runtime)
        on_flaw = np.array([[is_at(one, number, first) for one in found] for number, first in enumerate(firsts)])
        seen += int(on_flaw.any(axis=1).sum())
        stray += [one for one, hits in zip(found, on_flaw.any(axis=0), strict=True) if not hits]
    runtime.close()
    assert stray == []
    assert seen >= 0.95 * blocks


def shifted(block: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the block with each line so many columns further to the right."""
    columns = np.arange(block.shape[1])[None] - places[:, None]
    lines = np.broadcast_to(np.arange(len(block))[:, None], columns.shape)
    moved = cv2.remap(block, columns.astype(np.float32), lines.astype(np.float32), cv2.INTER_LANCZOS4)
    return np.asarray(moved, np.uint8)


FLAW_LINE, FLAW_PX = 120, 16


def with_flaw(block: NDArray[np.uint8], first: int, depth: float) -> NDArray[np.uint8]:
    """Return the block with a dark spot from column ``first`` on."""
    made = block.astype(np.float32)
    made[FLAW_LINE : FLAW_LINE + FLAW_PX, first : first + FLAW_PX] -= depth
    return np.clip(made, 0, 255).astype(np.uint8)


def is_at(defect: Defect, block: int, px: int) -> bool:
    """Say whether a defect lies on a block's flaw, which begins at column ``px``."""
    line = BLOCK * block + FLAW_LINE
    return (
        defect.first_line < line + FLAW_PX + 8
        and defect.end_line > line - 8
        and defect.first_px < px + FLAW_PX + 8
        and defect.end_px > px - 8
    )
