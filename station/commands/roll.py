"""Commands that inspect a roll: the demo, the real station, a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.registry import open_camera
from drivers.replay import ReplayCamera
from model.checkpoint import load
from model.runtime import Runtime
from station import demo
from station.commands.session import OpenWindow, Records, line_figures, open_station, run_headless, say
from station.control import Defect, Event, StationError
from station.core import RECORDED
from station.playback import Piece, play
from station.records.rows import DefectFilter, DefectRow
from station.settings import Settings


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
    """The demo in a window, or headless (``window`` None) until ``metres`` are inspected."""
    recipe = demo.install_fabric(records.store, records.history)
    if window is None:
        metres = metres if metres is not None else 10.0
    elif speed_m_per_min is None:
        speed_m_per_min = demo.WINDOW_SPEED_M_PER_MIN
    camera = demo.open_demo_camera(seed, metres, speed_m_per_min, faults)
    with open_station(records, camera) as station:
        if window is not None:
            station.start_roll(recipe.fabric)
            code = window(station, records.store, records.history, screenshot, after_s)
            if code:
                raise StationError(f"The window ended with code {code}.")
            station.end_roll()
            station.wait(30)
            snapshot = station.snapshot()
        else:
            snapshot = run_headless(station, recipe.fabric, None)
    if snapshot.roll is None:
        return {"roll": None}
    rejects = rejects_of(records, snapshot.roll)
    truth = [flaw for flaw in camera.truth() if flaw.first_line < snapshot.ledger.lines_acquired]
    findings = demo.compare(truth, rejects, demo.MM_PER_PX)
    return {**line_figures(snapshot), **demo.figures(findings, snapshot.metres_inspected or 0.0)}


def rejects_of(records: Records, roll: str) -> list[DefectRow]:
    """The rejects of a roll as they stand in the records."""
    row = records.history.roll(roll)
    return records.history.defects(DefectFilter(row.id, rejects_only=True, limit=1_000_000))


def run_station(records: Records, settings: Settings, window: OpenWindow | None) -> dict[str, object]:
    """The real station, in its window or headless until its cloth ends or Ctrl+C."""
    line = settings.line
    records.history.recipe(line.fabric)
    camera = open_camera(settings.camera)
    with open_station(records, camera, line.device, line.precision) as station:
        if window is None:
            return line_figures(run_headless(station, line.fabric, line.roll))
        station.start_roll(line.fabric, line.roll)
        code = window(station, records.store, records.history, None, None)
        station.end_roll()
        station.wait(30)
        if code:
            raise StationError(f"The window ended with code {code}.")
        return line_figures(station.snapshot())


def inspect_folder(
    records: Records, *, fabric: str, folder: Path, maps: Path | None, device: str = "auto"
) -> dict[str, object]:
    """Plays a folder as a camera through the live line into a roll of its own."""
    recipe = records.history.recipe(fabric)
    camera = ReplayCamera(folder)
    if maps is not None:
        make_folder(maps)
    runtime = Runtime(load(records.history.model_file(recipe.model_sha256)), device=device)
    roll = records.store.begin_roll(None, recipe, camera.camera_id)
    say(f"Roll {roll}: {len(camera.images)} images of {folder}")

    def record(event: Event) -> None:
        if isinstance(event, RECORDED):
            records.store.write(event)

    def keep_map(name: str, anomaly_map: NDArray[np.float32], _web: NDArray[np.bool_]) -> None:
        if maps is not None:
            save_map(maps, name, anomaly_map)

    try:
        playback = play(camera, runtime, recipe, roll=roll, on_event=record, on_map=keep_map)
    finally:
        runtime.close()
    results = [result_of(playback.pieces.get(name) or Piece(name)) for name in camera.images]
    return {
        **line_figures(playback.snapshot),
        "roll": roll,
        "images": len(results),
        "rejects": sum(piece.rejects for piece in playback.pieces.values()),
        "defects": sum(len(piece.defects) for piece in playback.pieces.values()),
        "results": results,
    }


def result_of(piece: Piece) -> dict[str, object]:
    """One image's entry in the JSON; ``score`` as in the maps (0.5 = threshold)."""
    return {
        "image": piece.name,
        "score": piece.score,
        "reject": piece.rejects > 0,
        "defects": [defect_of(defect, piece) for defect in piece.defects],
    }


def defect_of(defect: Defect, piece: Piece) -> dict[str, object]:
    """One defect's entry, its box in pixels of the image; ``score`` is the raw model score."""
    return {
        "x_px": defect.first_px,
        "y_px": defect.first_line - piece.first_line,
        "width_px": defect.end_px - defect.first_px,
        "height_px": defect.end_line - defect.first_line,
        "score": defect.score,
        "kind": str(defect.kind),
        "is_reject": defect.is_reject,
    }


def make_folder(folder: Path) -> None:
    """Create a folder to write to.  Raises StationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StationError(f"Folder {folder} cannot be made: {error.strerror or error}.") from None


def save_map(folder: Path, name: str, anomaly_map: NDArray[np.float32]) -> None:
    """Write an image's map as float32 ``.npy`` under the image's relative path and stem."""
    file = folder / Path(name).with_suffix(".npy")
    make_folder(file.parent)
    try:
        np.save(file, anomaly_map)
    except OSError as error:
        raise StationError(f"Map {file} cannot be written: {error.strerror or error}.") from None
