"""Faults of the live line."""

from __future__ import annotations

from station.contract import StationError


class LineError(StationError):
    """A fault of the live line, as one plain sentence: what happened, to what, what to do."""
