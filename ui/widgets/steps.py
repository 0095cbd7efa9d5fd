"""Round steps of a scale."""

from __future__ import annotations

import math


def round_step(least: float) -> float:
    """Smallest of 1, 2, 5 × 10ⁿ that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-6)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)
