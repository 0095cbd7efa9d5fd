"""This module holds what commands share: open records, a station on a camera, a line of progress, a roll's figures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.camera import Camera
from model.training import Progress
from station import last_resort
from station.attending.label import LabelSettings
from station.calibration.selection import Calibrations
from station.contract import ColumnsInspected, LineSnapshot, LineState, Notice, RollIdentity, StationError, StopChanged
from station.core import Station
from station.machine.wiring import MachineWiring
from station.recording.camera import RecordingCamera
from station.records.history import History
from station.records.moving.restore import note_restore, settle_restore
from station.records.store import Store
from station.shutdown import ROLL_RESERVE_S, closing, interrupt_noted, time_left
from station.state.records_lag import UNRECORDED_M
from station.state.roll import UNKNOWN

OpenWindow = Callable[[Station, Store, History, Path | None, float | None], int]
"""This function opens the window on a station; the command line hands it down, as nothing here may import screens."""

LOOK_S = 0.2
PROGRESS_S = 2.0
CLOSE_S = 30.0
"""The records have so much time to write what waits; after a signal what is left of its time."""

CLOSE_RESERVE_S = 0.5
"""After a signal so much of its time is kept for what comes after the records are closed."""


@dataclass(frozen=True)
class Records:
    """These are the open records of one home folder."""

    home: Path
    store: Store
    history: History


@contextmanager
def open_records(home: Path, spill: Path | None = None) -> Iterator[Records]:
    """Open (create, migrate) the records meanwhile; all that waits, bugs met included, is written before they close.

    Args:
        home: the home folder.
        spill: as for :meth:`station.records.store.Store.open`.

    Raises:
        RecordsError: the records cannot be opened, or something told of the cloth is not on disk at the end.
    """
    if told := settle_restore(home):
        say(told)
    store = Store.open(home, spill=spill)
    try:
        note_restore(store)
        for notice in store.take_notices():
            say_notice(notice)
        with last_resort.reporting_to(store.write):
            yield Records(home, store, History(store))
    finally:
        try:
            with closing():
                store.close(time_left(CLOSE_S, CLOSE_RESERVE_S))
        finally:
            for notice in store.take_notices():
                say_notice(notice)
    if store.failure is not None:
        raise store.failure


@contextmanager
def open_station(
    records: Records,
    camera: Camera,
    device: str = "auto",
    precision: str = "auto",
    calibrations: Calibrations | None = None,
    wiring: MachineWiring | None = None,
    recording: RecordingCamera | None = None,
    unrecorded_m: float = UNRECORDED_M,
    label: LabelSettings | None = None,
    usual: RollIdentity = UNKNOWN,
) -> Iterator[Station]:
    """Open a station on the camera (also ``recording`` if it records) meanwhile; it is closed whatever happens."""
    station = Station(
        records.home,
        records.store,
        records.history,
        camera,
        device=device,
        precision=precision,
        calibrations=calibrations,
        wiring=wiring,
        recording=recording,
        unrecorded_m=unrecorded_m,
        label=label,
        usual=usual,
    )
    try:
        yield station
    finally:
        with closing():
            station.close()


def run_headless(station: Station, fabric: str, roll: str | None, scan: str | None = None) -> LineSnapshot:
    """Inspect one roll to the end of its cloth, with a line of progress on stderr; a signal ends the roll in order,
    with what is in flight declared uninspected.  With ``scan``, the text of a label, that says which roll to start.

    A roll that is not wholly on record is no error here: the records raise it when they are closed.

    Raises:
        Exception: whatever ended the line before the cloth did; StationError: the line did not end in time.
    """
    last, ending = 0.0, False
    with interrupt_noted() as interrupted:
        if scan is None:
            station.start_roll(fabric, roll)
        else:
            station.start_scanned(scan, fabric)
        while not station.wait(LOOK_S):
            say_notices(station)
            if interrupted.is_set() and not ending:
                ending = True
                say("Ending the roll; what is in flight is not inspected.")
                station.end_roll(judge=False)
            if ending and not time_left(1.0, ROLL_RESERVE_S):
                raise StationError("The line did not end in time; the roll is broken off where its record ends.")
            if time.monotonic() - last >= PROGRESS_S:
                last = time.monotonic()
                say_progress(station.snapshot())
    say_notices(station)
    if station.failure is not None and not station.events_lost:
        raise station.failure
    return station.snapshot()


def say(text: str) -> None:
    """Print a line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


def say_notice(notice: Notice) -> None:
    """Print a notice as a line for people."""
    say(f"{notice.severity.capitalize()}: {notice.text}")


def say_notices(station: Station) -> None:
    """Take what the station told since the last call, and print notices, columns and stops."""
    while events := station.drain():
        for event in events:
            if isinstance(event, Notice):
                say_notice(event)
            elif isinstance(event, ColumnsInspected):
                say(f"Columns inspected: {event}")
            elif isinstance(event, StopChanged):
                say(f"Stop {event.step} by {event.by}: {event.cause}")


def say_progress(snapshot: LineSnapshot) -> None:
    """Print how far the roll is."""
    if snapshot.roll is None or snapshot.state is LineState.INITIALIZED:
        say(snapshot.message or "Starting")
        return
    if snapshot.records is not None:
        say(f"{snapshot.records.text}. {snapshot.records.why}")
    done = snapshot.ledger.lines_inspected
    length = f"{snapshot.metres_inspected:.1f} m" if snapshot.metres_inspected is not None else f"{done} lines"
    say(
        f"{length} inspected, {snapshot.rejects} rejects, {snapshot.tiles_per_second:.0f} tiles/s, "
        f"{snapshot.ledger.lines_uninspected} lines uninspected"
    )


class TeachingLog:
    """The log prints how far the teach-in is, at most every five seconds."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        """Print a progress report, unless one was printed less than five seconds ago."""
        if time.monotonic() - self._last >= 5:
            self._last = time.monotonic()
            loss = "" if progress.loss is None else f", loss {progress.loss:.3f}"
            say(f"Teach-in: {progress.stage}, {progress.fraction:.0%}, {progress.seconds_left:.0f} s left{loss}")


def line_figures(snapshot: LineSnapshot) -> dict[str, object]:
    """Return the ledger and speed part of a command's JSON."""
    ledger, columns = snapshot.ledger, snapshot.columns
    return {
        "roll": snapshot.roll,
        "metres_inspected": snapshot.metres_inspected,
        "metres_uninspected": snapshot.metres_uninspected,
        "lines_acquired": ledger.lines_acquired,
        "lines_inspected": ledger.lines_inspected,
        "lines_uninspected": ledger.lines_uninspected,
        "lines_repeated": ledger.lines_repeated,
        "web_left_px": columns and columns.left_px,
        "web_right_px": columns and columns.right_px,
        "fastest_m_per_min": snapshot.fastest_m_per_min,
        "tiles_per_second": snapshot.tiles_per_second,
        "latency_p50_ms": snapshot.latency_p50_ms,
        "latency_p99_ms": snapshot.latency_p99_ms,
    }
