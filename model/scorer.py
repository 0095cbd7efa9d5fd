"""This module says what the line asks of a scorer of tiles, and sets the tile and cell sizes used everywhere."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

TILE_PX = 256
"""Side of a tile in px."""

CELL_PX = 4
"""Side of a cell of an anomaly map in px."""

FINE = 1
"""The fine look sees the cloth as it is; a broad look sees it made smaller, so many times."""

BROAD_SIZES = (2, 4)
"""Broad looks are taught at these sizes: half and a quarter."""

SOFTNESS = 4.0
"""A raw score is log(1 + exp(SOFTNESS s)) / SOFTNESS of s, which is linear in the logarithms of errors."""


def unfolded(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return s of raw scores, each above 0: float32, the same shape."""
    steep = np.maximum(SOFTNESS * scores, np.float32(1e-6))
    return np.asarray((steep + np.log(-np.expm1(-steep))) / SOFTNESS, np.float32)


def folded(s: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return raw scores: float32 above 0, the same shape.  The inverse of :func:`unfolded`."""
    return np.asarray(np.logaddexp(np.float32(0), SOFTNESS * s) / SOFTNESS, np.float32)


class TileScorer(ABC):
    """A scorer judges tiles; it is called from one thread only.  The values set here hold unless it sets its own.

    Attributes:
        edge_drop: how far the score falls where half as much stands out, as at a flaw's edge; infinite where that is
            not known: boxes then span whole regions.
        point_spread_px: how wide a point looks where the score has fallen so far.
        is_async: whether the scorer works on submitted tiles while the caller does other things.
        broad: scorers of tiles of the same cloth made smaller, by how many times.
        long: what the long look learned, arrays by name (:mod:`model.long`); empty without it.
        pattern: how good cloth scores at each place of its repeat (:mod:`model.pattern`); empty where none is known.
    """

    edge_drop: float = math.inf
    point_spread_px: float = 0.0
    is_async: bool = False
    broad: Mapping[int, TileScorer] = MappingProxyType({})
    long: Mapping[str, NDArray[np.float32]] = MappingProxyType({})
    pattern: Mapping[str, NDArray[np.float32]] = MappingProxyType({})

    @property
    @abstractmethod
    def tile_px(self) -> int:
        """Give the side of a tile in px."""

    @property
    @abstractmethod
    def cell_px(self) -> int:
        """Give the side of a map's cell in px."""

    @abstractmethod
    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return raw scores, float32 ``[N, cells, cells]``, of uint8 ``[N, tile, tile]`` or ``[N, tile, tile, 3]``."""

    def submit(self, tiles: NDArray[np.uint8]) -> Callable[[], NDArray[np.float32]]:
        """Begin to judge tiles; return a function that waits for the maps of :meth:`infer` and returns them.

        Further calls may begin before it is called.  By default it does all the work itself.
        """
        return partial(self.infer, tiles)

    def prepare(self, channels: int) -> None:  # noqa: B027  (most have nothing to prepare)
        """Get ready for grey (1) or colour (3) tiles: devices compile at the first call, which must not cost cloth."""
