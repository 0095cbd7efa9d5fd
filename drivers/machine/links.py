"""This module says how the machine is wired: what settings may say, and which link stands behind it."""

from __future__ import annotations

from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from drivers.camera import Camera
from drivers.machine.modbus import ModbusLink, ModbusSettings
from drivers.machine.signals import CameraLines, LinkError, MachineLink, Output, SimulatedLink


class CameraLinesSettings(BaseModel):
    """These settings name the camera's output line of each signal, such as ``{ stop = "Line2" }``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["camera"] = "camera"
    lines: dict[Output, str] = Field(min_length=1)
    inverted: frozenset[Output] = frozenset()


class SimulatedLinkSettings(BaseModel):
    """These settings stand for no machine: signals are only remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["simulated"] = "simulated"


LinkSettings = Annotated[
    ModbusSettings | CameraLinesSettings | SimulatedLinkSettings,
    Field(discriminator="kind"),
]
"""These are the settings of the link to the machine; ``kind`` tells which."""


def open_link(settings: LinkSettings, camera: Camera) -> MachineLink:
    """Return the link that ``settings`` describe, not connected yet.

    Raises:
        LinkError: the camera has no output lines.
    """
    match settings:
        case ModbusSettings():
            return ModbusLink(settings)
        case CameraLinesSettings():
            return _lines_of(camera, settings)
        case SimulatedLinkSettings():
            return SimulatedLink()
        case _:
            assert_never(settings)


def _lines_of(camera: Camera, settings: CameraLinesSettings) -> CameraLines:
    output_lines = camera.output_lines
    if output_lines is None:
        raise LinkError(
            f"Camera {camera.camera_id} has no output lines; wire the machine by Modbus or choose another camera."
        )
    return CameraLines(output_lines.set_output, settings.lines, settings.inverted, camera_id=camera.camera_id)
