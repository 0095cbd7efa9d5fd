"""Teaching cloth is never quite clean: flaws in 5 % of its tiles hardly cost detection, and the station names them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import Flaw
from model.encoder import load_encoder
from model.mfrnet import MFRNetConfig
from model.runtime import Runtime
from station.demo import Box, Findings, compare
from station.playback import play
from station.recipe import NO_DECISION, Recipe
from station.recipe.sensitivity import SensitivityProfile
from station.records.store import Store
from station.teaching.held_out import HeldOut
from station.teaching.request import TeachRequest
from station.teaching.sampling import Place
from station.teaching.suspects import without_suspects
from station.teaching.teach_in import TeachInResult, teach
from station.teaching.threshold import choose_threshold

pytestmark = [pytest.mark.slow, pytest.mark.study]
"""A quick teach-in on dirty cloth is in tests/station/teaching/test_teach_in.py."""

WIDTH_PX, WEB_PX, MM_PER_PX = 1024, (24, 1000), 0.5
TEACHING_LINES, TEST_LINES, MUCH_LINES = 18_000, 46_000, 90_000
TEACHING_SEEDS, TEST_SEED = (24, 25), 22
"""Two teach-ins of each: which cloth is held out sets the threshold, and that alone moves detection."""
DIRTY_PER_M, TEST_FLAWS_PER_M = 1.1, 11.0
STEPS = 120
"""As many in both, whatever the machine's speed: enough for a fair model, few enough for a test."""
SECONDS = 40 * 60


@dataclass(frozen=True)
class Outcome:
    """A teach-in, and what it found on the test cloth."""

    result: TeachInResult
    findings: Findings
    of_much: float
    """The threshold that much cloth, as dirty, would set for the same network, where chance has little say."""
    findings_of_much: Findings
    """With that threshold."""


def detection(findings: Findings) -> float:
    """Share of the true flaws that were found."""
    return findings.flaws_found / findings.flaws_true


def cloth(style: str, seed: int, flaws_per_m: float) -> Cloth:
    return Cloth(style, width_px=WIDTH_PX, mm_per_px=MM_PER_PX, seed=seed, web_px=WEB_PX, flaws_per_m=flaws_per_m)


def outcome(style: str, seed: int, flaws_per_m: float, home: Path) -> Outcome:
    teaching = cloth(style, seed, flaws_per_m).render(0, TEACHING_LINES)
    request = TeachRequest(style, mm_per_px=MM_PER_PX, minutes=SECONDS / 60, config=MFRNetConfig(steps=STEPS))
    store = Store.open(home)
    try:
        result, network = teach(
            request, lambda: MemoryCamera(teaching, lines=len(teaching)), load_encoder(request.encoder), store
        )
    finally:
        store.close()
    test = cloth(style, TEST_SEED, TEST_FLAWS_PER_M)
    pixels = test.render(0, TEST_LINES)
    runtime = Runtime(network)

    def findings(recipe: Recipe) -> Findings:
        played = play(MemoryCamera(pixels, lines=len(pixels)), runtime, recipe)
        rejects = [defect for piece in played.pieces.values() for defect in piece.defects if defect.is_reject]
        return compare(test.flaws(0, TEST_LINES), rejects, MM_PER_PX)  # type: ignore[arg-type]

    try:
        of_much = threshold_on(cloth(style, 100 + seed, flaws_per_m).render(0, MUCH_LINES), runtime, result.recipe)
        of_much_recipe = result.recipe.model_copy(update={"threshold": of_much})
        return Outcome(result, findings(result.recipe), of_much, findings(of_much_recipe))
    finally:
        runtime.close()


def threshold_on(pixels: NDArray[np.uint8], runtime: Runtime, recipe: Recipe) -> float:
    held = HeldOut()
    blank = recipe.model_copy(update={"threshold": NO_DECISION, "sensitivity": SensitivityProfile()})
    play(MemoryCamera(pixels, lines=len(pixels)), runtime, blank, on_event=held.take)
    rows, _ = without_suspects([row.peaks(held.sensitivity()) for row in held.rows])
    return choose_threshold(rows, MM_PER_PX, held.web_px, recipe.overlap_px, row_lines=held.row_lines).score


