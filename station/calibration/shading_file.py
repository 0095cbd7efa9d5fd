"""This module reads and writes the flat field's file: a :class:`calibration.shading.Shading` as JSON, for use
elsewhere.

Settings may name such a file; its shading is then put on record, like every calibration that rolls are inspected with.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from calibration.errors import CalibrationError
from calibration.shading import Shading
from drivers.camera import Camera
from model.durable import AS_UMASK_ALLOWS, durable_file
from station.calibration.selection import SHADING
from station.contract import StationError
from station.records.history import History
from station.records.rows import NewCalibration
from station.records.store import Store


def load_shading(path: Path, width_px: int) -> Shading:
    """Load the shading from a file, for a camera of ``width_px`` columns.

    Raises:
        StationError: the file does not exist, cannot be read, is not JSON, or is for another width.
        CalibrationError: its content is no shading.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StationError(f"Shading file {path} does not exist; make one with 'station calibrate shading'.") from None
    except OSError as error:
        raise StationError(f"Shading file {path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise StationError(f"Shading file {path} is not valid JSON ({error}); calibrate anew.") from None
    if not isinstance(result, dict):
        raise CalibrationError(f"Shading file {path} holds no shading; calibrate anew.")
    try:
        shading = Shading.from_dict(result)
    except (CalibrationError, OverflowError) as error:
        raise CalibrationError(f"Shading file {path} cannot be used: {error}") from error
    if shading.width_px != width_px:
        raise StationError(
            f"Shading file {path} is for {shading.width_px} columns, but the camera has {width_px}; "
            "calibrate the shading for this camera."
        )
    return shading


def save_shading(shading: Shading, path: Path) -> None:
    """Write a shading completely or not at all; an existing file is replaced.

    Raises:
        StationError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with durable_file(path, mode=AS_UMASK_ALLOWS) as file:
            file.write(json.dumps(shading.to_dict()).encode())
    except OSError as error:
        raise StationError(f"Shading file {path} cannot be written: {error.strerror or error}.") from None


def shading_on_record(store: Store, history: History, camera: Camera, shading: Shading, file: Path) -> int:
    """Return the number of the calibration that holds this shading of this camera; add it to the records if missing."""
    result = shading.to_dict()
    for row in history.calibrations(camera.camera_id):
        if row.kind == SHADING and row.result == result and row.serial == camera.serial:
            return row.id
    residual = None if math.isnan(shading.residual) else 100 * shading.residual
    new = NewCalibration(SHADING, camera.camera_id, result, camera.serial, camera.width_px, residual, "%")
    return store.add_calibrations([new], "station", f"named in the settings: {file.name}")[0]
