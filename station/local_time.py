"""This module writes times as people read them: local time, the same in the window, in reports and in tables.

Records keep UTC; what is shown beyond the window says by how much it is away from that.
"""

from __future__ import annotations

from datetime import UTC, datetime


def local(moment: datetime) -> datetime:
    """Return the moment in the zone of this computer, as it was in force then; in UTC where it has no such time, as at
    either end of the calendar."""
    try:
        return moment.astimezone()
    except (OverflowError, ValueError, OSError):
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def clock(moment: datetime, *, seconds: bool = True) -> str:
    """Write local date and time: ``2026-11-30 14:05:12``."""
    return local(moment).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def dated(moment: datetime) -> str:
    """Write local date and time with the distance from UTC: ``2026-11-30 14:05:12 +01:00``."""
    there = local(moment)
    away = there.isoformat(timespec="seconds")[19:]
    return f"{clock(there)} {away}"


def day(moment: datetime) -> str:
    """Write the local date: ``2026-11-30``."""
    return f"{local(moment):%Y-%m-%d}"


def zone(moment: datetime) -> str:
    """Write the distance of local time from UTC at the moment: ``UTC+01:00``; begins with no sign of a formula."""
    return f"UTC{local(moment).isoformat(timespec='seconds')[19:]}"
