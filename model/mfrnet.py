"""This module puts MFRNet together: the network takes tiles and gives raw anomaly maps.

It follows Wang, Xu, Li, Gao, Cheng, Lu, "Multi-feature Reconstruction Network using Crossed-mask Restoration for
Unsupervised Industrial Anomaly Detection", arXiv 2404.13273.  Each part has its own module: a frozen pretrained encoder
and the multi-scale feature aggregator, the crossed-mask generator (figure 3), the restoration network of hybrid
transformer blocks (figure 4), and the hybrid measure of pixel and structural similarity that both trains and scores.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from model.aggregator import GRID_STRIDE, Aggregator
from model.crossed_mask import CrossedMask
from model.encoder import Encoder
from model.errors import ModelError
from model.loss import PIXEL_SHARE, HybridMeasure, Terms
from model.restoration import BlockParts, Restoration
from model.scorer import TILE_PX

GRID = TILE_PX // GRID_STRIDE
SHOWN_WITHIN = 2.5  # standard deviations of good cloth


class MFRNetConfig(BaseModel):
    """These settings shape the network; every idea of the paper can be switched off for an ablation.

    ``scales`` are indices of the encoder's maps (None: all).  ``k`` and ``n`` are the paper's mask parameters: one
    number for ``k`` is one block side, several are averaged; ``n`` = 1 hides nothing.
    ``channels`` (D after aggregation), ``width`` of the restoration network, ``steps`` of training and ``averaged`` are
    ours; the last is the side of the square of positions over which the logarithms of errors are averaged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scales: tuple[int, ...] | None = None
    channels: int = Field(96, ge=1, le=1024)
    k: tuple[Annotated[int, Field(ge=1, le=GRID)], ...] = Field((2,), min_length=1, max_length=4)
    n: int = Field(3, ge=1, le=16)
    width: int = Field(64, ge=8, le=512)
    block: BlockParts = "both"
    loss: Terms = "both"
    scoring: Terms = "both"
    pixel_share: float = Field(PIXEL_SHARE, gt=0, le=1, description="of the pixel term where both score")
    without_light: bool = Field(True, description="scores leave out what another light changes")
    averaged: Literal[1, 3, 5] = 1
    mask_seed: int = Field(0, ge=0)
    steps: int = Field(1500, ge=1, description="training steps, if the time allows")

    @field_validator("k", mode="before")
    @classmethod
    def _one_or_several(cls, k: object) -> object:
        return (k,) if isinstance(k, int) else k


