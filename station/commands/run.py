"""This module holds the commands that inspect a roll: the demo, the real station, a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.registry import open_camera
from drivers.replay import ReplayCamera
from model.checkpoint import load, precision_warning
from model.durable import AS_UMASK_ALLOWS, durable_file
from model.runtime import Runtime
from station import demo
from station.calibration.selection import Calibrations, web_overruled
from station.calibration.shading_file import load_shading, shading_on_record
from station.colour import seen_as_taught
from station.commands.people.attend import attend, start_attended
from station.commands.session import (
    OpenWindow,
    Records,
    line_figures,
    open_station,
    run_headless,
    say,
    say_notice,
)
from station.contract import Defect, Event, Notice, RollIdentity, Severity, StationError
from station.line.columns import web_span
from station.machine.settings import MachineSettings
from station.machine.wiring import wire
from station.playback import Piece, Playback, play
from station.recipe import Recipe
from station.recipe.web import WebRule
from station.recording.camera import RecordingCamera, RecordSettings
from station.records.keeping.cloth import Shelf
from station.records.keeping.retention import Retention
from station.records.model_files import checked_model
from station.records.rows import DefectFilter, DefectRow, RecordsError
from station.records.store import Store
from station.settings import Settings
from station.shutdown import interrupt_noted

WHITE_OF_8_BITS = 255
RECORDS_PATIENCE_S = 60.0
"""The line may wait this long for room in the records' queue, as cloth from a folder can wait."""


def run_demo(
    records: Records,
    *,
    metres: float | None,
    speed_m_per_min: float | None,
    seed: int,
    faults: tuple[str, ...],
    window: OpenWindow | None,
    screenshot: Path | None = None,
    after_s: float | None = None,
) -> dict[str, object]:
    """Run the demo in a window, or headless (``window`` None) until ``metres`` are inspected."""
    recipe = demo.install_fabric(records.store, records.history)
    if window is None:
        metres = metres if metres is not None else 10.0
    elif speed_m_per_min is None:
        speed_m_per_min = demo.WINDOW_SPEED_M_PER_MIN
    camera = demo.open_demo_camera(seed, metres, speed_m_per_min, faults)
    demo.install_scale(records.store, records.history, camera, recipe)
    with open_station(records, camera) as station:
        if window is not None:
            station.start_roll(recipe.fabric)
            snapshot = attend(station, records, window, screenshot, after_s)
        else:
            snapshot = run_headless(station, recipe.fabric, None)
    if snapshot.roll is None:
        return {"roll": None}
    rejects = rejects_of(records, snapshot.roll)
    truth = demo.flaws_within(camera.truth(), snapshot.origin_line or 0, snapshot.ledger.lines_acquired)
    findings = demo.compare(truth, rejects, demo.MM_PER_PX)
    figures = demo.figures(findings, snapshot.metres_inspected or 0.0)
    return {**line_figures(snapshot), **figures, **_losses(records, snapshot.roll)}


def _losses(records: Records, roll: str | None) -> dict[str, object]:
    """Return the part of a command's JSON that says what of the roll is not on record."""
    if roll is None:
        return {"events_lost": 0, "incomplete": False}
    lost = records.store.lost_of(roll)
    return {"events_lost": lost, "incomplete": lost > 0 or bool(records.history.roll(roll).incomplete)}


def rejects_of(records: Records, roll: str) -> list[DefectRow]:
    """Return the rejects of a roll from the records."""
    row = records.history.roll(roll)
    return records.history.defects(DefectFilter(row.id, rejects_only=True, limit=1_000_000))


