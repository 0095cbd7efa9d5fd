"""This module holds the faults of the live line."""

from __future__ import annotations

from station.contract import StationError


class LineError(StationError):
    """The error reports a fault of the live line in one plain sentence: what happened, to what, what to do."""
