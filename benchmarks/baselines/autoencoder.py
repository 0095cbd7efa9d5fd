"""This module reconstructs features with a plain autoencoder, cell by cell (DFR).

It follows Yang, Shi, Qi, "DFR: Deep Feature Reconstruction for Unsupervised Anomaly Segmentation", arXiv 2012.07122: an
autoencoder of 1 × 1 convolutions with batch normalisation over aggregated features, its bottleneck as wide as the
principal components that hold 90 % of the variance, the squared error over all channels as loss and as score.

Ours: the aggregator's features are reduced to principal components of deviation 1 already, so that the 90 % rule would
keep nearly all of them and the bottleneck would hold nothing back; its width is fixed instead.  A one-cycle rate
reaches in a minute what they need hundreds of epochs for.

The settings come from ``benchmarks.baselines.tuning``: a bottleneck of 16 is better than a wide one and no worse than a
narrower one; longer training changes little.  A blur, as the other baselines have, gains nothing and costs precision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baselines.maps import as_rows, checked, learned, smoothed
from model.mfrnet import GRID
from model.time_budget import one_cycle

_CHUNK = 32  # tiles judged at once


@dataclass
class Autoencoder:
    """The autoencoder applies DFR to given features.

    Attributes:
        seed: of the first weights and of the tiles drawn.
        latent: width of the bottleneck.
        steps: of training.
        batch: tiles a step.
        peak_rate: highest learning rate.
        smoothing: sigma of the map's blur in cells; DFR has none.
    """

    seed: int = 0
    latent: int = 16
    steps: int = 2000
    batch: int = 4
    peak_rate: float = 3e-3
    smoothing: float = 0.0
    network: nn.Sequential | None = field(default=None, init=False, repr=False)

    def fit(self, features: Tensor) -> None:
        """Learn as :class:`benchmarks.baselines.Baseline` says."""
        generator = torch.Generator().manual_seed(self.seed)
        network = _blank(checked(features).shape[1], self.latent, self.seed).train()
        optimiser = torch.optim.Adam(network.parameters(), lr=self.peak_rate)
        for step in range(self.steps):
            for group in optimiser.param_groups:
                group["lr"] = self.peak_rate * one_cycle(step / self.steps)
            rows = as_rows(features[torch.randint(len(features), (self.batch,), generator=generator)])
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(F.mse_loss(network(rows), rows))
            optimiser.step()
        self.network = network.eval()

    @torch.inference_mode()
    def score(self, features: Tensor) -> Tensor:
        """Return maps as :class:`benchmarks.baselines.Baseline` says; the unit is a variance of good cloth."""
        network = learned(self.network)
        depth = int(network[0].in_features)  # type: ignore[arg-type]
        maps = torch.empty(len(checked(features, depth)), GRID, GRID)
        for first in range(0, len(features), _CHUNK):
            rows = as_rows(features[first : first + _CHUNK])
            maps[first : first + _CHUNK] = (network(rows) - rows).square().mean(1).view(-1, GRID, GRID)
        return smoothed(maps, self.smoothing)


def _blank(depth: int, latent: int, seed: int) -> nn.Sequential:
    """Make a network of DFR's widths, down to ``latent`` and back; a linear layer on rows is a 1 × 1 convolution."""
    half = [depth, (depth + 2 * latent) // 2, 2 * latent, latent]
    widths = [*half, *half[-2::-1]]
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for place, (before, after) in enumerate(pairwise(widths)):
            layers.append(nn.Linear(before, after))
            if place not in (len(half) - 2, len(widths) - 2):  # the bottleneck and the last layer stay linear
                layers += [nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers)
