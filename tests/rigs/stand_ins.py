"""Plain values for tests that need one of something."""

from __future__ import annotations

from station.contract import FeedState, Ledger, LineSnapshot, LineState


def snapshot(**changes: object) -> LineSnapshot:
    """A line at rest."""
    values: dict[str, object] = {
        "state": LineState.READY,
        "feed": FeedState.ENDED,
        "fabric": "f",
        "recipe_version": 1,
        "roll": None,
        "ledger": Ledger(),
        "metres_inspected": None,
        "metres_uninspected": None,
        "speed_m_per_min": None,
        "defects": 0,
        "rejects": 0,
        "tiles_per_second": 0.0,
        "latency_p50_ms": 0.0,
        "latency_p99_ms": 0.0,
        "queue_fill": 0.0,
        **changes,
    }
    return LineSnapshot(**values)  # type: ignore[arg-type]
