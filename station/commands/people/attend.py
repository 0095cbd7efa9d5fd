"""This module opens the window on a station and holds the people at it to their rights."""

from __future__ import annotations

import threading
from pathlib import Path

from station.commands.session import OpenWindow, Records, say
from station.contract import LineSnapshot, StationError
from station.core import Station
from station.people.gate import guarded
from station.records.rows import RecordsError
from station.settings import LineSettings
from station.shutdown import ROLL_RESERVE_S, interrupted_by, time_left


def start_attended(station: Station, line: LineSettings, scan: str | None) -> None:
    """Start the first roll of a window, as the station does by itself; where a crash left one and the settings say so,
    people are asked instead, and none is started before they answered."""
    left = None
    if scan is None and line.after_crash == "ask":
        try:
            left = station.unfinished_roll()
        except RecordsError as error:  # no reason not to look at the cloth
            say(f"Whether a crash left a roll cannot be read: {error}")
    if left is not None:
        station.tell_unfinished(left)
    elif scan is not None:
        station.start_scanned(scan, line.fabric)
    else:
        station.start_roll(line.fabric, line.roll)


def attend(
    station: Station,
    records: Records,
    window: OpenWindow,
    screenshot: Path | None = None,
    after_s: float | None = None,
) -> LineSnapshot:
    """Open the window on a station, with the guard before it and its records that holds people to their rights; end the
    roll once it is closed.  Raises as :func:`after_window`."""
    core, store = guarded(station, station.gate), guarded(records.store, station.gate)
    return after_window(station, window(core, store, records.history, screenshot, after_s))


def after_window(station: Station, code: int) -> LineSnapshot:
    """End the roll after the window was closed, if one is open, and wait until it has ended.  If a signal closed the
    window, what is in flight is not judged.

    Raises:
        Exception: the error that ended the last roll before its cloth did; StationError if the window failed.
    """
    station.end_roll(judge=interrupted_by() is None)
    station.wait(time_left(threading.TIMEOUT_MAX, ROLL_RESERVE_S))
    if station.failure is not None and not station.events_lost:
        raise station.failure
    if code:
        raise StationError(f"The window ended with code {code}.")
    return station.snapshot()
