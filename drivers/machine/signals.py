"""This module defines the signals to and from the machine, and the links that need no bus: simulated, camera lines.

A link carries all signals at each exchange, as a PLC's own process image does: nothing depends on earlier exchanges,
so a link that was lost is right again with the first exchange after its return.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, assert_never

from drivers.camera import CameraError

HISTORY = 4096
"""A simulated link remembers this many changes."""


class LinkError(Exception):
    """A link error says in one plain sentence which link to the machine failed, what happened and what to do."""


class Output(StrEnum):
    """An output is one of the station's signals to the machine."""

    STOP = "stop"
    RED = "red"
    AMBER = "amber"
    MARKER = "marker"
    HEARTBEAT = "heartbeat"
    UNRECORDED = "unrecorded"


class Distance(StrEnum):
    """A distance is a length of cloth: how far the next reject still has to go, for a marker or winder that works out
    its own timing; how much cloth is judged but not on record."""

    TO_MARKER = "to_marker"
    TO_ROLL = "to_roll"
    UNRECORDED = "unrecorded"


class Input(StrEnum):
    """An input is one of the machine's signals to the station."""

    RUNNING = "running"
    DOFF = "doff"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs hold all signals to the machine at one moment.

    Attributes:
        stop: the machine must stop.
        red, amber: the stack light: a stop or a critical defect · inspection is degraded.  Dark when all is well.
        marker: the marker marks while it is on.
        heartbeat: toggles while the station can be relied on; the machine stops by itself when it no longer toggles.
        unrecorded: the record lags behind the cloth.
        to_marker_m, to_roll_m: metres the next reject has to go, None where there is none.  Two moments that differ in
            these alone count as equal: they change with every line of cloth.
        unrecorded_m: metres of cloth judged but not on record; 0 while the record does not lag.
    """

    stop: bool = False
    red: bool = False
    amber: bool = False
    marker: bool = False
    heartbeat: bool = False
    unrecorded: bool = False
    to_marker_m: float | None = field(default=None, compare=False)
    to_roll_m: float | None = field(default=None, compare=False)
    unrecorded_m: float | None = field(default=0.0, compare=False)

    def metres(self, distance: Distance) -> float | None:
        """Return one of the distances."""
        match distance:
            case Distance.TO_MARKER:
                return self.to_marker_m
            case Distance.TO_ROLL:
                return self.to_roll_m
            case Distance.UNRECORDED:
                return self.unrecorded_m
            case _:
                assert_never(distance)

    def level(self, output: Output, inverted: frozenset[Output] = frozenset()) -> bool:
        """Return the electrical level of one signal: its value, or the opposite where it is wired inverted."""
        return bool(getattr(self, output.value)) != (output in inverted)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs hold what the machine reports; None where a signal is not wired.

    Attributes:
        running: the machine runs.
        doff: the cloth roll is being changed.
        release: a person at the machine cancels the requested stop.
        counter: raw count of the encoder's counter, which wraps.
    """

    running: bool | None = None
    doff: bool | None = None
    release: bool | None = None
    counter: int | None = None


class MachineLink(Protocol):
    """A machine link exchanges the machine's signals.  Used by one thread only, which it may hold up for a second."""

    @property
    def name(self) -> str:
        """Return the name that messages use for the link."""

    @property
    def carries(self) -> frozenset[Output]:
        """Return the signals that are wired."""

    @property
    def needs_camera(self) -> bool:
        """Return True if it works only while the camera runs, which is while a roll is open."""

    def open(self) -> None:
        """Connect, also again after :meth:`close`.  Raises LinkError."""

    def exchange(self, outputs: Outputs) -> Inputs:
        """Set all outputs and read all inputs.  Raises LinkError; then open the link again."""

    def close(self) -> None:
        """Disconnect; the outputs stay as they are.  Never raises; may be called twice."""


class SimulatedLink:
    """A simulated link stands for a machine that only remembers its outputs and answers the inputs set here.

    Attributes:
        inputs: what the next exchanges return.
    """

    name = "simulated machine"
    carries = frozenset(Output)
    needs_camera = False

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._history: deque[tuple[float, Outputs]] = deque(maxlen=HISTORY)
        self._outputs: Outputs | None = None
        self.inputs = Inputs()

    @property
    def outputs(self) -> Outputs | None:
        """Return the outputs set last, None before anything."""
        return self._outputs

    @property
    def history(self) -> list[tuple[float, Outputs]]:
        """Return when (seconds, monotonic) the outputs changed and to what, oldest first; the last 4,096 changes."""
        return list(self._history)

    def open(self) -> None:
        """Do nothing: there is nothing to connect."""

    def exchange(self, outputs: Outputs) -> Inputs:
        """Remember the outputs and answer."""
        if outputs != self._outputs:
            self._history.append((self._clock(), outputs))
        self._outputs = outputs
        return self.inputs

    def close(self) -> None:
        """Do nothing: there is nothing to disconnect."""


SetOutput = Callable[[str, bool], None]
"""A function of this type sets one output line of a camera by its name, such as ``Line2``.  Raises CameraError."""


class CameraLines:
    """Camera lines carry signals on a camera's own output lines.  They have no inputs.

    A line keeps its level when the camera is stopped or the program dies, so only a heartbeat on one of them makes the
    machine stop then.

    Args:
        set_output: the camera's method that switches a line.
        lines: the line of each signal that is wired.
        inverted: signals that are on while their line is off.
        camera_id: for messages.
    """

    needs_camera = True

    def __init__(
        self,
        set_output: SetOutput,
        lines: dict[Output, str],
        inverted: frozenset[Output] = frozenset(),
        *,
        camera_id: str,
    ) -> None:
        self._set_output = set_output
        self._lines = lines
        self._inverted = inverted
        self._levels: dict[Output, bool] = {}
        self.carries = frozenset(lines)
        self.name = f"output lines of camera {camera_id}"

    def open(self) -> None:
        """Forget the levels, so that all are set again; the line itself opens the camera."""
        self._levels.clear()

    def exchange(self, outputs: Outputs) -> Inputs:
        """Set the lines that change."""
        for output, line in self._lines.items():
            level = outputs.level(output, self._inverted)
            if self._levels.get(output) != level:
                try:
                    self._set_output(line, level)
                except CameraError as error:
                    raise LinkError(f"Signal '{output}' could not be set: {error}") from error
                self._levels[output] = level
        return Inputs()

    def close(self) -> None:
        """Do nothing: the line closes the camera."""
