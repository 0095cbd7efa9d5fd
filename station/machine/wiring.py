"""This module wires the machine from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drivers.camera import Camera, EncoderReading
from drivers.machine.counter import CounterEncoder, EncodedCamera
from drivers.machine.links import LinkSettings, open_link
from drivers.machine.modbus import ModbusSettings
from drivers.machine.signals import LinkError, MachineLink
from station.contract import Event, LineSnapshot, StationError
from station.machine.machine import Machine
from station.machine.settings import MachineSettings


@dataclass(frozen=True, slots=True, eq=False)
class MachineWiring:
    """The wiring holds what the station needs to work with a machine: settings, and link and counter if any."""

    settings: MachineSettings
    link: MachineLink | None = None
    counter: CounterEncoder | None = None

    def start(
        self,
        look: Callable[[], LineSnapshot],
        encoder: Callable[[], EncoderReading],
        tell: Callable[[Event], None],
        end_roll: Callable[[], None],
        requested: str,
    ) -> Machine:
        """Start the machine and return it; arguments as of :class:`station.machine.machine.Machine`."""
        machine = Machine(
            self.settings,
            self.link,
            look=look,
            encoder=encoder,
            tell=tell,
            end_roll=end_roll,
            counter=self.counter,
            requested=requested,
        )
        machine.start()
        return machine


def wire(
    machine: MachineSettings | None, outputs: LinkSettings | None, camera: Camera
) -> tuple[MachineWiring | None, Camera]:
    """Return the machine that settings describe, None if they describe none, and the camera.

    The camera's encoder is the machine's counter where settings ask for that.

    Raises:
        StationError: the camera has no output lines, or a counter is asked for that is not wired.
    """
    if machine is None and outputs is None:
        return None, camera
    settings = machine or MachineSettings()
    try:
        link = None if outputs is None else open_link(outputs, camera)
    except LinkError as error:
        raise StationError(str(error)) from error
    if settings.pulses_per_line is None:
        return MachineWiring(settings, link), camera
    if not isinstance(outputs, ModbusSettings) or outputs.counter is None:
        raise StationError(
            "[machine] names pulses_per_line, but [outputs] names no counter: add where it is read, such as "
            "counter = { address = 0, bits = 32 }, or take pulses_per_line out."
        )
    counter = CounterEncoder(settings.pulses_per_line, outputs.counter.bits)
    return MachineWiring(settings, link, counter), EncodedCamera(camera, counter)
