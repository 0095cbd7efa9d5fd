"""Shadings to begin with."""

from __future__ import annotations

import numpy as np

from calibration.shading import Shading


def neutral_shading(width_px: int) -> Shading:
    """The shading that changes nothing."""
    return Shading(np.ones(width_px, np.float32), np.zeros(width_px, np.float32))
