"""Cloth woven on the spot, and a network small enough for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.mfrnet import MFRNetConfig

SMALL = MFRNetConfig(channels=24, width=32, steps=30)


def woven(count: int, seed: int) -> NDArray[np.uint8]:
    """Good tiles of a plain weave with uneven yarns: uint8 ``[count, 256, 256]``."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:256, 0:256]
    tiles = []
    for _ in range(count):
        warp = np.sin(2 * np.pi * (x / 7 + rng.random())) + 0.1 * rng.standard_normal(256)[None, :]
        weft = np.sin(2 * np.pi * (y / 9 + rng.random())) + 0.1 * rng.standard_normal(256)[:, None]
        tiles.append(128 + 30 * (warp + weft) + 4 * rng.standard_normal((256, 256)))
    return np.clip(tiles, 0, 255).astype(np.uint8)