def meets(place: Place, flaws: list[Flaw]) -> bool:
    box = Box(place.first_line, place.end_line, place.first_px, place.end_px)
    return any(box.meets(Box.of(flaw)) for flaw in flaws)


@dataclass(frozen=True)
class Trial:
    """The same cloth taught clean and with flaws in it.

    Attributes:
        share: of the tiles that hold a flaw.
        flaws: in the teaching cloth.
        named: of them, how many the station suspects.
        right: suspects that lie on a flaw.
    """

    clean: Outcome
    dirty: Outcome
    share: float
    flaws: int
    named: int
    right: int


def trial(style: str, seed: int, home: Path) -> Trial:
    started = time.monotonic()
    soiled = cloth(style, seed, DIRTY_PER_M)
    flaws = soiled.flaws(0, TEACHING_LINES)
    clean = outcome(style, seed, 0.0, home / "clean")
    dirty = outcome(style, seed, DIRTY_PER_M, home / "dirty")
    tiles = [
        Place(None, y, y + 256, x, x + 256, *WEB_PX)
        for y in range(0, TEACHING_LINES - 255, 256)
        for x in np.linspace(WEB_PX[0], WEB_PX[1] - 256, 5).astype(int)
    ]
    share = float(np.mean([meets(tile, flaws) for tile in tiles]))
    suspects = dirty.result.suspects
    right = sum(meets(suspect.place, flaws) for suspect in suspects)
    named = sum(any(meets(suspect.place, [flaw]) for suspect in suspects) for flaw in flaws)
    print(
        f"{style}: {share:.1%} of the tiles hold flaws; detection {detection(clean.findings):.3f} after clean, "
        f"{detection(dirty.findings):.3f} after dirty teaching, of {clean.findings.flaws_true} flaws; thresholds "
        f"{clean.result.threshold.score:.3f}, {dirty.result.threshold.score:.3f}, of much cloth "
        f"{clean.of_much:.3f}, {dirty.of_much:.3f} with detection {detection(clean.findings_of_much):.3f}, "
        f"{detection(dirty.findings_of_much):.3f}; false alarms on "
        f"{TEST_LINES * MM_PER_PX / 1000:.0f} m {clean.findings.false_alarms}, {dirty.findings.false_alarms}; "
        f"suspects {len(clean.result.suspects)} and {len(suspects)} pieces, {right} of these with a flaw, {named} of "
        f"{len(flaws)} flaws named; {dirty.result.tiles} tiles, {dirty.result.threshold.patches} patches held out, "
        f"{time.monotonic() - started:.0f} s"
    )
    return Trial(clean, dirty, share, len(flaws), named, right)


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize(
    ("style", "least", "fall"),
    [
        ("demo", 0.85, 0.02),
        # Of harder cloth 9 m set thresholds that alone move detection by 10 points; two are told with much cloth's.
        ("denim", 0.55, 0.15),
    ],
)
def test_flaws_in_5_percent_of_the_tiles_hardly_cost_detection(
    style: str, least: float, fall: float, tmp_path: Path
) -> None:
    trials = [trial(style, seed, tmp_path / str(seed)) for seed in TEACHING_SEEDS]
    clean, dirty = [one.clean for one in trials], [one.dirty for one in trials]
    found = np.mean([detection(one.findings) for one in clean])
    assert found >= least
    assert np.mean([detection(one.findings) for one in dirty]) > found - fall
    found_of_much = np.mean([detection(one.findings_of_much) for one in clean])
    assert np.mean([detection(one.findings_of_much) for one in dirty]) > found_of_much - 0.02
    assert 0.85 < np.mean([one.of_much for one in dirty]) / np.mean([one.of_much for one in clean]) < 1.15
    for one in trials:
        assert 0.045 <= one.share <= 0.09
        assert one.clean.findings.flaws_true >= 200
        assert len(one.clean.result.suspects) <= 0.01 * one.clean.result.tiles
        assert max(one.clean.findings.false_alarms, one.dirty.findings.false_alarms) <= 4
    assert sum(one.right for one in trials) >= 0.8 * sum(len(one.dirty.result.suspects) for one in trials)
    assert sum(one.named for one in trials) >= 0.7 * sum(one.flaws for one in trials)
