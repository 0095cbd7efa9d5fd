"""This module says when shifts and months begin and end, by local wall clock.

A shift ends where the next begins, so that no moment is in two and none is left out: over midnight, and over a change
to or from summer time, where the shift that holds it is an hour shorter or longer.  A month is made of the shifts that
begin in it, so that they add up to it: with shifts from 06, 14 and 22 h it ends on the 1st at 06 h.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, field_validator

from station.contract import StationError
from station.local_time import clock, local


class ShiftSettings(BaseModel):
    """These settings say when the mill's shifts begin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: tuple[time, ...] = Field(
        (time(6), time(14), time(22)),
        min_length=1,
        max_length=24,
        description="local times at which shifts begin, such as 06:00",
    )

    @field_validator("begins")
    @classmethod
    def _in_order(cls, begins: tuple[time, ...]) -> tuple[time, ...]:
        if any(one.tzinfo is not None for one in begins):
            raise ValueError("give local times without a zone, such as 06:00")
        if len(set(begins)) < len(begins):
            raise ValueError("two shifts begin at the same time")
        return tuple(sorted(begins))


@dataclass(frozen=True, slots=True)
class Period:
    """A period has a name for people and lasts from ``since`` to ``until`` (half-open, UTC-aware)."""

    name: str
    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Say whether the moment lies in it."""
        return self.since <= moment < self.until


def shifts_of(day: date, settings: ShiftSettings) -> list[Period]:
    """Return the shifts that begin on a local day, in order.

    Raises:
        StationError: the day is at either end of the calendar.
    """
    try:
        after = day + timedelta(days=1)
        begins = [_instant(day, at) for at in settings.begins] + [_instant(after, settings.begins[0])]
    except (OverflowError, ValueError, OSError) as error:
        raise StationError(f"There are no shifts on {day}: it is at the end of the calendar.") from error
    for i in reversed(range(len(begins) - 1)):  # a time that the clock skips must not come after the next one
        begins[i] = min(begins[i], begins[i + 1])
    names = [*settings.begins, settings.begins[0]]
    return [
        Period(f"{day} {first:%H:%M} to {end:%H:%M}", since, until)
        for (first, end), (since, until) in zip(pairwise(names), pairwise(begins), strict=True)
    ]


def shift_at(moment: datetime, settings: ShiftSettings) -> Period:
    """Return the shift that a moment (with a zone) lies in."""
    today = local(moment).date()
    found = [one for back in (1, 0) for one in shifts_of(today - timedelta(days=back), settings)]
    return next(one for one in found if one.holds(moment))


def month_of(year: int, month: int, settings: ShiftSettings) -> Period:
    """Return a month.  Raises StationError if there is none with that number, or it is at the end of the calendar."""
    try:
        first = date(year, month, 1)
        after = date(year + month // 12, month % 12 + 1, 1)
        since, until = (_instant(day, settings.begins[0]) for day in (first, after))
    except (ValueError, OverflowError, OSError) as error:
        raise StationError(f"There is no month {year}-{month:02d} to sum up; give one such as 2026-11.") from error
    return Period(f"{first:%Y-%m}", since, until)


def period_words(period: Period) -> str:
    """Say from when to when a period lasts, in local time."""
    return f"{clock(period.since, seconds=False)} to {clock(period.until, seconds=False)} local time"


def _instant(day: date, at: time) -> datetime:
    """Return when the local clock first shows a time on a day; if it skips it, as long after as the skip is long."""
    return datetime.fromtimestamp(datetime.combine(day, at).timestamp(), UTC)
