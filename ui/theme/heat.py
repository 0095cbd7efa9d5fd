"""The heat map is amber where cloth is doubtful, and red from the threshold on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from station.display_score import AT_THRESHOLD

_HEAT_FROM = 0.3


def heat_colours() -> NDArray[np.uint8]:
    """Make the colours of display scores: ``[256, 4]`` premultiplied BGRA, index = 255 × score, opaque-most at 1.

    Amber from 0.3, red from the threshold at 0.5: the jump of hue is the decision, not a matter of taste.
    """
    score = np.arange(256) / 255.0
    alpha = np.clip((score - _HEAT_FROM) / 0.5, 0, 1) * 0.55 + 0.15
    alpha[score < _HEAT_FROM] = 0
    table = np.empty((256, 4))
    table[:, :3] = np.where(score[:, None] < AT_THRESHOLD, (10, 163, 240), (61, 45, 255))
    table[:, 3] = 255
    return np.rint(table * alpha[:, None]).astype(np.uint8)
