"""What a fabric asks of the camera, beyond what the station's settings say of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from drivers.camera import Camera


class CameraOverrides(BaseModel):
    """The recipe's camera settings.  What is None is as the station's settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    exposure_us: float | None = Field(None, gt=0, le=1e7)
    gain_db: float | None = Field(None, ge=-100, le=100)

    def told(self) -> dict[str, float]:
        """Those that are not None, by name."""
        return {name: value for name, value in self if value is not None}


def override_camera(camera: Camera, overrides: CameraOverrides) -> str | None:
    """Have the camera take the overrides when it is started next; a sentence if it knows no such settings.

    What it refuses of them it tells itself once it was started (``take_notices``).
    """
    told = overrides.told()
    unknown = camera.apply_overrides(told)
    if not unknown:
        return None
    wanted = ", ".join(f"{name} = {told[name]:g}" for name in unknown)
    return f"Camera {camera.camera_id} takes no settings from a recipe, so not {wanted}; its picture stays as it is."
