"""The edges of a web in one picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from station.line.scoring.web import WebEdges, WebFinder


def find_edges(pixels: NDArray[np.uint8]) -> WebEdges | None:
    """Find the edges without any memory of other blocks."""
    return WebFinder().find(pixels)
