"""This module runs VGG16's convolutions alone, as a measure of a machine: speeds are told as multiples of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.encoder import VGG16


class BareTrunk(nn.Module):
    """The bare trunk runs VGG16 (conv1_1 to conv4_3, random weights: speed does not depend on them) on grey pictures
    and averages the last map's channels, to copy little."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.trunk = VGG16().to(dtype)
        self.dtype = dtype

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the mean: uint8 ``[N, 256, 256]`` -> float32 ``[N, 32, 32]``."""
        grey = (pictures.unsqueeze(1).to(self.dtype) / 255).expand(-1, 3, -1, -1)
        return self.trunk(grey)[-1].mean(1).float()


def make_trunk(channels: int, dtype: torch.dtype, single: bool) -> nn.Module:
    """Make it for an engine (:data:`model.engines.engine.MakeModule`), for grey pictures."""
    del channels, single
    return BareTrunk(dtype).eval()
