"""This module fits a Gaussian to each position of the tile (PaDiM).

It follows Defard, Setkov, Loesch, Audigier, "PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and
Localization", ICPR 2021 workshops: mean and covariance of the features of good cloth at each position, 0.01 on the
diagonal, the Mahalanobis distance as the score, and a Gaussian blur of the map (their 4 px are half a cell of ours).

Ours: the principal components of the aggregator replace their random choice of 100 channels; some hundred tiles are
few for a covariance of 96 channels at every position, so each is shrunk towards the one pooled over all positions,
the more the noisier it is (the intensity of Ledoit and Wolf, "A well-conditioned estimator for large-dimensional
covariance matrices", Journal of Multivariate Analysis 2004, with the pooled covariance as the target).

The settings come from ``benchmarks.baselines.tuning``: that intensity is as good as or better than a fixed share, small
or whole.  The blur gains a little AUROC and costs a little precision; twice as much loses both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.baselines.maps import CELLS, checked, learned, smoothed
from model.mfrnet import GRID

_CHUNK = 32  # tiles judged at once


@dataclass
class Gaussian:
    """The Gaussian applies PaDiM to given features.

    Attributes:
        shrinkage: share of the pooled covariance, 0..1; None: after Ledoit and Wolf, for each position.
        ridge: added to the diagonal.
        smoothing: sigma of the map's blur in cells.
    """

    shrinkage: float | None = None
    ridge: float = 0.01
    smoothing: float = 0.5
    mean: Tensor | None = field(default=None, init=False, repr=False)
    whitening: Tensor | None = field(default=None, init=False, repr=False)

    @torch.inference_mode()
    def fit(self, features: Tensor) -> None:
        """Learn as :class:`benchmarks.baselines.Baseline` says."""
        mean = sum(part.float().sum(0) for part in torch.split(checked(features), 32)) / len(features)
        self.mean = torch.as_tensor(mean).flatten(1)
        covariance, noise = self.covariances(features)
        pooled = covariance.mean(0)
        share = self.share(covariance, noise, pooled)[:, None, None]
        covariance.mul_(1 - share).add_(share * pooled)
        covariance.diagonal(dim1=1, dim2=2).add_(self.ridge)
        factor = torch.linalg.cholesky(covariance)
        self.whitening = torch.linalg.solve_triangular(factor, torch.eye(len(pooled)), upper=False)

    @torch.inference_mode()
    def score(self, features: Tensor) -> Tensor:
        """Return maps as :class:`benchmarks.baselines.Baseline` says; the unit is good cloth's standard deviation."""
        mean, whitening = learned(self.mean), learned(self.whitening)
        maps = torch.empty(len(checked(features, len(mean))), GRID, GRID)
        for first in range(0, len(features), _CHUNK):
            apart = (features[first : first + _CHUNK].float().flatten(2) - mean).permute(2, 1, 0)  # [1024, D, n]
            maps[first : first + _CHUNK] = (whitening @ apart).square().sum(1).sqrt().T.reshape(-1, GRID, GRID)
        return smoothed(maps, self.smoothing)

    def covariances(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the covariance per position ``[1024, D, D]`` and the mean squared error ``[1024]`` of its estimate."""
        count, depth = features.shape[:2]
        mean = learned(self.mean)
        covariance, fourth = torch.empty(CELLS, depth, depth), torch.empty(CELLS)
        cells = features.flatten(2)
        for first in range(0, CELLS, GRID):
            here = slice(first, first + GRID)
            apart = (cells[:, :, here].float() - mean[:, here]).permute(2, 0, 1)  # [32, T, D]
            covariance[here] = apart.mT @ apart / count
            fourth[here] = apart.square().sum(2).square().mean(1)
        return covariance, (fourth - covariance.square().sum((1, 2))) / count

    def share(self, covariance: Tensor, noise: Tensor, pooled: Tensor) -> Tensor:
        """Return the share of the pooled covariance at each position ``[1024]``: noise over squared distance."""
        if self.shrinkage is not None:
            return torch.full_like(noise, self.shrinkage)
        return (noise / (covariance - pooled).square().sum((1, 2)).clamp_min(1e-12)).clamp(0, 1)
