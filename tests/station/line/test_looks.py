"""All looks on the running line: what only one of them sees is found, once, where it is, and nothing is lost."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from model.long import LongLearner
from station.contract import DefectChanged, LookView, StripView
from station.recipe.looks import BroadLook, LongLookLimits
from station.state.defect import Look
from tests.rigs.line import DeviationScorer, Run, ScriptedCamera, blocks, cloth

LINES, WIDTH = 2600, 1400


def with_looks(**others: object) -> DeviationScorer:
    """A scorer whose broad looks reckon as the fine one does."""
    scorer = DeviationScorer()
    scorer.broad = MappingProxyType({2: DeviationScorer(), 4: DeviationScorer()})
    for name, value in others.items():
        setattr(scorer, name, value)
    return scorer


def stained(lines: int = LINES) -> NDArray[np.uint8]:
    """Noisy cloth with a soft stain 160 px wide, far fainter than the noise of a pixel."""
    noise = np.random.default_rng(0).normal(0, 14, (lines, WIDTH))
    y, x = np.mgrid[:lines, :WIDTH]
    stain = -14 * np.exp(-((y - 1200) ** 2 + (x - 700) ** 2) / (2 * 45**2))
    return np.clip(130 + noise + stain, 0, 255).astype(np.uint8)


BROAD = (BroadLook(size=2, threshold=14.0), BroadLook(size=4, threshold=7.5))
FINE = 40.0
"""The threshold of the fine look, which noise does not reach."""


def test_a_soft_stain_that_only_a_broad_look_sees_is_one_defect_where_it_is() -> None:
    camera = ScriptedCamera(blocks(stained()), width_px=WIDTH)
    run = Run(camera, with_looks(), broad=BROAD, threshold=FINE).to_end()
    (told,) = {d.defect.number for d in run.of(DefectChanged) if d.defect.is_reject}
    last = [d.defect for d in run.of(DefectChanged) if d.defect.number == told][-1]
    assert last.look is Look.BROAD
    assert last.closed
    assert abs((last.first_line + last.end_line) / 2 - 1200) < 60
    assert abs((last.first_px + last.end_px) / 2 - 700) < 60
    assert last.position_mm == last.first_line * 0.5
    assert last.crop is not None
    totals = run.inspection.snapshot().ledger
    assert (totals.lines_inspected, totals.lines_uninspected) == (LINES, 0)
    assert run.camera.stopped


def test_a_look_that_is_off_does_not_look() -> None:
    off = tuple(look.model_copy(update={"is_on": False}) for look in BROAD)
    run = Run(ScriptedCamera(blocks(stained()), width_px=WIDTH), with_looks(), broad=off, threshold=FINE).to_end()
    assert not run.of(DefectChanged)
    assert not run.of(LookView)


def test_every_line_is_in_one_view_of_each_look() -> None:
    run = Run(
        ScriptedCamera(blocks(stained(2601), first=40), width_px=WIDTH), with_looks(), broad=BROAD, threshold=FINE
    ).to_end()
    for cell in (8, 16):
        views = [view for view in run.of(LookView) if view.cell_px == cell]
        ends = [view.end_line for view in views]
        assert [view.first_line for view in views] == [40, *ends[:-1]]
        assert 2641 - ends[-1] < cell
    assert sum(len(view.pixels) for view in run.of(StripView)) == 2601


def test_without_other_looks_the_fine_one_tells_what_it_told_before() -> None:
    def told(broad: tuple[BroadLook, ...]) -> list[tuple[object, ...]]:
        pixels = cloth(1500, 700)
        pixels[300:310, 400:410] = 220
        run = Run(ScriptedCamera(blocks(pixels), width_px=700), with_looks(), broad=broad).to_end()
        closed = [d.defect for d in run.of(DefectChanged) if d.defect.closed]
        return [(d.number, d.first_line, d.end_line, d.first_px, d.end_px, d.score, d.is_reject) for d in closed]

    deaf = tuple(BroadLook(size=size, threshold=1e6) for size in (2, 4))
    assert told(()) == told(deaf)


def test_a_faint_missing_end_is_one_long_defect_that_begins_where_it_began() -> None:
    random = np.random.default_rng(3)

    def woven(lines: int) -> NDArray[np.float64]:
        y, x = np.mgrid[:lines, :WIDTH]
        weave = 8 * np.cos(2 * np.pi * x / 7.3) + 5 * np.cos(2 * np.pi * y / 9.1)
        return np.asarray(130 + weave + random.normal(0, 9, (lines, WIDTH)))

    learner = LongLearner(WIDTH, 0.5)
    for _ in range(6):
        learner.see(woven(1500).round().astype(np.uint8), 0, WIDTH)
        learner.end_run()
    look = learner.learned()
    assert look is not None, learner.why_not
    pixels = woven(3000)
    pixels[900:2400, 640:642] -= 4.5
    limits = LongLookLimits(warp=(6.5,) * len(look.warp.usual), weft=(9.0,) * len(look.weft.usual))
    scorer = with_looks(long=look.to_arrays())
    camera = ScriptedCamera(blocks(pixels.round().astype(np.uint8)), width_px=WIDTH)
    run = Run(camera, scorer, long=limits, threshold=1e6).to_end()
    rejects = {d.defect.number: d.defect for d in run.of(DefectChanged) if d.defect.is_reject}
    (line,) = rejects.values()
    assert line.look is Look.LONG
    assert abs(line.first_px - 640) <= 6
    assert abs(line.end_px - 642) <= 6
    assert abs(line.first_line - 900) <= 100
    assert abs(line.end_line - 2400) <= 100
