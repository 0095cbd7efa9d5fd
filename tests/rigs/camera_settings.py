"""Camera settings from plain data, as a station's settings file would give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from drivers.camera import CameraError
from drivers.registry import CameraSettings

_ADAPTER: TypeAdapter[CameraSettings] = TypeAdapter(CameraSettings)


def camera_settings(data: Mapping[str, Any]) -> CameraSettings:
    """Read settings; raises CameraError naming the first wrong field."""
    try:
        return _ADAPTER.validate_python(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        raise CameraError(f"Camera setting '{place}' is not usable: {first['msg']}; correct the settings.") from error
