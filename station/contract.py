"""This module holds what the core tells the rest of the program: plain immutable data, no behaviour, no Qt.

Line numbers are encoder lines counted from the start of the roll.  Pixels are camera columns.  Scores are raw model
scores; whoever shows them to people first converts them to the scale for people (:mod:`station.display_score`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.notice import Notice as Notice
from drivers.notice import Severity as Severity
from station.recipe import Recipe
from station.recipe.frame_spots import Frames
from station.recipe.web import ColumnsInspected as ColumnsInspected
from station.state.acknowledged import Acknowledged as Acknowledged
from station.state.asked import PeopleCommands, RollCommands
from station.state.cloth_differs import ClothDiffers as ClothDiffers
from station.state.defect import Defect as Defect
from station.state.defect import Look as Look
from station.state.defect_kind import DefectKind as DefectKind
from station.state.grade import RunningGrade as RunningGrade
from station.state.machine import LinkState as LinkState
from station.state.machine import MachineStatus as MachineStatus
from station.state.machine import NextReject as NextReject
from station.state.machine import StopState as StopState
from station.state.machine import StopStep as StopStep
from station.state.records_lag import RecordsLag as RecordsLag
from station.state.roll import UNKNOWN
from station.state.roll import MarkKind as MarkKind
from station.state.roll import RollIdentity as RollIdentity
from station.state.roll import RollMark as RollMark


class StationError(Exception):
    """The error reports a fault of input or environment in the core, in one plain sentence that says what to do."""


class LineState(StrEnum):
    """The states of the line follow OPC 40100-1 (machine vision)."""

    PREOPERATIONAL = "preoperational"
    HALTED = "halted"
    ERROR = "error"
    INITIALIZED = "initialized"
    READY = "ready"
    SINGLE_EXECUTION = "single execution"
    CONTINUOUS_EXECUTION = "continuous execution"


class FeedState(StrEnum):
    """The feed's state says what the picture on the screen is worth."""

    NO_PICTURE = "no picture"
    LIVE = "live"
    STOPPED = "machine stopped"
    STALLED = "camera stalled"
    GONE = "camera gone"
    ENDED = "end of cloth"


class UninspectedReason(StrEnum):
    """The reason says why cloth went by that nobody judged."""

    LOST_BY_CAMERA = "lost by camera"
    OVERLOAD = "overload"
    STOOD_STILL = "computer stood still"
    MODEL_NOT_READY = "model not ready"
    CAMERA_GONE = "camera gone"
    ABORTED = "line aborted"
    NO_CLOTH = "no cloth found"
    PAUSED = "paused"
    NOT_RECORDED = "not recorded"
    TOO_SHORT = "too short to judge"
    UNREADABLE = "picture unreadable"


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger keeps one law: acquired = inspected + uninspected + in flight; in flight is 0 once a roll has ended."""

    lines_acquired: int = 0
    lines_inspected: int = 0
    lines_uninspected: int = 0
    lines_repeated: int = 0

    @property
    def lines_in_flight(self) -> int:
        """Give the number of lines due that are neither judged nor given up yet."""
        return self.lines_acquired - self.lines_inspected - self.lines_uninspected


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch holds lines ``[first_line, end_line)`` that were all inspected, or all not and for the same reason."""

    first_line: int
    end_line: int
    reason: UninspectedReason | None = None

    @property
    def inspected(self) -> bool:
        """Say whether its lines were judged over the whole width of the web."""
        return self.reason is None


@dataclass(frozen=True, slots=True, eq=False)
class StripView:
    """A strip view is a strip of judged cloth for the screen.

    Attributes:
        first_line: roll line of the first row.
        pixels: uint8 ``[lines, width]`` or ``[lines, width, 3]``, shading-corrected.
        scores: float32 ``[ceil(lines / cell_px), ceil(width / cell_px)]`` raw scores, 0 off the web; never written to,
            as the line goes on using them.
        threshold: raw score from which a region is a reject; infinite where nothing is to be decided.
        cell_px, left_px, right_px: side of a cell in px; web edges, half-open.
        blind_px: half-open columns of the web not judged: a camera is missing, or there is too little cloth in one go.
        frames: in which frames its lines were seen.
    """

    first_line: int
    pixels: NDArray[np.uint8]
    scores: NDArray[np.float32]
    threshold: float
    cell_px: int
    left_px: int
    right_px: int
    piece: str | None = None
    blind_px: tuple[tuple[int, int], ...] = ()
    frames: Frames = ()


