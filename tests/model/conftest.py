"""A small stand-in trunk and cloth woven on the spot: the network's mechanics need no pretrained features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.encoder import Encoder, Light
from model.mfrnet import MFRNet
from model.training import fit
from tests.rigs.woven_tiles import SMALL, woven


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Whatever tests ran before."""
    torch.manual_seed(0)


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
