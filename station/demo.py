"""This module sets up the demo: simulated rig, shipped fabric and recipe, and how many painted flaws the line found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import Flaw
from drivers.simulated.weave import STYLES
from model.checkpoint import load
from model.mfrnet import MFRNet
from station.calibration.selection import ACROSS, ALONG, SCALE, Calibrations
from station.recipe import Recipe
from station.records.history import History
from station.records.model_files import checked_model, keep_model
from station.records.rows import DefectRow, NewCalibration, RecordsError
from station.records.store import Store
from station.state.box import Box
from station.teaching.tail import poisson_interval

FABRIC = "demo"
SHIPPED_BY = "station"
STYLE = "demo"
WIDTH_PX = 2048
WEB_PX = (24, 2024)
MM_PER_PX = 0.5
CAMERA_ID = "demo"
FLAWS_PER_M = 3.0
WINDOW_SPEED_M_PER_MIN = 6.0
GROW_MM = 2.0
LARGEST_BOX_RATIO = 4.0
STRONG_SIGMA = 2.0
"""A flaw of this contrast or more is strong: a person sees it at a glance."""


@dataclass(frozen=True)
class Findings:
    """The findings compare painted flaws with reported rejects.

    A flaw is found if a reject's box meets its true box grown by 2 mm and is not larger than four times that grown
    box; a reject that meets no flaw (grown likewise) is a false alarm.
    """

    flaws_true: int
    flaws_found: int
    strong_true: int
    strong_found: int
    false_alarms: int
    missed: tuple[Flaw, ...]


def compare(flaws: list[Flaw], rejects: list[DefectRow], mm_per_px: float) -> Findings:
    """Match rejects to flaws."""
    grow = GROW_MM / mm_per_px
    grown = [Box.of(flaw).grown(grow) for flaw in flaws]
    boxes = [Box.of(reject) for reject in rejects]
    missed = tuple(
        flaw
        for flaw, true in zip(flaws, grown, strict=True)
        if not any(box.meets(true) and box.area <= LARGEST_BOX_RATIO * true.area for box in boxes)
    )
    false_alarms = sum(not any(box.meets(true) for true in grown) for box in boxes)
    strong, strong_missed = (sum(flaw.contrast_sigma >= STRONG_SIGMA for flaw in some) for some in (flaws, missed))
    return Findings(
        flaws_true=len(flaws),
        flaws_found=len(flaws) - len(missed),
        strong_true=strong,
        strong_found=strong - strong_missed,
        false_alarms=false_alarms,
        missed=missed,
    )


def flaws_within(flaws: list[Flaw], first_line: int, lines: int) -> list[Flaw]:
    """Return the flaws on ``lines`` lines from encoder line ``first_line`` on, counted from there as in a roll."""
    return [
        replace(flaw, first_line=flaw.first_line - first_line, end_line=flaw.end_line - first_line)
        for flaw in flaws
        if flaw.end_line > first_line and flaw.first_line < first_line + lines
    ]


def open_demo_camera(
    seed: int, metres: float | None, speed_m_per_min: float | None, faults: tuple[str, ...] = ()
) -> SimulatedCamera:
    """Open the demo's simulated rig: 1.0 m of web at 0.5 mm/px before a 2,048-pixel line-scan camera."""
    return SimulatedCamera(
        camera_id=CAMERA_ID,
        style=STYLE,
        width_px=WIDTH_PX,
        mm_per_px=MM_PER_PX,
        web_px=WEB_PX,
        seed=seed,
        metres=metres,
        speed_m_per_min=speed_m_per_min,
        flaws_per_m=FLAWS_PER_M,
        faults=faults,
    )


def install_fabric(store: Store, history: History) -> Recipe:
    """Put the shipped fabric into the home folder, or a newer shipped recipe after the one that is there.

    An engineer's own later recipe versions of the demo fabric stay in force.  A shipped model that is missing or
    damaged is put back.
    """
    shipped = resources.files("station") / "shipped"
    recipe = Recipe.model_validate_json((shipped / "demo.json").read_text(encoding="utf-8"))
    try:
        checked_model(history, recipe.model_sha256)
    except RecordsError:
        with resources.as_file(shipped / "demo.safetensors") as file:
            keep_model(store, file, {"fabric": FABRIC})
    try:
        newest = history.recipes(FABRIC)[:1]
    except RecordsError:
        newest = []
    for row in newest:
        if row.created_by != SHIPPED_BY or row.recipe.model_copy(update={"version": recipe.version}) == recipe:
            return row.recipe
    return store.save_recipe(recipe, SHIPPED_BY, "shipped with the station")


def install_scale(store: Store, history: History, camera: SimulatedCamera, recipe: Recipe) -> None:
    """Put the demo rig's scale on record unless a fresh one is there; it is exact, as the cloth is woven at it."""
    if Calibrations(history).fit(camera, recipe).measures.unverified:
        result = {ACROSS: camera.mm_per_px, ALONG: camera.mm_per_px}
        new = NewCalibration(SCALE, camera.camera_id, result, "", camera.width_px, 0.0, "px")
        store.add_calibrations([new], SHIPPED_BY, "the simulated rig weaves at this scale")


def figures(findings: Findings, metres_inspected: float) -> dict[str, object]:
    """Return the detection figures of the demo's JSON.

    They cover all flaws and those of 2 σ or more; false alarms come with a 95 % Poisson interval.
    """
    per_100_m = 100 / metres_inspected if metres_inspected else None
    low, high = poisson_interval(findings.false_alarms)
    return {
        "flaws_true": findings.flaws_true,
        "flaws_found": findings.flaws_found,
        "detection_rate": findings.flaws_found / findings.flaws_true if findings.flaws_true else None,
        "strong_flaws_true": findings.strong_true,
        "strong_flaws_found": findings.strong_found,
        "strong_detection_rate": findings.strong_found / findings.strong_true if findings.strong_true else None,
        "false_alarms": findings.false_alarms,
        "false_alarms_per_100_m": findings.false_alarms * per_100_m if per_100_m else None,
        "false_alarms_per_100_m_interval": [low * per_100_m, high * per_100_m] if per_100_m else None,
    }


def shipped_model() -> tuple[MFRNet, Recipe]:
    """Load the demo's taught model and its recipe, straight from the package."""
    shipped = resources.files("station") / "shipped"
    recipe = Recipe.model_validate_json((shipped / "demo.json").read_text(encoding="utf-8"))
    with resources.as_file(shipped / "demo.safetensors") as file:
        return load(file), recipe


def demo_cloth(seed: int, flaws_per_m: float = 0.0) -> Cloth:
    """Make the demo's fabric as its rig sees it, without anything that disturbs the picture."""
    return Cloth(
        STYLES[STYLE], width_px=WIDTH_PX, mm_per_px=MM_PER_PX, seed=seed, web_px=WEB_PX, flaws_per_m=flaws_per_m
    )


def rendered_cloth(seed: int, metres: float, flaws_per_m: float = 0.0) -> NDArray[np.uint8]:
    """Render the demo's fabric, uint8 ``[lines, width]``."""
    return demo_cloth(seed, flaws_per_m).render(0, round(metres * 1000 / MM_PER_PX))
