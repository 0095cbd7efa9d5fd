"""The flat field's file: a :class:`calibration.shading.Shading` as JSON, written by calibrating, read by the line."""

from __future__ import annotations

import json
import os
from pathlib import Path

from calibration.errors import CalibrationError
from calibration.shading import Shading
from station.control import StationError


def load_shading(path: Path, width_px: int) -> Shading:
    """The shading in a file, for a camera of ``width_px`` columns.

    Raises:
        StationError: no such file, it cannot be read, is not JSON, or is for another width.
        CalibrationError: what it says is no shading.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StationError(f"Shading file {path} does not exist; make one with 'station calibrate shading'.") from None
    except OSError as error:
        raise StationError(f"Shading file {path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise StationError(f"Shading file {path} is not valid JSON ({error}); calibrate anew.") from None
    if not isinstance(facts, dict):
        raise CalibrationError(f"Shading file {path} holds no shading; calibrate anew.")
    try:
        shading = Shading.from_facts(facts)
    except (CalibrationError, OverflowError) as error:
        raise CalibrationError(f"Shading file {path} cannot be used: {error}") from error
    if shading.width_px != width_px:
        raise StationError(
            f"Shading file {path} is for {shading.width_px} columns, but the camera has {width_px}; "
            "calibrate the shading for this camera."
        )
    return shading


def save_shading(shading: Shading, path: Path) -> None:
    """Write a shading, whole or not at all; what was there before is replaced.

    Raises:
        StationError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(shading.facts(), file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StationError(f"Shading file {path} cannot be written: {error.strerror or error}.") from None