class MFRNet(nn.Module):
    """The network is made untaught; ``model.training.fit`` teaches it, ``model.checkpoint`` saves and loads it.

    Attributes:
        broad: networks of the same trunk that look at the same cloth made smaller, by how many times; each was taught
            and calibrated on its own.  They are no part of this network's state.
        long: what the long look learned of the same cloth, float32 arrays by name (:mod:`model.long`); empty without.
        pattern: likewise, how good cloth scores at each place of its repeat (:mod:`model.pattern`); empty without.
    """

    centre: Tensor
    deviation: Tensor

    def __init__(self, config: MFRNetConfig, encoder: Encoder) -> None:
        super().__init__()
        self.config = config
        self.broad: dict[int, MFRNet] = {}
        self.long: dict[str, NDArray[np.float32]] = {}
        self.pattern: dict[str, NDArray[np.float32]] = {}
        self.encoder = encoder
        self.scales = _checked_scales(config.scales, len(encoder.channels))
        self.aggregator = Aggregator(
            [encoder.channels[i] for i in self.scales], [encoder.strides[i] for i in self.scales], config.channels
        )
        depth = self.aggregator.width
        self.register_buffer("centre", torch.zeros(1, depth, GRID, GRID))
        self.register_buffer("deviation", torch.ones(1, depth, GRID, GRID))
        self.crossed_mask = CrossedMask(GRID, config.k, config.n, config.mask_seed)
        self.restoration = Restoration(depth, config.width, GRID, config.block)
        self.measure = measure_of(config, depth)

    def maps(self, tiles: Tensor) -> list[Tensor]:
        """Return the encoder's maps of the chosen scales (paper: f1(I) … fl(I)).  ``tiles`` as :meth:`forward`."""
        every = self.encoder((tiles.float() / 255).expand(-1, 3, -1, -1))  # grey in all three channels
        return [every[i] for i in self.scales]

    def features(self, tiles: Tensor) -> Tensor:
        """Return the aggregated features, on good cloth of mean 0 and deviation 1 per channel: ``[N, D, 32, 32]``."""
        features: Tensor = (self.aggregator(self.maps(tiles)) - self.centre) / self.deviation
        return features

    def hide(self, features: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return what the restoration network sees of ``[N, D, 32, 32]`` in its n passes, and the masks that hide it.

        Ours: the values shown are limited to the range of good cloth.  Otherwise a strong flaw, visible in the passes
        that do not hide it, spoils the restoration of all cloth around it and gets a halo of false scores.
        """
        return self.crossed_mask.spread(features.clamp(-SHOWN_WITHIN, SHOWN_WITHIN), masks)

    def restore(self, features: Tensor, masks: Tensor | None = None) -> Tensor:
        """Hide, restore, and put together what was hidden: ``[N, D, 32, 32]`` -> the same shape.

        All passes run in one batch.  ``masks`` default to those of inference.
        """
        shown, hidden = self.hide(features, masks)
        return self.crossed_mask.gather(self.restoration(shown, hidden), masks)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return raw anomaly maps.

        Args:
            tiles: ``[N, 1 or 3, 256, 256]``, grey or RGB in 0..255, uint8 or float.

        Returns:
            float ``[N, 64, 64]``, never negative; a cell is 4 px.  Good cloth lies below about 1.
        """
        features = self.features(tiles)
        grid = self.measure(features, self.restore(features))
        return _twice_as_fine(_twice_as_fine(grid.squeeze(1)).transpose(1, 2)).transpose(1, 2)


BROAD_STEPS = 200
"""A broad look learns smooth features from few tiles: a fifth of these steps already tell stains as well."""


BROAD_AVERAGED = 3
"""A mean over so many positions each way differs less on good cloth; what is soft fills them."""


def broad_config(config: MFRNetConfig) -> MFRNetConfig:
    """Return the settings of a network that looks at the cloth made smaller, beside one of these settings.

    What only it sees is soft: it has no outline for the structure term to see, so the squared error judges alone.  Two
    passes in place of three tell stains as well, and cost a third less.
    """
    return config.model_copy(
        update={
            "n": min(2, config.n),
            "scoring": "pixel",
            "averaged": BROAD_AVERAGED,
            "steps": min(BROAD_STEPS, config.steps),
        }
    )


def measure_of(config: MFRNetConfig, depth: int) -> HybridMeasure:
    """Return the uncalibrated measure that scores feature maps of ``depth`` channels."""
    return HybridMeasure(
        depth, GRID, config.scoring, config.pixel_share, config.without_light, averaged=config.averaged
    )


def blank(config: MFRNetConfig, encoder: Encoder, seed: int) -> MFRNet:
    """Return an untaught network whose starting weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MFRNet(config, encoder)


def _twice_as_fine(x: Tensor) -> Tensor:
    """Upsample by 2 along the last axis, linearly as ``F.interpolate`` does.

    Plain arithmetic does it, because an interpolation node would pull the whole scoring into bf16 in OpenVINO.
    """
    left = torch.cat([x[..., :1], x[..., :-1]], -1)
    right = torch.cat([x[..., 1:], x[..., -1:]], -1)
    return torch.stack([0.75 * x + 0.25 * left, 0.75 * x + 0.25 * right], -1).flatten(-2)


def _checked_scales(scales: tuple[int, ...] | None, available: int) -> tuple[int, ...]:
    if scales is None:
        return tuple(range(available))
    if not scales or len(set(scales)) != len(scales) or not all(0 <= i < available for i in scales):
        raise ModelError(f"The encoder has {available} maps and cannot give scales {scales}: choose among them.")
    return scales
