"""This module holds the limits from which the long look tells something: one for each direction and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.long.ladder import hop
from model.long.look import HOPS, LEVELS, PATCH_PX, LongLook

NEVER = float("inf")
PER_100_M = 100_000.0
"""This many mm of cloth are what false alarms are counted on."""


@dataclass(frozen=True)
class LongLimits:
    """Limits are scores, in spreads of good cloth, by level of the window; infinite where nothing is to be told."""

    warp: tuple[float, ...]
    weft: tuple[float, ...]

    def __post_init__(self) -> None:
        """Hold the number of limits."""
        if len(self.warp) != len(LEVELS) or len(self.weft) != len(LEVELS):
            raise ValueError(f"The long look takes {len(LEVELS)} limits for each direction")

    @classmethod
    def of(cls, values: Mapping[str, Sequence[float]]) -> LongLimits:
        """Read limits from a recipe's plain floats."""
        return cls(tuple(map(float, values["warp"])), tuple(map(float, values["weft"])))


def patches_per_100_m(look: LongLook, web_px: float, mm_per_px_along: float) -> dict[str, float]:
    """Count, by the names of ``look.peaks``, the patches of each level on 100 m of a web: what a peak is one of."""
    lines = PER_100_M / mm_per_px_along
    counts = {}
    for level in LEVELS:
        window = look.step_lines * HOPS * hop(level)
        counts[f"warp {level}"] = max(1.0, web_px / PATCH_PX) * lines / window
        counts[f"weft {level}"] = lines / PATCH_PX
    return {name: count for name, count in counts.items() if name in look.peaks}
