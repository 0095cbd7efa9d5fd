"""This script judges an encoder on real cloth by two crude detectors, without any restoration network.

    python -m benchmarks.distil_judge --encoder light --data FOLDER --left 560

FOLDER has MVTec AD's layout; columns left of ``--left`` are no cloth.  For nearest neighbour and Gaussian on the
aggregated grid it prints the AUROC over tiles of 256 px (positive: at least one true pixel), and AUROC and average
precision over grid cells of 8 px.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from drivers.images import read_image
from model.aggregator import Aggregator
from model.encoder import Encoder, load_encoder
from model.scorer import TILE_PX
from station.evaluation.datasets.dataset import Sample, read_truth
from station.evaluation.datasets.mvtec import read_mvtec

_MEMORY = 6000  # vectors of good cloth kept for the nearest neighbour


def tiles_of(samples: list[Sample], left: int, white: int) -> tuple[Tensor, NDArray[np.bool_]]:
    """Return RGB tiles float ``[T, 3, 256, 256]`` in 0..1 and their truth ``[T, 256, 256]``."""
    tiles, truths = [], []
    for sample in samples:
        picture = read_image(sample.path, 3, white)
        flawed = np.zeros(picture.shape[:2], np.bool_) if sample.is_good else read_truth(sample)
        for y in range(0, picture.shape[0] - TILE_PX + 1, TILE_PX):
            for x in range(left, picture.shape[1] - TILE_PX + 1, TILE_PX):
                tiles.append(picture[y : y + TILE_PX, x : x + TILE_PX])
                truths.append(flawed[y : y + TILE_PX, x : x + TILE_PX])
    return torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2).float() / 255, np.stack(truths)


def neighbour(good: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function that gives the distance of each cell ``[cells, D]`` to the nearest cell of good cloth."""
    kept = good[torch.randperm(len(good), generator=torch.Generator().manual_seed(0))[:_MEMORY]]
    return lambda cells: torch.cdist(cells, kept).min(1).values


def gaussian(good: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function that gives the Mahalanobis distance of each cell to good cloth."""
    mean, covariance = good.mean(0), torch.cov(good.T)
    ridge = 1e-3 * covariance.diagonal().mean() * torch.eye(len(covariance))
    root = torch.linalg.cholesky(torch.linalg.inv(covariance + ridge))
    return lambda cells: ((cells - mean) @ root).norm(dim=1)


def judge(encoder: Encoder, folder: Path, left: int) -> dict[str, tuple[float, float, float]]:
    """Return per detector: tile AUROC, cell AUROC, cell average precision."""
    dataset = read_mvtec(folder)
    good, _ = tiles_of(dataset.train, left, dataset.white)
    test, truth = tiles_of(dataset.test, left, dataset.white)
    aggregator = Aggregator(encoder.channels, encoder.strides)
    with torch.inference_mode():
        aggregator.fit(encoder(part) for part in torch.split(good, 4))
        grids = [torch.cat([aggregator(encoder(part)) for part in torch.split(tiles, 4)]) for tiles in (good, test)]
    cells = [grid.permute(0, 2, 3, 1).flatten(0, 2) for grid in grids]
    count, side = len(truth), grids[1].shape[-1]
    true_cells = truth.reshape(count, side, TILE_PX // side, side, TILE_PX // side).any((2, 4))
    found = {}
    for name, make in (("nearest neighbour", neighbour), ("gaussian", gaussian)):
        measure = make(cells[0])
        raw = torch.cat([measure(part) for part in torch.split(cells[1], 4096)])
        maps = ndimage.gaussian_filter(raw.reshape(count, side, side).numpy(), (0, 1, 1))
        found[name] = (
            float(roc_auc_score(truth.any((1, 2)), maps.max((1, 2)))),
            float(roc_auc_score(true_cells.ravel(), maps.ravel())),
            float(average_precision_score(true_cells.ravel(), maps.ravel())),
        )
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="light")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--left", type=int, default=0, help="first column of cloth")
    given = parser.parse_args()
    encoder = load_encoder(given.encoder, given.weights)
    for name, (tile, cell, precision) in judge(encoder, given.data, given.left).items():
        print(f"{given.data.name} {given.encoder} {name}: tile {tile:.3f} cell {cell:.3f} cell AP {precision:.3f}")


if __name__ == "__main__":
    main()
