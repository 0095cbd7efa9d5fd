"""How looms run."""

from __future__ import annotations

from drivers.simulated.loom import SpeedProfile, Stage


def constant_speed(lines_per_s: float) -> SpeedProfile:
    """One speed for ever."""
    return SpeedProfile([Stage(0.0, lines_per_s, lines_per_s)])
