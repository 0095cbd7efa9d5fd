"""This module holds the restoration network, which fills in the hidden regions of a feature map (paper, figure 4).

The paper has a transformer structure of hybrid transformer blocks.  Our reading: "hybrid" joins a depthwise convolution
for near cells with self-attention for far ones.  Attention over the full grid is too slow on a CPU, so the blocks form
a U and use attention at its coarse levels only.  Normalisation is by batch, so that it folds away at inference.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BlockParts = Literal["both", "convolution", "attention"]
HEAD_CHANNELS = 32


class NearMixing(nn.Module):
    """This part is a depthwise 5×5 convolution: each position looks at its neighbours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.pointwise = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return what is to be added: ``[N, C, h, w]`` -> the same shape."""
        out: Tensor = self.pointwise(F.relu(self.depthwise(self.norm(x))))
        return out


class FarMixing(nn.Module):
    """This part is self-attention, softmax(Q K^T / sqrt(d)) V: each position looks at the whole map.

    Each position has a learned embedding (Vaswani et al., "Attention Is All You Need", NeurIPS 2017).
    """

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.heads = max(1, width // HEAD_CHANNELS)
        self.norm = nn.BatchNorm2d(width)
        self.place = nn.Parameter(torch.zeros(1, width, side, side))
        self.query_key_value = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return what is to be added: ``[N, C, side, side]`` -> the same shape."""
        n, c, h, w = x.shape
        tokens = self.query_key_value(self.norm(x) + self.place).reshape(n, 3, self.heads, c // self.heads, h * w)
        q, k, v = tokens.transpose(-1, -2).unbind(1)
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(mixed.transpose(-1, -2).reshape(n, c, h, w))
        return out


class HybridBlock(nn.Module):
    """A block adds near mixing, far mixing and a pointwise network to its input (hybrid transformer block, figure 4).

    Args:
        width: channels.
        side: side of the map in cells.
        coarse: whether this level is coarse enough for attention.
        parts: which halves take part; ``attention`` alone is used at every level.
    """

    def __init__(self, width: int, side: int, coarse: bool, parts: BlockParts) -> None:
        super().__init__()
        near = parts == "convolution" or (parts == "both")
        far = parts == "attention" or (parts == "both" and coarse)
        self.near = NearMixing(width) if near else None
        self.far = FarMixing(width, side) if far else None
        self.pointwise = nn.Sequential(
            nn.BatchNorm2d(width), nn.Conv2d(width, 2 * width, 1), nn.ReLU(inplace=True), nn.Conv2d(2 * width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output: ``[N, C, side, side]`` -> the same shape."""
        if self.near is not None:
            x = x + self.near(x)
        if self.far is not None:
            x = x + self.far(x)
        return x + self.pointwise(x)


class Restoration(nn.Module):
    """The U-shaped network restores a masked feature map.

    Args:
        channels: channels D of the feature map.
        width: channels of the finest level; 4/3 and 5/3 of it (in whole heads) at the coarser ones.
        grid: side of the feature grid, a multiple of 4.
        parts: which halves of the hybrid block take part.
    """

    def __init__(self, channels: int, width: int, grid: int, parts: BlockParts = "both") -> None:
        super().__init__()
        widths = (
            width,
            *(max(HEAD_CHANNELS, HEAD_CHANNELS * round(width * f / HEAD_CHANNELS)) for f in (4 / 3, 5 / 3)),
        )
        fine, middle, coarse = widths
        self.token = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.stem = nn.Conv2d(channels, width, 1)
        self.fine_in = HybridBlock(fine, grid, False, parts)
        self.down_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle_in = HybridBlock(middle, grid // 2, True, parts)
        self.down_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = nn.Sequential(*(HybridBlock(coarse, grid // 4, True, parts) for _ in range(2)))
        self.up_middle = nn.Conv2d(coarse + middle, middle, 1)
        self.middle_out = HybridBlock(middle, grid // 2, True, parts)
        self.up_fine = nn.Conv2d(middle + fine, fine, 1)
        self.fine_out = HybridBlock(fine, grid, False, parts)
        self.head = nn.Sequential(nn.BatchNorm2d(fine), nn.Conv2d(fine, channels, 1))
        self._start_quiet()

    def _start_quiet(self) -> None:
        """Start every branch and the head at zero: the untaught network restores the mean, and training is stable."""
        last: list[nn.Module] = [self.head[-1]]
        for part in self.modules():
            if isinstance(part, NearMixing):
                last.append(part.pointwise)
            elif isinstance(part, FarMixing):
                last.append(part.out)
            elif isinstance(part, HybridBlock):
                last.append(part.pointwise[-1])
        for one in last:
            for values in one.parameters():
                nn.init.zeros_(values)

    def forward(self, shown: Tensor, hidden: Tensor) -> Tensor:
        """Restore the hidden positions.

        Args:
            shown: float ``[N, D, g, g]``, zero where hidden.
            hidden: float ``[N, 1, g, g]``, 1 where hidden.

        Returns:
            float ``[N, D, g, g]``, of which only the hidden positions count.
        """
        fine = self.fine_in(self.stem(shown) + hidden * self.token)
        middle = self.middle_in(self.down_middle(fine))
        coarse = self.coarse(self.down_coarse(middle))
        middle = self.middle_out(self.up_middle(torch.cat([_twice(coarse), middle], 1)))
        fine = self.fine_out(self.up_fine(torch.cat([_twice(middle), fine], 1)))
        out: Tensor = self.head(fine)
        return out


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
