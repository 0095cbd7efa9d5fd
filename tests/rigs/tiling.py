"""Cloth through a tiler: a web with given edges, blocks cut anywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from station.line.flow import Chunk, EndOfRun, TileRow
from station.line.scoring.tiling import Tiler
from station.line.scoring.web import WebEdges


class FixedWeb:
    """A web with given edges."""

    def __init__(self, edges: WebEdges | None) -> None:
        self.edges = edges
        self.resets = 0

    def find(self, pixels: NDArray[np.uint8]) -> WebEdges | None:
        assert pixels.ndim in (2, 3)
        return self.edges

    def reset(self) -> None:
        self.resets += 1


def push_all(
    tiler: Tiler,
    pixels: NDArray[np.uint8],
    cuts: list[int],
    first: int = 0,
    piece: str | None = None,
    early: bool = False,
) -> list:
    steps: list[TileRow | EndOfRun] = []
    for start, end in zip([0, *cuts], [*cuts, len(pixels)], strict=True):
        if end > start:
            steps += tiler.push(Chunk(pixels[start:end], first + start, 0, piece))
            if early and (row := tiler.early_row()) is not None:
                steps.append(row)
    return steps
