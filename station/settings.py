"""This module defines what ``station.toml`` may say, and finds the station's home folder."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.machine.links import LinkSettings
from drivers.registry import CameraSettings, JoinedSettings
from station.attending.label import FACT_LIMIT, LabelSettings
from station.calibration.selection import MAX_AGE_DAYS
from station.contract import StationError
from station.machine.settings import MachineSettings
from station.quality.summaries.periods import ShiftSettings
from station.recipe import FabricName
from station.recording.camera import RecordSettings
from station.records.keeping.settings import RetentionSettings

Device = Literal["auto", "cpu", "cuda", "openvino", "torch"]

WRITE_PATHS = "write paths with / or in single quotes, such as 'C:\\temp'"


class LineSettings(BaseModel):
    """These settings say what the line runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fabric: FabricName = Field(description="fabric whose newest recipe version is used")
    roll: str | None = Field(None, description="name of the roll; made from the date where absent")
    device: Device = "auto"
    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"
    shading: Path | None = Field(None, description="flat field to use instead of the newest on record")
    loom: str = Field("", max_length=FACT_LIMIT, description="loom or table that every roll here is inspected at")
    after_crash: Literal["ask", "close"] = Field(
        "ask", description="whether the window waits for people to resume or close a roll that a crash left"
    )


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


class GradingSettings(BaseModel):
    """These settings say what rolls are graded by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field("", description="rule for recipes that ask for none of their own, such as four-point-cotton")


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
    label: LabelSettings = LabelSettings()
    grading: GradingSettings = GradingSettings()
    retention: RetentionSettings = RetentionSettings()
    shifts: ShiftSettings = ShiftSettings()


def home_folder(home: Path | None) -> Path:
    """Return ``home``, or else ``STATION_HOME``, or else the platform's user data folder.

    Raises:
        StationError: it begins with ``~`` and a name that nobody has here.
    """
    if home is not None:
        return _expanded(home)
    if env := os.environ.get("STATION_HOME"):
        return _expanded(Path(env))
    return Path(platformdirs.user_data_dir("fabric-station", appauthor=False))


def load_settings(path: Path) -> Settings:
    """Read ``station.toml``, as any editor saves it in UTF-8.  Relative paths in it count from its folder.

    Raises:
        StationError: no such file, not UTF-8, not TOML, or a setting is impossible; names the setting.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")  # editors of Windows put a mark in front
    except FileNotFoundError:
        raise StationError(f"Settings file {path} does not exist; name one with --config.") from None
    except OSError as error:
        raise StationError(f"Settings file {path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise StationError(f"Settings file {path} {_encoding(data, error.start)}; save it as UTF-8.") from None
    if "\0" in text:
        raise StationError(f"Settings file {path} {_encoding(data, 0)}; save it as UTF-8.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StationError(f"Settings file {path} is not valid TOML: {error}{_path_hint(text, error)}.") from None
    except RecursionError:
        raise StationError(f"Settings file {path} is nested too deeply to be settings.") from None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise StationError(f"Settings file {path}: {first_fault(error)}.") from None
    _refuse_odd_paths(settings, path)
    return _with_absolute_paths(settings, path.resolve().parent)


def _encoding(data: bytes, wrong_at: int) -> str:
    """Say how a file that is not UTF-8 is probably encoded, and where that shows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        return "is in UTF-16 (some editors call it Unicode), not in UTF-8"
    line = data[:wrong_at].count(b"\n") + 1
    return f"is not in UTF-8 (line {line} has a sign in another encoding, such as ANSI)"


def _path_hint(text: str, error: tomllib.TOMLDecodeError) -> str:
    """Return what to do where the line at fault has a backslash in double quotes, as paths of Windows have."""
    place = re.search(r"at line (\d+)", str(error))
    line = text.splitlines()[int(place[1]) - 1] if place is not None else ""
    return f"; {WRITE_PATHS}" if re.search(r'"[^"]*\\', line) else ""


def _refuse_odd_paths(settings: BaseModel, file: Path, where: str = "") -> None:
    """Refuse a path with a control character: a backslash in double quotes makes one, as in ``"C:\\temp"``.

    Raises:
        StationError: there is one; names the setting.
    """
    for name, value in settings:
        for place, one in enumerate(value if isinstance(value, tuple | list) else [value]):
            at = f"{where}{name}" if one is value else f"{where}{name}.{place}"
            if isinstance(one, BaseModel):
                _refuse_odd_paths(one, file, f"{at}.")
            elif isinstance(one, Path) and any(ord(sign) < ord(" ") or ord(sign) == 0x7F for sign in str(one)):
                odd = f"the path {_spelled(one)} has a control character in it"
                raise StationError(f"Settings file {file}: {at}: {odd}; {WRITE_PATHS}.")


def _spelled(path: Path) -> str:
    """Return a path with its control characters spelled out, so that a tab is not taken for a backslash and a t."""
    names = {"\t": "<tab>", "\n": "<new line>", "\r": "<carriage return>"}
    return "".join(names.get(sign, sign if sign.isprintable() else f"<{ord(sign):#04x}>") for sign in str(path))


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise StationError(
            f"The folder {path} begins with ~, but there is no such user here; write it in full."
        ) from None


def first_fault(error: ValidationError) -> str:
    """Say a validation's first fault in words: ``camera.speed_m_per_min: Input should be greater than 0 (got -3)``."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    got = fault.get("input")
    shown = f" (got {got!r})" if isinstance(got, str | int | float | bool) else ""
    said = fault["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{where or 'settings'}: {said}{shown}"


def _with_absolute_folders(camera: CameraSettings, base: Path) -> CameraSettings:
    update: dict[str, object] = {name: base / _expanded(value) for name, value in camera if isinstance(value, Path)}
    if isinstance(camera, JoinedSettings):
        update["cameras"] = tuple(_with_absolute_folders(one, base) for one in camera.cameras)
    return camera.model_copy(update=update)


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    update: dict[str, object] = {}
    if settings.home is not None:
        update["home"] = base / _expanded(settings.home)
    update["camera"] = _with_absolute_folders(settings.camera, base)
    shading = settings.line.shading
    if shading is not None:
        update["line"] = settings.line.model_copy(update={"shading": base / _expanded(shading)})
    if settings.records.spill is not None:
        spill = base / _expanded(settings.records.spill)
        update["records"] = settings.records.model_copy(update={"spill": spill})
    if settings.record is not None and settings.record.folder is not None:
        folder = base / _expanded(settings.record.folder)
        update["record"] = settings.record.model_copy(update={"folder": folder})
    return settings.model_copy(update=update)
