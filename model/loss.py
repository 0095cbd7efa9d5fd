"""This module measures pixel and structural similarity of feature maps to train and to score (paper: hybrid loss).

SSIM follows Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment" (IEEE TIP 2004), on feature maps per channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.scorer import SOFTNESS

Terms = Literal["both", "pixel", "structure"]
WINDOW = 5  # cells of training's window: 40 px
SCORING_WINDOW = 3  # cells: small flaws keep small outlines
STABLE = 0.1  # SSIM's constant: below a deviation of about 0.3 structure is noise
HIGH_QUANTILE = 0.999
FLOOR = 1e-6
PIXEL_SHARE = 0.7  # points better than halves, outlines better than squared error alone (docs/results/ablation.md)
LEVEL_SHARE = 0.8  # of a tile's raised level that is attributed to its light


def local_mean(x: Tensor, window: int) -> Tensor:
    """Return the mean over a square window, at borders over the part inside: ``[N, C, h, w]`` -> the same shape."""
    if window == 1:
        return x
    return F.avg_pool2d(x, window, stride=1, padding=window // 2, count_include_pad=False)


def dissimilarity(a: Tensor, b: Tensor, window: int = WINDOW) -> Tensor:
    """Return 1 − SSIM of two feature maps, per channel and position, by SSIM's contrast-and-structure part.

    Ours: SSIM's third part, the ratio of local levels, is left out.  Features have no black from which a level could be
    measured, levels follow the light, and the squared error judges them already.

    Args:
        a, b: float ``[N, C, h, w]`` of about deviation 1 per channel.
        window: odd side of the square window in cells.

    Returns:
        float ``[N, C, h, w]`` in 0..2, 0 where the maps agree.
    """
    mean_a, mean_b = local_mean(a, window), local_mean(b, window)
    var_a = local_mean(a * a, window) - mean_a * mean_a
    var_b = local_mean(b * b, window) - mean_b * mean_b
    cov = local_mean(a * b, window) - mean_a * mean_b
    return (1 - (2 * cov + STABLE) / (var_a.clamp_min(0) + var_b.clamp_min(0) + STABLE)).clamp_min(0)


def hybrid_loss(features: Tensor, restored: Tensor, terms: Terms) -> Tensor:
    """Return the scalar loss of one batch, L = mean (F' − F)² + mean (1 − SSIM(F', F)), or one of its terms.

    F are features and F' restored ones (the paper's hybrid loss; means over everything).
    """
    match terms:
        case "pixel":
            return F.mse_loss(restored, features)
        case "structure":
            return dissimilarity(features, restored).mean()
        case "both":
            return F.mse_loss(restored, features) + dissimilarity(features, restored).mean()
        case _:
            assert_never(terms)


class HybridMeasure(nn.Module):
    """The hybrid measure scores how far features lie from their restoration, in units of good cloth.

    From the paper: pixel and structural similarity judge together.  Our reading of how to join them, fitted on good
    cloth only (:meth:`calibrate`): each channel's error is divided by its usual one; each term's logarithm is centred
    per position of the tile (a tile's border and the choice of the masks make some positions harder) and divided by the
    distance from its median to its 99.9 % quantile, so that both terms have comparable tails; then their weighted mean
    is taken, ``pixel_share`` of it the pixel term's (a sum of the errors themselves would be squared error alone, whose
    heavy tail drowns the bounded structure term).
    In short, of terms e_i with shares w_i: s = sum_i w_i (log e_i − usual_i) / spread_i, then kept positive.
    A change of light moves all of a tile's features equally and raises its scores a little everywhere.  Therefore each
    channel's mean residual over the tile is subtracted before it is squared.  From the scores, ``LEVEL_SHARE`` of the
    tile's raised level is subtracted, counting at most one unit of it, so that a tile that is bad all over still scores
    high.

    Args:
        channels: D of the feature maps.
        grid: side of the feature grid in cells.
        terms: which terms take part.
        pixel_share: weight of the pixel term where both do, above 0, at most 1.
        without_light: whether both are subtracted.
        window: odd side of the SSIM window in cells.
        averaged: odd side in cells of the square over which the logarithms are averaged; 1 for none.
    """

    weight: Tensor
    usual: Tensor
    spread: Tensor
    shares: Tensor

    def __init__(
        self,
        channels: int,
        grid: int,
        terms: Terms,
        pixel_share: float = PIXEL_SHARE,
        without_light: bool = True,
        window: int = SCORING_WINDOW,
        averaged: int = 1,
    ) -> None:
        super().__init__()
        self.names = ("pixel", "structure") if terms == "both" else (terms,)
        self.window = window
        self.averaged = averaged
        self.without_light = without_light
        count = len(self.names)
        self.register_buffer("weight", torch.full((count, channels, 1, 1), 1 / channels))
        self.register_buffer("usual", torch.zeros(1, count, grid, grid))
        self.register_buffer("spread", torch.ones(1, count, 1, 1))
        shares = [pixel_share, 1 - pixel_share] if terms == "both" else [1.0]
        self.register_buffer("shares", torch.tensor(shares).view(1, count, 1, 1), persistent=False)

    def errors(self, features: Tensor, restored: Tensor) -> list[Tensor]:
        """Return the error of each term, per channel and position: ``[N, D, g, g]``, 0 or more."""
        made = {
            "pixel": lambda: self._residual(features, restored).square(),
            "structure": lambda: dissimilarity(features, restored, self.window),
        }
        return [made[name]() for name in self.names]

    def _residual(self, features: Tensor, restored: Tensor) -> Tensor:
        """Return the residual less its mean over the tile: brightness differs across the web and from piece to piece,
        and moves all of a tile equally."""
        residual = restored - features
        return residual - residual.mean((2, 3), keepdim=True) if self.without_light else residual

    def logarithms(self, errors: list[Tensor]) -> Tensor:
        """Return the logarithm of each term's weighted mean over the channels, averaged over the positions around:
        ``[N, terms, g, g]``."""
        # no convolution: OpenVINO keeps what follows the last one in f32, which logarithms need
        means = [(error * self.weight[i : i + 1]).sum(1, keepdim=True) for i, error in enumerate(errors)]
        return local_mean(torch.log(torch.cat(means, 1) + FLOOR), self.averaged)

    def forward(self, features: Tensor, restored: Tensor) -> Tensor:
        """Return the raw score ``[N, 1, g, g]``, positive; about 1 is the 99.9 % quantile of good cloth."""
        logarithms = self.logarithms(self.errors(features, restored))
        score = ((logarithms - self.usual) / self.spread * self.shares).sum(1, keepdim=True)
        if self.without_light:
            tile_level = score.clamp(-1, 1).mean((2, 3), keepdim=True).clamp_min(0)
            score = score - LEVEL_SHARE * tile_level
        return F.softplus(SOFTNESS * score) / SOFTNESS  # OpenVINO drops softplus's beta

    @torch.no_grad()
    def calibrate(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Fit weights, positions and tails on good cloth.

        Args:
            pairs: batches of (features, restored), each ``[N, D, g, g]``; iterated twice.
        """
        held = list(pairs)
        count = sum(len(features) for features, _ in held)
        for i in range(len(self.names)):
            total = sum(self.errors(f, r)[i].sum((0, 2, 3)) for f, r in held)
            usual = torch.as_tensor(total) / (count * self.usual.shape[-1] ** 2)
            self.weight[i, :, 0, 0] = 1 / (usual.clamp_min(1e-6) * len(usual))
        logs = torch.cat([self.logarithms(self.errors(f, r)) for f, r in held])
        self.usual.copy_(_position_means(logs))
        apart = logs - self.usual
        for i in range(len(self.names)):
            ordered = apart[:, i].flatten().sort().values
            middle = ordered[len(ordered) // 2]
            high = ordered[min(len(ordered) - 1, int(HIGH_QUANTILE * len(ordered)))]
            self.usual[:, i] += middle
            self.spread[:, i] = (high - middle).clamp_min(1e-3)


def _position_means(logs: Tensor) -> Tensor:
    """Return the mean per position, near the overall mean if tiles are few: ``[T, C, g, g]`` -> ``[1, C, g, g]``."""
    overall = logs.mean((0, 2, 3), keepdim=True)
    away = logs.mean(0, keepdim=True) - overall
    noise = logs.var(0, correction=0, keepdim=True).mean((2, 3), keepdim=True) / len(logs)
    signal = (away.square().mean((2, 3), keepdim=True) - noise).clamp_min(0)
    return overall + away * signal / (signal + noise + 1e-12)
