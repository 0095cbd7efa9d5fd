"""This module holds what the baselines share: checks of what they are given, cells as rows, smoothing of maps."""

from __future__ import annotations

from typing import TypeVar

import torch
from scipy import ndimage
from torch import Tensor

from model.errors import ModelError
from model.mfrnet import GRID

FEWEST_TILES = 8
CELLS = GRID * GRID
T = TypeVar("T")


def checked(features: Tensor, depth: int | None = None) -> Tensor:
    """Return the features if a baseline can work with them.

    Args:
        features: float ``[N, D, 32, 32]``.
        depth: D of the features that were learned from; None if these are to be learned from.

    Raises:
        ModelError: other type or shape, a value is not finite, or too few tiles to learn from.
    """
    if not features.is_floating_point() or features.ndim != 4 or features.shape[2:] != (GRID, GRID):
        raise ModelError(
            f"A baseline cannot judge {str(features.dtype).removeprefix('torch.')} features of shape "
            f"{list(features.shape)}: give float [tiles, channels, {GRID}, {GRID}]."
        )
    if depth is None and len(features) < FEWEST_TILES:
        raise ModelError(
            f"{len(features)} tiles are too few for a baseline to learn from: give {FEWEST_TILES} or more."
        )
    if depth is not None and features.shape[1] != depth:
        wrong = f"{depth} channels, but is to judge {features.shape[1]}"
        raise ModelError(f"This baseline learned from features of {wrong}: give features of the same model.")
    if not all(bool(torch.isfinite(part).all()) for part in torch.split(features, 32)):
        raise ModelError("A feature is not a finite number: the model or the picture that made it is damaged.")
    return features


def learned(state: T | None) -> T:
    """Return what a baseline learned.  Raises ModelError if that is nothing yet."""
    if state is None:
        raise ModelError("This baseline has learned no cloth yet: fit it before it judges.")
    return state


def as_rows(features: Tensor) -> Tensor:
    """Make every cell a row: ``[N, D, 32, 32]`` -> float32 ``[N * 1024, D]``, row by row of each tile."""
    return features.float().movedim(1, -1).flatten(0, 2)


def smoothed(maps: Tensor, sigma: float) -> Tensor:
    """Blur maps float32 ``[N, 32, 32]`` with a Gaussian of ``sigma`` cells; 0 leaves them unchanged."""
    if not sigma:
        return maps
    return torch.from_numpy(ndimage.gaussian_filter(maps.numpy(), (0, sigma, sigma)))