def run_station(
    records: Records,
    settings: Settings,
    window: OpenWindow | None,
    web: WebRule | None = None,
    scan: str | None = None,
) -> dict[str, object]:
    """Run the real station in its window, or headless until its cloth ends or Ctrl+C is pressed; ``web`` overrules the
    recipes' while it runs, ``scan`` is the text of the first roll's label."""
    line = settings.line
    records.history.recipe(line.fabric)
    records.store.rating.choose(settings.grading.rule)
    wiring, camera = wire(settings.machine, settings.outputs, open_camera(settings.camera))
    recording, shelf = None, (settings.record or RecordSettings()).shelf(records.store.home).absolute()
    if settings.record is not None:
        kept = Shelf(records.home, shelf).kept
        recording = RecordingCamera(camera, shelf, settings.record.max_gb, lambda: kept(records.store.read_engine))
        camera = recording
    shading_id = None
    if line.shading is not None:
        shading = load_shading(line.shading, camera.width_px)
        shading_id = shading_on_record(records.store, records.history, camera, shading, line.shading)
    calibrations = Calibrations(records.history, settings.calibration.max_age_days, shading_id, web)
    unrecorded_m = (settings.machine or MachineSettings()).unrecorded_m
    label, usual = settings.label, RollIdentity(loom=line.loom)
    with (
        Retention(records.store, settings.retention, shelf),
        open_station(
            records, camera, line.device, line.precision, calibrations, wiring, recording, unrecorded_m, label, usual
        ) as station,
    ):
        if window is None:
            snapshot = run_headless(station, line.fabric, line.roll, scan)
        else:
            start_attended(station, line, scan)
            snapshot = attend(station, records, window)
        return {**line_figures(snapshot), **_losses(records, snapshot.roll)}


def inspect_folder(
    records: Records,
    *,
    fabric: str,
    folder: Path,
    maps: Path | None,
    device: str = "auto",
    web: WebRule | None = None,
) -> dict[str, object]:
    """Play a folder as a camera through the live line into a new roll; ``web`` overrules the recipe's for this roll.

    If a signal breaks the roll off, ``broken_off`` is true in what is returned; what had not been judged by then is on
    record as uninspected.
    """
    recipe = records.history.recipe(fabric)
    camera = ReplayCamera(folder, white=taught_white(recipe), skips_unreadable=True)
    seen, greyed = seen_as_taught(camera, recipe)
    in_force = recipe if web is None else recipe.model_copy(update={"web": web})
    web_span(in_force.web, camera.width_px)
    if maps is not None:
        check_map_names(camera.images)
        make_folder(maps)
    model = checked_model(records.history, recipe.model_sha256)
    runtime = Runtime(load(model), device=device)
    if (warning := precision_warning(model, runtime.precision)) is not None:
        say(warning)
    roll = records.store.begin_roll(None, recipe, camera.camera_id)
    say(f"Roll {roll}: {len(camera.images)} images of {folder}")
    if greyed:
        records.store.write(Notice(Severity.INFO, greyed))
        say(greyed)
    if in_force.web != recipe.web:
        overruled = web_overruled(recipe, in_force.web)
        records.store.write(Notice(Severity.INFO, overruled))
        say(overruled)

    record = Recorder(records.store)

    def take(event: Event) -> None:
        if isinstance(event, Notice) and event.severity is not Severity.INFO:
            say_notice(event)
        record(event)

    def keep_map(name: str, anomaly_map: NDArray[np.float32], _web: NDArray[np.bool_]) -> None:
        if maps is not None:
            save_map(maps, name, anomaly_map)

    try:
        with interrupt_noted() as noted:
            playback = play(
                seen,
                runtime,
                in_force,
                roll=roll,
                on_event=take,
                on_map=keep_map,
                cancelled=noted.is_set,
                known=records.history.looks_beside(recipe),
            )
    finally:
        runtime.close()
    if noted.is_set():
        say_broken_off(playback, len(camera.images))
    say(f"Columns inspected: {playback.snapshot.columns or 'none'}")
    results = [
        unread_result(name, camera.unread[name])
        if name in camera.unread
        else result_of(playback.pieces.get(name) or Piece(name))
        for name in camera.images
    ]
    return {
        **line_figures(playback.snapshot),
        "roll": roll,
        "threshold": recipe.threshold,
        "warnings": [notice.text for notice in playback.notices],
        "images": len(results),
        "broken_off": noted.is_set(),
        **_losses(records, roll),
        "images_uninspected": len(camera.unread),
        "rejects": sum(piece.rejects for piece in playback.pieces.values()),
        "defects": sum(len(piece.defects) for piece in playback.pieces.values()),
        "too_small": sum(piece.too_small for piece in playback.pieces.values()),
        "results": results,
    }


