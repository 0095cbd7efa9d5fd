"""What judges tiles, as the line asks it, and the sizes all of the house works in."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

TILE_PX = 256
"""Side of a tile in px."""

CELL_PX = 4
"""Side of a cell of an anomaly map in px."""


class TileScorer(ABC):
    """Judges tiles, called from one thread only.  What a scorer does not say is as it is set here.

    Attributes:
        edge_drop: by so much the score falls where half as much stands out, as at a flaw's edge; infinite where that is
            not known: boxes then span whole regions.
        point_spread_px: how wide a point looks at that height.
        is_async: whether the scorer works on begun calls while the caller does other things.
    """

    edge_drop: float = math.inf
    point_spread_px: float = 0.0
    is_async: bool = False

    @property
    @abstractmethod
    def tile_px(self) -> int:
        """Side of a tile in px."""

    @property
    @abstractmethod
    def cell_px(self) -> int:
        """Side of a map's cell in px."""

    @abstractmethod
    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw scores, float32 ``[N, cells, cells]``, of uint8 ``[N, tile, tile]`` or ``[N, tile, tile, 3]``."""

    def submit(self, tiles: NDArray[np.uint8]) -> Callable[[], NDArray[np.float32]]:
        """Begin to judge tiles; what is returned waits for the maps of :meth:`infer` and gives them.

        Further calls may begin before.  Where nothing is done meanwhile, all is done when the maps are asked for.
        """
        return partial(self.infer, tiles)

    def prepare(self, channels: int) -> None:  # noqa: B027  (most have nothing to prepare)
        """Make ready for grey (1) or colour (3) tiles: devices compile at the first call, which must not cost cloth."""
