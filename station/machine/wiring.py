"""From settings to a wired machine."""

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
    """What the station needs to work with a machine: its settings, and link and counter where there are some."""

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
        """The machine, running; arguments as :class:`station.machine.machine.Machine`."""
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
    """The machine that settings tell of, None if they tell of none; and the camera, its encoder being the machine's
    counter where that is wished.

    Raises:
        StationError: the camera has no output lines, or a counter is wished that is not wired.
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
