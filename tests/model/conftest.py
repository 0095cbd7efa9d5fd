"""A small stand-in trunk and cloth woven on the spot: the network's mechanics need no pretrained features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.encoder import Encoder, Light
from model.mfrnet import MFRNet, MFRNetConfig
from model.training import fit

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


@pytest.fixture(scope="session")
def small_encoder() -> Encoder:
    """A little random trunk with the light encoder's anatomy."""
    torch.manual_seed(3)
    return Light((8, 16, 32), 48)


@pytest.fixture(scope="session")
def good_tiles() -> NDArray[np.uint8]:
    """Good cloth to teach with."""
    return woven(24, 1)


@pytest.fixture(scope="session")
def taught(small_encoder: Encoder, good_tiles: NDArray[np.uint8]) -> MFRNet:
    """A small network taught on the woven cloth.  Not to be changed by a test."""
    return fit(good_tiles, small_encoder, minutes=5, seed=7, config=SMALL)
