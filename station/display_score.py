"""This module alone converts raw scores to the scale for people, on which 0.5 is the threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AT_THRESHOLD = 0.5
"""This is the threshold on the scale for people."""


def display_score(score: float, threshold: float) -> float:
    """Convert a raw score to the scale for people: exactly ``AT_THRESHOLD`` where it is the threshold."""
    return AT_THRESHOLD * score / threshold


def display_scores(scores: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Convert a map's raw scores to the scale for people; one factor for all costs less than dividing each."""
    return scores * np.float32(AT_THRESHOLD / threshold)
