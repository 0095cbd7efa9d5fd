"""This module notices that the computer's clock was set, by a clock that nobody can set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from drivers.standstill import whole_s
from station.records import audit
from station.records.schema import RollTable

LEAST_SHIFT_S = 5.0
BEHIND_S = 60.0
UNSURE_S = 1.0
DRIFT = 1e-3
"""Two clocks may drift apart by this share of the time between two looks, as no clock is perfect."""


def clock_behind(session: Session, wall: datetime) -> str:
    """Note in the audit if the clock stands before the last roll's end, as after an empty battery; return the sentence
    that warns of it, '' if it does not."""
    try:
        last = session.scalar(select(RollTable.touched_at).order_by(RollTable.id.desc()).limit(1))
    except (TypeError, ValueError):  # a spoilt value there says nothing of the clock
        return ""
    if last is None or (last - wall).total_seconds() < BEHIND_S:
        return ""
    text = f"This computer's clock stands before the last roll's end ({last.astimezone():%Y-%m-%d %H:%M})"
    audit.append(session, "clock behind", "", text, "station", "")
    return f"{text}: set the clock; rolls stay in the order of their numbers."


class ClockWatch:
    """The watch compares the clock on the wall with the steady one.  Any thread may ask it.

    Args:
        wall: gives the time on the wall, with its zone.
    """

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._before: tuple[datetime, float] | None = None

    def look(self) -> tuple[datetime, float]:
        """Return the time, and by how many seconds the clock was set forward (negative: back) since the last look; 0.0
        if it was not."""
        steady = whole_s()
        wall = self._wall()
        before = self._before
        if whole_s() - steady > UNSURE_S:  # this thread stood still between the two clocks
            return wall, 0.0
        self._before = (wall, steady)
        if before is None:
            return wall, 0.0
        passed_s = steady - before[1]
        shift_s = (wall - before[0]).total_seconds() - passed_s
        return wall, shift_s if abs(shift_s) > max(LEAST_SHIFT_S, DRIFT * passed_s) else 0.0
