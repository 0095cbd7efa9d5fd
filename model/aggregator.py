"""This module turns an encoder's hierarchical maps into one grid of D channels.

From the paper (multi-scale feature aggregator): the maps f1(I) ... fl(I) are resized to one size and concatenated,
F = [r(f1(I)), ..., r(fl(I))].
Ours: principal components fitted on good cloth reduce them to D channels, as in DFR, which cuts training from an hour
to minutes at equal quality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.errors import ModelError

GRID_STRIDE = 8
WIDTH = 96
# A channel that hardly varies on good cloth is not scaled up to the others: what it shows is mostly noise.
_LEAST_DEVIATION = 0.1


class Aggregator(nn.Module):
    """The aggregator turns an encoder's maps into one grid, float ``[N, width, H/8, W/8]``.

    On good cloth the grid has mean 0 and mean variance 1.  Its state (means, projection) lies in buffers.  It can be
    traced and converted: no control flow depends on data.

    Args:
        channels: of each map, as ``Encoder.channels``.
        strides: of each map, as ``Encoder.strides``.
        width: D, lowered to the number of channels there are.
    """

    mean: Tensor
    projection: Tensor

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = WIDTH) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.strides = tuple(strides)
        self.width = min(width, sum(channels))
        self.register_buffer("mean", torch.zeros(sum(channels)))
        self.register_buffer("projection", torch.zeros(self.width, sum(channels)))

    def concatenate(self, maps: Sequence[Tensor]) -> Tensor:
        """Return all maps at stride 8, concatenated: ``[N, sum(channels), H/8, W/8]``.

        Finer maps are averaged over the cell (a texture's strength, not a sample of it), coarser ones interpolated.
        """
        return torch.cat([self._to_grid(one, stride) for one, stride in zip(maps, self.strides, strict=True)], dim=1)

    @staticmethod
    def _to_grid(one: Tensor, stride: int) -> Tensor:
        if stride < GRID_STRIDE:
            return F.avg_pool2d(one, GRID_STRIDE // stride)
        if stride > GRID_STRIDE:
            return F.interpolate(one, scale_factor=stride / GRID_STRIDE, mode="bilinear", align_corners=False)
        return one

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the reduced grid."""
        weight = self.projection[:, :, None, None]
        return F.conv2d(self.concatenate(maps), weight, -(self.projection @ self.mean))

    @torch.no_grad()
    def fit(self, batches: Iterable[Sequence[Tensor]]) -> float:
        """Fit the principal components on good cloth.

        Args:
            batches: each the list of maps that the encoder returns for some tiles.

        Returns:
            The share of the (standardised) variance that the kept components hold, 0..1.

        Raises:
            ModelError: there is no batch, or the cloth is one flat colour.
        """
        mean, covariance = self._moments(batches)
        deviation = covariance.diagonal().clamp_min(0).sqrt()
        if not torch.isfinite(deviation).all() or float(deviation.max()) < 1e-9:
            raise ModelError("The good cloth shows no structure at all: check the pictures (all one colour?).")
        scale = self._scale(deviation)
        values, vectors = torch.linalg.eigh(covariance / torch.outer(scale, scale))
        values, vectors = values.flip(0).clamp_min(0)[: self.width], vectors.flip(1)[:, : self.width]
        sign = vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()  # eigh leaves the sign open
        projection = (vectors * sign / scale[:, None]).T / values.mean().sqrt()
        self.mean.copy_(mean)
        self.projection.copy_(projection)
        whole = (deviation / scale).square().sum()
        return float(values.sum() / whole)

    def _moments(self, batches: Iterable[Sequence[Tensor]]) -> tuple[Tensor, Tensor]:
        """Return mean and covariance over all cells of all batches, in double precision."""
        size = sum(self.channels)
        count, total, outer = 0, torch.zeros(size).double(), torch.zeros(size, size).double()
        origin: Tensor | None = None
        for maps in batches:
            rows = self.concatenate(maps).movedim(1, -1).reshape(-1, size).float().cpu()
            origin = rows.mean(0) if origin is None else origin
            rows = rows - origin  # near zero, so that single precision is enough within a batch
            count += rows.shape[0]
            total += rows.sum(0)
            outer += rows.T @ rows
        if origin is None or count < 2:
            raise ModelError("No good cloth was given to the feature aggregator: give at least one tile.")
        mean = total / count
        return mean + origin, outer / count - torch.outer(mean, mean)

    def _scale(self, deviation: Tensor) -> Tensor:
        """Return the deviation of each channel, raised to at least a share of what is usual in its map."""
        parts = [
            part.clamp_min(float(part.median()) * _LEAST_DEVIATION + 1e-12)
            for part in torch.split(deviation, list(self.channels))
        ]
        return torch.cat(parts)
