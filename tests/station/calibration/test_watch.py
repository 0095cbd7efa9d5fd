"""The light is watched while cloth passes, at a reading a second, from roll to roll."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.lens import Lens
from calibration.shading_watch import SETTLING
from drivers.memory import MemoryCamera
from station.calibration.light_reference import LightMemory
from station.calibration.selection import Calibrated
from station.calibration.watch import REPEAT_S, CalibrationWatch
from station.contract import StripView
from station.recipe import Recipe
from station.records.history import History
from station.records.rows import RollMeasures
from station.records.store import Store

WIDTH = 400
FITTED = Calibrated(
    Recipe(fabric="linen", model_sha256="ab" * 32, encoder="light", threshold=1.0),
    None,
    None,
    RollMeasures(0.5, 0.5, ""),
    (),
)


class Clock:
    """Time that passes when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def strip(level: float, colour: bool = False, piece: str | None = None) -> StripView:
    """Cloth between columns 40 and 360, the bright machine beside it."""
    shape = (64, WIDTH, 3) if colour else (64, WIDTH)
    pixels = np.random.default_rng(4).normal(level, 6, shape)
    pixels[:, :40] = pixels[:, 360:] = 250
    scores = np.zeros((16, 100), np.float32)
    return StripView(0, np.clip(pixels, 0, 255).astype(np.uint8), scores, 1.0, 4, 40, 360, piece)


def pass_by(watch: CalibrationWatch, clock: Clock, shown: StripView, readings: int) -> list[str]:
    """A reading a second, of several strips each."""
    said = []
    for _ in range(readings):
        clock.now += 1.0
        for _ in range(3):
            watch.see(shown)
        said += watch.take_warnings()
    return said


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> CalibrationWatch:
    made = CalibrationWatch(MemoryCamera(np.zeros((256, WIDTH), np.uint8)), clock=clock)
    made.begin_roll(FITTED)
    return made


@pytest.mark.parametrize("colour", [False, True])
def test_a_lamp_that_weakens_is_told_once_in_ten_minutes(watch: CalibrationWatch, clock: Clock, colour: bool) -> None:
    assert pass_by(watch, clock, strip(150, colour), 3 * SETTLING) == []
    (said,) = pass_by(watch, clock, strip(125, colour), 3 * SETTLING)
    assert "weaker" in said
    clock.now += REPEAT_S
    assert len(pass_by(watch, clock, strip(125, colour), 3)) == 1


def test_dust_is_told_although_the_lamp_was_told_of_just_before(watch: CalibrationWatch, clock: Clock) -> None:
    pass_by(watch, clock, strip(150), 2 * SETTLING)
    assert len(pass_by(watch, clock, strip(125), 2 * SETTLING)) == 1
    dusty = strip(125)
    dusty.pixels[:, 200:206] = 80
    (said,) = pass_by(watch, clock, dusty, 2 * SETTLING)
    assert "about column 20" in said


def test_a_lens_that_does_not_fit_the_frames_is_told_once_not_with_every_frame(clock: Clock) -> None:
    lens = Lens(WIDTH, 480, (300.0, 300.0), (200.0, 240.0), (-0.3, 0.05, 0.0, 0.0), 0.1, 8)
    watch = CalibrationWatch(MemoryCamera(np.zeros((256, WIDTH), np.uint8)), clock=clock)
    camera = watch.begin_roll(replace(FITTED, lens=lens))
    camera.start()
    said = []
    for _ in range(50):
        camera.read(1.0)
        said += watch.take_warnings()
    camera.stop()
    (once,) = said
    assert "calibrated for frames of 480 lines" in once


def test_the_next_roll_of_the_fabric_remembers_how_the_light_was(watch: CalibrationWatch, clock: Clock) -> None:
    pass_by(watch, clock, strip(150), 2 * SETTLING)
    watch.begin_roll(FITTED)
    assert any("weaker" in said for said in pass_by(watch, clock, strip(120), 3 * SETTLING))


@pytest.mark.parametrize("since_then", ["nothing", "another fabric", "another shading", "another camera"])
def test_the_next_run_of_the_program_remembers_how_the_light_was(tmp_path: Path, clock: Clock, since_then: str) -> None:
    with Store.open(tmp_path / "home") as store:
        memory = LightMemory(store, History(store), MemoryCamera(np.zeros((256, WIDTH), np.uint8)))
        first = CalibrationWatch(MemoryCamera(np.zeros((256, WIDTH), np.uint8)), memory, clock)
        first.begin_roll(FITTED)
        assert pass_by(first, clock, strip(150), 2 * SETTLING) == []
        width = WIDTH + 8 if since_then == "another camera" else WIDTH
        camera = MemoryCamera(np.zeros((256, width), np.uint8))
        second = CalibrationWatch(camera, LightMemory(store, History(store), camera), clock)
        fitted = FITTED
        if since_then == "another fabric":
            fitted = replace(FITTED, recipe=FITTED.recipe.model_copy(update={"fabric": "denim"}))
        elif since_then == "another shading":
            fitted = replace(FITTED, measures=RollMeasures(0.5, 0.5, "", (7,)))
        second.begin_roll(fitted)
        said = pass_by(second, clock, strip(120), 3 * SETTLING) if width == WIDTH else []
        assert any("weaker" in one for one in said) == (since_then == "nothing")
        assert second._light.reference is None or len(second._light.reference) == width


def test_another_fabric_may_be_darker(watch: CalibrationWatch, clock: Clock) -> None:
    pass_by(watch, clock, strip(150), 2 * SETTLING)
    watch.begin_roll(replace(FITTED, recipe=FITTED.recipe.model_copy(update={"fabric": "denim"})))
    assert pass_by(watch, clock, strip(60), 3 * SETTLING) == []


def test_pictures_of_a_folder_have_each_their_own_light(watch: CalibrationWatch, clock: Clock) -> None:
    pass_by(watch, clock, strip(150, piece="a.png"), 2 * SETTLING)
    assert pass_by(watch, clock, strip(80, piece="b.png"), 3 * SETTLING) == []


def test_a_missing_camera_is_no_drift_of_the_light(watch: CalibrationWatch, clock: Clock) -> None:
    assert pass_by(watch, clock, strip(150), 2 * SETTLING) == []
    dark = strip(150)
    dark.pixels[:, 200:] = 0
    assert pass_by(watch, clock, replace(dark, blind_px=((200, 360),)), 3 * SETTLING) == []
    assert pass_by(watch, clock, strip(150), SETTLING) == []
