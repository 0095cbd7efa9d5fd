"""This module says how far the records lag behind the line: what was told of the cloth and is not on disk yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

UNRECORDED_M = 20.0
"""The heartbeat stands still once more metres of cloth than this are not on disk, unless settings say otherwise."""


@dataclass(frozen=True, slots=True)
class RecordsLag:
    """The lag lasts from the first failed write until all that was told is on disk.

    Attributes:
        events: events that wait, those in a spill file included.
        spilled: those of them that are in a spill file, and safe there until the program starts again.
        metres: cloth judged but not on record yet; a line counts as 1 mm where the roll has no scale.
        since: time (UTC) of the first failed write.
        why: what keeps the events from the disk, in one sentence.
        limit_m: with more metres than this the machine may not rely on the station.
        unpictured: events whose pictures are given up, as there is no room for them anywhere.
    """

    events: int
    spilled: int
    metres: float
    since: datetime
    why: str
    limit_m: float = UNRECORDED_M
    unpictured: int = 0

    @property
    def is_over_limit(self) -> bool:
        """Say whether more cloth is not on record than may be."""
        return self.metres > self.limit_m

    @property
    def text(self) -> str:
        """Give the lag in words, without the reason: how much waits, and since when in local time."""
        events = f"{self.events:,}".replace(",", " ")
        plural = "" if self.events == 1 else "s"
        kept = f", {self.spilled} of them in a file beside" if self.spilled else ""
        return (
            f"The record lags: {events} event{plural}{kept} and {self.metres:.1f} m of cloth are not on disk, "
            f"since {self.since.astimezone():%H:%M:%S}" + (f"; {unsaved(self.unpictured)}" if self.unpictured else "")
        )


def unsaved(unpictured: int) -> str:
    """Say that the pictures of so many events are given up."""
    return f"pictures of {unpictured} defect{'s' * (unpictured != 1)} are not saved"