@dataclass(frozen=True, slots=True, eq=False)
class LookView:
    """A look's view holds what another look than the fine one scores of cloth that StripViews showed before.

    Attributes:
        look: which look.
        first_line, end_line: roll lines, half-open.
        scores: float32 ``[cells along, cells across]`` raw scores of that look, 0 off the web; never written to.
        threshold: raw score of that look from which a region is a reject; infinite where nothing is to be decided.
        cell_px: side of a cell in px and lines.
        piece: the piece (picture) it is on.
    """

    look: Look
    first_line: int
    end_line: int
    scores: NDArray[np.float32]
    threshold: float
    cell_px: int
    piece: str | None = None


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """A snapshot is the line at one moment.  ``metres_…`` follow from the ledger and the scale (None without a scale).

    ``origin_line`` is the encoder line that is line 0 of the roll, None before any of its cloth is known.
    ``behind_s`` is how much older the newest judged line is than the camera's newest: the picture lags by so much.
    ``machine`` is None where the settings say nothing of a machine.
    ``unverified`` says why the roll's sizes are unverified (calibration missing, stale or foreign); '' if verified.
    ``records`` says how far the record lags behind the cloth, None if it does not.
    ``columns`` are judged as cloth, ``fastest_m_per_min`` is what this machine keeps up with (and more, if
    ``goes_faster``: it never had all it could do yet); None while unknown.  ``grade`` is the roll's grade so far,
    ``identity`` what is known of the open or last roll.
    """

    state: LineState
    feed: FeedState
    fabric: str
    recipe_version: int
    roll: str | None
    ledger: Ledger
    metres_inspected: float | None = None
    metres_uninspected: float | None = None
    speed_m_per_min: float | None = None
    defects: int = 0
    rejects: int = 0
    tiles_per_second: float = 0.0
    latency_p50_ms: float = 0.0
    latency_p99_ms: float = 0.0
    queue_fill: float = 0.0
    message: str = ""
    origin_line: int | None = None
    behind_s: float = 0.0
    machine: MachineStatus | None = None
    unverified: str = ""
    records: RecordsLag | None = None
    columns: ColumnsInspected | None = None
    fastest_m_per_min: float | None = None
    goes_faster: bool = False
    identity: RollIdentity = UNKNOWN
    grade: RunningGrade | None = None

    @property
    def end_line(self) -> int | None:
        """Give the encoder line after the roll's last one so far, None before any of its cloth is known."""
        return None if self.origin_line is None else self.origin_line + self.ledger.lines_acquired


# What follows are the events, told in the order they happen.  The queues that carry them are bounded: if the screen
# does not take them, pictures are dropped first, then the oldest of the others, and a Notice says how many.  The
# records get every event or declare a failure.


@dataclass(frozen=True, slots=True)
class RollStarted:
    """The event says that a roll was opened."""

    roll: str
    fabric: str
    recipe_version: int


@dataclass(frozen=True, slots=True)
class RollEnded:
    """The event says that a roll was closed; ``ledger.lines_in_flight`` is 0.  ``broken_off``: why that was before the
    end of its cloth, where it has an end; '' if it was not."""

    roll: str
    ledger: Ledger
    broken_off: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DefectChanged:
    """The event says that a defect appeared, grew or closed."""

    defect: Defect


@dataclass(frozen=True, slots=True)
class StretchClosed:
    """The event says that a stretch is complete."""

    stretch: Stretch


@dataclass(frozen=True, slots=True)
class StopChanged:
    """The event says that a stop was announced, withdrawn, vetoed, requested or released; it is kept in the audit.

    ``cause`` says in words what the stop is for, ``by`` is the person's name, or 'station'.
    """

    step: StopStep
    cause: str
    by: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The event says that the last resort met a bug nobody caught; it is kept in the audit and shown as a notice.

    ``where`` says where it was met (a thread, the window), ``kind`` is the exception's type, ``text`` the sentence for
    people.
    """

    where: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class RowJudged:
    """The event says that cloth was judged, with the highest raw score of each patch, one patch per tile column.

    ``peaks`` is float32 ``[patches]``, left to right, web only (off-web patches are left out); lines are half-open.
    ``width_px`` is the width of the web there in px, 0 if unknown; gradings per area need it.  ``cloth_px``
    is how wide the cloth is from border to border, 0 where they were not both seen inside the picture.
    """

    first_line: int
    end_line: int
    peaks: NDArray[np.float32]
    piece: str | None = None
    width_px: int = 0
    cloth_px: int = 0


Told = Notice | ColumnsInspected | ClothDiffers | Fault | RollMark | Acknowledged
Event = RollStarted | RollEnded | DefectChanged | StretchClosed | RowJudged | StopChanged | Told | StripView | LookView


class Core(RollCommands, PeopleCommands, Protocol):
    """The core is the running station as screens and commands see it.  All methods may be called from any thread
    and return soon (``start_roll`` waits for the records to open the roll); what takes longer, such as loading a model,
    happens in the core's own threads and is told by events."""

    def snapshot(self) -> LineSnapshot:
        """Describe the line as it is now."""

    def drain(self, limit: int = 256) -> list[Event]:
        """Take the next events for the screen, oldest first; empty if there are none."""

    def fabrics(self) -> list[str]:
        """Return the fabrics that can be inspected."""

    def start_roll(self, fabric: str, roll: str | None = None, identity: RollIdentity | None = None) -> None:
        """Open a roll and start to inspect it.  Raises StationError (unknown fabric, a roll is open, bad roll name)."""

    def pause(self, why: str = "", by: str = "") -> None:
        """Pause inspecting; cloth that still moves becomes uninspected, for the reason said.  The roll stays open."""

    def resume(self, by: str = "") -> None:
        """Resume inspecting."""

    def end_roll(self) -> None:
        """Ask for the roll's end: lines in flight are judged, then the roll is closed."""

    def veto_stop(self, by: str, cause_number: int) -> None:
        """Let the machine run on despite the announced cause with this number, as :class:`MachineStatus` showed it.

        Raises StationError (the cause is no longer announced, or there is no name).
        """

    def release_stop(self, by: str) -> None:
        """Take back the requested stop.  Raises StationError (no stop is requested, or there is no name)."""

    def acknowledge(self, answer: Acknowledged) -> None:
        """Put on record that a person has seen alarms; never waits."""

    def report_fault(self, fault: Fault) -> None:
        """Show a bug on the screen and keep it in the audit; never waits, not even with the records closed."""

    def recipe(self) -> Recipe | None:
        """Return the recipe in force on the open roll."""

    @property
    def home(self) -> Path:
        """Give the folder with the database, models and images."""
