"""The score scale for people, on which 0.5 is the threshold: the one place where raw scores are brought to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AT_THRESHOLD = 0.5
"""The threshold on this scale."""


def display_score(score: float, threshold: float) -> float:
    """A raw score on the scale for people: exactly ``AT_THRESHOLD`` where it is the threshold."""
    return AT_THRESHOLD * score / threshold


def display_scores(scores: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Raw scores of a map on the scale for people; by one factor for all, which costs less than to divide each."""
    return scores * np.float32(AT_THRESHOLD / threshold)
