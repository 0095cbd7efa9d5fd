"""This module opens cameras by name: what settings may say, which class stands behind each, and what is plugged in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from drivers.camera import Camera, CameraError
from drivers.joined.alignment import Joint
from drivers.joined.camera import JoinedCamera
from drivers.pylon.camera import PylonCamera
from drivers.pylon.devices import list_pylon_cameras
from drivers.pylon.settings import PylonSettings
from drivers.recording.camera import RecordedCamera
from drivers.replay import ReplayCamera
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.views import View


class SimulatedSettings(BaseModel):
    """These settings describe a simulated rig; each field is as in :class:`drivers.simulated.camera.SimulatedCamera`.

    With ``frame_lines`` the camera is an area camera, else a line-scan camera.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["simulated"] = "simulated"
    camera_id: str = Field("simulated", min_length=1)
    style: str = "demo"
    width_px: int = Field(2048, ge=256, le=32768)
    mm_per_px: float = Field(0.5, ge=0.01, le=10)
    seed: int = Field(0, ge=0)
    web_px: tuple[int, int] | None = None
    metres: float | None = Field(None, gt=0)
    speed_m_per_min: float | None = Field(None, gt=0, le=1000)
    flaws_per_m: float = Field(3.0, ge=0, le=100)
    disturbances: bool = True
    faults: tuple[str, ...] = ()
    frame_lines: int | None = Field(None, ge=16, le=4096)
    overlap_lines: int = Field(0, ge=0, le=2048)
    frame_falloff: float = Field(0.0, ge=0, le=0.5)
    view_px: tuple[int, int] | None = Field(None, description="columns of the cloth's picture this camera sees")


class ReplaySettings(BaseModel):
    """These settings name a folder of images to play; see :class:`drivers.replay.ReplayCamera`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["replay"] = "replay"
    camera_id: str = Field("replay", min_length=1)
    folder: Path


class RecordedSettings(BaseModel):
    """These settings name a recording to play; see :class:`drivers.recording.camera.RecordedCamera`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["recorded"] = "recorded"
    camera_id: str | None = Field(None, min_length=1, description="as recorded where absent")
    folder: Path
    speed: Literal["recorded", "as fast as possible"] = "recorded"


SingleCameraSettings = Annotated[
    SimulatedSettings | ReplaySettings | RecordedSettings | PylonSettings, Field(discriminator="kind")
]
"""These are the settings of one camera; ``kind`` tells which."""


class JointSettings(BaseModel):
    """A joint says where a camera goes on from its left neighbour, as ``station calibrate stitching`` measures it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    overlap_px: float = Field(ge=0, description="columns that both cameras see")
    offset_lines: float = Field(0.0, description="line y of the right camera is line y + this of the left one")


class JoinedSettings(BaseModel):
    """These settings join cameras across one web, left to right; see :class:`drivers.joined.camera.JoinedCamera`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["joined"] = "joined"
    camera_id: str = Field("joined", min_length=1)
    cameras: tuple[SingleCameraSettings, ...] = Field(min_length=2, max_length=16)
    joints: tuple[JointSettings, ...] = Field(description="one between each two neighbours")


CameraSettings = Annotated[
    SimulatedSettings | ReplaySettings | RecordedSettings | PylonSettings | JoinedSettings,
    Field(discriminator="kind"),
]
"""These are the settings of a station's camera, single or joined; ``kind`` tells which."""


def open_camera(settings: CameraSettings) -> Camera:
    """Return the camera that ``settings`` describe, not started yet.  Raises CameraError."""
    match settings:
        case SimulatedSettings(view_px=None):
            return SimulatedCamera(**settings.model_dump(exclude={"kind", "view_px"}))
        case SimulatedSettings():
            return _open_views([settings])[0]
        case ReplaySettings():
            return ReplayCamera(settings.folder, camera_id=settings.camera_id, skips_unreadable=True)
        case RecordedSettings():
            fast = settings.speed == "as fast as possible"
            return RecordedCamera(settings.folder, as_fast_as_possible=fast, camera_id=settings.camera_id)
        case PylonSettings():
            return PylonCamera(settings)
        case JoinedSettings():
            joints = [Joint(joint.overlap_px, joint.offset_lines) for joint in settings.joints]
            return JoinedCamera(_open_neighbours(settings.cameras), joints, camera_id=settings.camera_id)
        case _:
            assert_never(settings)


def _open_neighbours(cameras: Sequence[SingleCameraSettings]) -> list[Camera]:
    """Open the cameras from left to right.  Simulated ones that view one cloth share one loom."""
    viewing = [camera for camera in cameras if isinstance(camera, SimulatedSettings) and camera.view_px is not None]
    views = iter(_open_views(viewing) if viewing else [])
    return [next(views) if camera in viewing else open_camera(camera) for camera in cameras]


def _open_views(cameras: Sequence[SimulatedSettings]) -> list[Camera]:
    own = {"kind", "camera_id", "view_px", "faults"}
    looms = [camera.model_dump(exclude=own) for camera in cameras]
    for camera, loom in zip(cameras, looms, strict=True):
        differing = next((name for name, value in loom.items() if value != looms[0][name]), None)
        if differing is not None:
            raise CameraError(
                f"Cameras {cameras[0].camera_id} and {camera.camera_id} view one simulated cloth; "
                f"set '{differing}' alike for both."
            )
    # The loom itself reverses, so all cameras see it.
    reverse = ("reverse",) if any("reverse" in camera.faults for camera in cameras) else ()
    rig = SimulatedCamera(**looms[0], faults=reverse)
    return list(
        rig.views(
            [
                View(camera.camera_id, *camera.view_px, tuple(fault for fault in camera.faults if fault != "reverse"))
                for camera in cameras
                if camera.view_px is not None
            ]
        )
    )


def list_cameras() -> list[dict[str, str | bool]]:
    """List the cameras this machine has: the simulated one and every Basler device (or emulation) found.

    Each has ``kind``, ``name``, ``serial`` and ``emulated``.  A device that cannot be enumerated has ``error``.
    """
    simulated: dict[str, str | bool] = {
        "kind": "simulated",
        "name": "Simulated line-scan or area camera",
        "serial": "",
        "emulated": True,
    }
    return [simulated, *list_pylon_cameras()]