def taught_white(recipe: Recipe) -> int | None:
    """Return the white level to play deep pictures with: the teaching's, so that grey means the same; None to have the
    folder's own, as where the teaching's pictures had 8 bits."""
    white = None if recipe.cloth is None else recipe.cloth.white
    return white if white is not None and white > WHITE_OF_8_BITS else None


def say_broken_off(playback: Playback, images: int) -> None:
    """Say how far a folder of so many images was inspected before its roll was broken off."""
    ledger = playback.snapshot.ledger
    say(
        f"Roll {playback.snapshot.roll} was broken off in image {max(1, len(playback.pieces))} of {images}: "
        f"{ledger.lines_uninspected} of its {ledger.lines_acquired} lines are not inspected."
    )


class Recorder:
    """The recorder writes the line's events to the records.  It raises their failure, which stops the line: an
    inspection without records is worth nothing."""

    def __init__(self, store: Store, patience_s: float = RECORDS_PATIENCE_S) -> None:
        self._store = store
        self._patience_s = patience_s

    def __call__(self, event: Event) -> None:
        """Write an event; wait for room in the records' queue."""
        if not self._store.write(event, self._patience_s):
            self._patience_s = 0.0
            raise self._store.failure or RecordsError("The records are too slow to follow the line; try again.")


def unread_result(name: str, why: str) -> dict[str, object]:
    """Return the entry in the JSON of an image that could not be read, and so was not judged."""
    return {"image": name, "score": None, "reject": None, "defects": [], "uninspected": why}


def result_of(piece: Piece) -> dict[str, object]:
    """Return one image's entry in the JSON; ``score`` is as in the maps (0.5 = threshold)."""
    return {
        "image": piece.name,
        "score": piece.score,
        "reject": piece.rejects > 0,
        "defects": [defect_of(defect, piece) for defect in piece.defects],
    }


def defect_of(defect: Defect, piece: Piece) -> dict[str, object]:
    """Return one defect's entry, with its box in pixels of the image; ``score`` is the raw model score."""
    return {
        "x_px": defect.first_px,
        "y_px": defect.first_line - piece.first_line,
        "width_px": defect.end_px - defect.first_px,
        "height_px": defect.end_line - defect.first_line,
        "score": defect.score,
        "kind": str(defect.kind),
        "is_reject": defect.is_reject,
        "parts": defect.parts,
        "look": str(defect.look),
    }


def map_file(name: str) -> Path:
    """Return the path of an image's map within the folder of maps."""
    return Path(name).with_suffix(".npy")


def check_map_names(images: list[str]) -> None:
    """Raise StationError if two images would write the same map."""
    taken: dict[Path, str] = {}
    for name in images:
        other = taken.setdefault(map_file(name), name)
        if other != name:
            raise StationError(f"Images {other} and {name} would both write map {map_file(name)}; rename one of them.")


def make_folder(folder: Path) -> None:
    """Create a folder to write to.  Raises StationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StationError(f"Folder {folder} cannot be made: {error.strerror or error}.") from None


def save_map(folder: Path, name: str, anomaly_map: NDArray[np.float32]) -> None:
    """Write an image's map as float32 ``.npy`` under the image's relative path and stem."""
    file = folder / map_file(name)
    make_folder(file.parent)
    try:
        with durable_file(file, mode=AS_UMASK_ALLOWS) as target:
            np.save(target, anomaly_map)
    except OSError as error:
        raise StationError(f"Map {file} cannot be written: {error.strerror or error}.") from None
