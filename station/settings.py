"""This module defines what ``station.toml`` may say, and finds the station's home folder."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.machine.links import LinkSettings
from drivers.registry import CameraSettings, JoinedSettings
from station.calibration.selection import MAX_AGE_DAYS
from station.contract import StationError
from station.machine.settings import MachineSettings
from station.recipe import FabricName
from station.recording.camera import RecordSettings

Device = Literal["auto", "cpu", "cuda", "openvino", "torch"]


class LineSettings(BaseModel):
    """These settings say what the line runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fabric: FabricName = Field(description="fabric whose newest recipe version is used")
    roll: str | None = Field(None, description="name of the roll; made from the date where absent")
    device: Device = "auto"
    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"
    shading: Path | None = Field(None, description="flat field to use instead of the newest on record")


class CalibrationSettings(BaseModel):
    """These settings say when a calibration is too old to be trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_age_days: float = Field(MAX_AGE_DAYS, gt=0, description="sizes made with an older one are unverified")


class RecordsSettings(BaseModel):
    """These settings say what becomes of records that cannot be written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spill: Path | None = Field(
        None, description="folder on another disk for events that neither the database nor memory takes"
    )


class Settings(BaseModel):
    """These settings are the whole of ``station.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path | None = None
    camera: CameraSettings
    line: LineSettings
    calibration: CalibrationSettings = CalibrationSettings()
    machine: MachineSettings | None = None
    outputs: LinkSettings | None = None
    record: RecordSettings | None = None
    records: RecordsSettings = RecordsSettings()


def home_folder(home: Path | None) -> Path:
    """Return ``home``, or else ``STATION_HOME``, or else the platform's user data folder."""
    if home is not None:
        return home.expanduser()
    if env := os.environ.get("STATION_HOME"):
        return Path(env).expanduser()
    return Path(platformdirs.user_data_dir("fabric-station", appauthor=False))


def load_settings(path: Path) -> Settings:
    """Read ``station.toml``.  Relative paths in it count from its folder.

    Raises:
        StationError: no such file, not TOML, or a setting is impossible; names the setting.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StationError(f"Settings file {path} does not exist; name one with --config.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StationError(f"Settings file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise StationError(f"Settings file {path} is not valid TOML: {error}.") from None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise StationError(f"Settings file {path}: {first_fault(error)}.") from None
    return _with_absolute_paths(settings, path.resolve().parent)


def first_fault(error: ValidationError) -> str:
    """Say a validation's first fault in words: ``camera.speed_m_per_min: Input should be greater than 0 (got -3)``."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    got = fault.get("input")
    shown = f" (got {got!r})" if isinstance(got, str | int | float | bool) else ""
    return f"{where or 'settings'}: {fault['msg']}{shown}"


def _with_absolute_folders(camera: CameraSettings, base: Path) -> CameraSettings:
    update: dict[str, object] = {name: base / value.expanduser() for name, value in camera if isinstance(value, Path)}
    if isinstance(camera, JoinedSettings):
        update["cameras"] = tuple(_with_absolute_folders(one, base) for one in camera.cameras)
    return camera.model_copy(update=update)


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    update: dict[str, object] = {}
    if settings.home is not None:
        update["home"] = base / settings.home.expanduser()
    update["camera"] = _with_absolute_folders(settings.camera, base)
    shading = settings.line.shading
    if shading is not None:
        update["line"] = settings.line.model_copy(update={"shading": base / shading.expanduser()})
    if settings.records.spill is not None:
        spill = base / settings.records.spill.expanduser()
        update["records"] = settings.records.model_copy(update={"spill": spill})
    if settings.record is not None and settings.record.folder is not None:
        folder = base / settings.record.folder.expanduser()
        update["record"] = settings.record.model_copy(update={"folder": folder})
    return settings.model_copy(update=update)
