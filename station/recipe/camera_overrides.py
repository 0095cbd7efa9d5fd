"""This module holds the camera settings that a fabric asks for, beyond the station's own settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from drivers.camera import Camera


class CameraOverrides(BaseModel):
    """The overrides are the recipe's camera settings.  Where one is None, the station's settings apply."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    exposure_us: float | None = Field(None, gt=0, le=1e7)
    gain_db: float | None = Field(None, ge=-100, le=100)

    def told(self) -> dict[str, float]:
        """Return the settings that are not None, by name."""
        return {name: value for name, value in self if value is not None}


def override_camera(camera: Camera, overrides: CameraOverrides) -> str | None:
    """Have the camera take the overrides at its next start; returns a sentence if it knows no such settings.

    The camera itself reports what it refused once it was started (``take_notices``).
    """
    told = overrides.told()
    unknown = camera.apply_overrides(told)
    if not unknown:
        return None
    wanted = ", ".join(f"{name} = {told[name]:g}" for name in unknown)
    return f"Camera {camera.camera_id} takes no settings from a recipe, so not {wanted}; its picture stays as it is."
