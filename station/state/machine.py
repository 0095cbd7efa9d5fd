"""This module says how the machine beside the line is, as the screen shows it: plain immutable data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StopState(StrEnum):
    """The state says whether the station wants the machine to stop."""

    NONE = "none"
    ANNOUNCED = "announced"
    REQUESTED = "requested"


class StopStep(StrEnum):
    """The step says what became of a cause to stop."""

    ANNOUNCED = "announced"
    WITHDRAWN = "withdrawn"
    VETOED = "vetoed"
    REQUESTED = "requested"
    RELEASED = "released"


class LinkState(StrEnum):
    """The state says what the link to the machine's signals is worth; one through the camera rests when that does."""

    NOT_WIRED = "not wired"
    CONNECTED = "connected"
    RESTING = "resting"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class NextReject:
    """This is the next reject on its way to a place behind the camera, with the metres it still has to go."""

    number: int
    metres: float


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """The machine's status holds its signals and what is on its way behind the camera.

    Attributes:
        link: what the link to the machine is worth.
        wires_stop: whether a signal is wired that stops the machine; else a person has to stop it.
        running: whether the machine says it runs; None where that is not wired or not known.
        stop: whether a stop is announced or requested, for ``cause``, in words.
        cause_number: number of this cause, unique while the program runs, so that a veto can name it; 0 for none.
        metres_to_stop: cloth that may still pass before an announced stop is requested, else None.
        to_marker, to_roll: the next reject before the marker and before the cloth roll, None where there is none.
        heart_still: why the heartbeat stands still, so that the machine stops by itself; empty while it beats.
        marked, marked_late, not_marked: rejects marked in all, those of them marked behind their beginning, and those
            not marked at all.
    """

    link: LinkState = LinkState.NOT_WIRED
    wires_stop: bool = False
    running: bool | None = None
    stop: StopState = StopState.NONE
    cause: str = ""
    cause_number: int = 0
    metres_to_stop: float | None = None
    to_marker: NextReject | None = None
    to_roll: NextReject | None = None
    heart_still: str = ""
    marked: int = 0
    marked_late: int = 0
    not_marked: int = 0
