"""This module arranges the network for inference: it gives the same maps with fewer operations.

Each change is exact but for rounding, so no figure of quality depends on it (``tests/model/engines/test_fused.py``
checks that):

- the picture's scaling to 0..1 and to ImageNet's mean and deviation goes into the first convolution, and grey stays
  one channel there.  A last channel, 1 on the picture, carries the mean, so that the zero padding around the picture
  has the same effect as before;
- linear steps that follow each other become one: normalisations and their convolutions, the light trunk's last layer
  and the principal components;
- a pointwise step runs where there are fewest cells: the stem before the masks are applied, the 1×1 convolutions of
  the U before their map is doubled, and all that follows the last depthwise convolution after the n passes are put
  together;
- attention takes its tokens with channels last, as convolutions leave them, which saves OpenVINO a reordering.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.crossed_mask import CrossedMask
from model.encoder import Encoder, Light
from model.mfrnet import SHOWN_WITHIN, MFRNet
from model.restoration import FarMixing, HybridBlock, NearMixing, Restoration

What = Literal["maps", "features"]

MIDDLE_GREY = 124.0
"""This is subtracted from the picture's grey levels, which bf16 still holds exactly; it lies near ImageNet's mean, so
that weights rounded to bf16 multiply small numbers."""


class Fused(MFRNet):
    """A fused network is a copy of a network for tiles of one kind; it gives the same maps.

    Args:
        network: taught; left unchanged.
        channels: of the tiles it will be given, 1 (grey) or 3 (RGB).
        dtype: number format that trunk and restoration compute in; the measure stays in float32.
        single: whether it will be given one tile at a time.
    """

    def __init__(
        self, network: MFRNet, channels: int, dtype: torch.dtype = torch.float32, *, single: bool = False
    ) -> None:
        super().__init__(network.config, copy.deepcopy(network.encoder))
        self.load_state_dict(network.state_dict())
        self.requires_grad_(False).eval().cpu()
        _read_grey_levels(self.encoder, channels)
        _fold_normalisations(self.encoder)
        self.projection = _projection(self).to(dtype)
        self.fused = FusedRestoration(self.restoration, self.crossed_mask, single).to(dtype)
        self.encoder.to(dtype)
        self._dtype = dtype
        del self.restoration

    def features(self, tiles: Tensor) -> Tensor:
        """Return the features of :meth:`MFRNet.features`, float32."""
        levels = tiles.to(self._dtype) - MIDDLE_GREY
        every = self.encoder.features_of(torch.cat([levels, torch.ones_like(levels[:, :1])], 1))
        grid = self.projection(self.aggregator.concatenate([every[i] for i in self.scales]))
        features: Tensor = (grid.float() - self.centre) / self.deviation
        return features

    def restore(self, features: Tensor, masks: Tensor | None = None) -> Tensor:
        """Restore as :meth:`MFRNet.restore` does, with the masks of inference, which are built in."""
        assert masks is None
        shown = features.clamp(-SHOWN_WITHIN, SHOWN_WITHIN).to(self._dtype)
        restored: Tensor = self.fused(shown).float()
        return restored


class FusedRestoration(nn.Module):
    """This network masks, restores in all passes and puts them together: ``[N, D, g, g]`` -> the same shape.

    Args:
        whole: the restoration network, whose parts are taken over.
        crossed: the masks of inference.
        single: whether N is always 1; OpenVINO then needs no fifth dimension, for which it would reorder.
    """

    judged: Tensor
    shown: Tensor
    blind: Tensor

    def __init__(self, whole: Restoration, crossed: CrossedMask, single: bool) -> None:
        super().__init__()
        _fold_normalisations(whole)
        masks, hidden = crossed.masks, crossed.hidden()
        self.n = crossed.n
        self.sides = len(crossed.ks)
        self.single = single
        self.register_buffer("judged", masks)
        self.register_buffer("shown", 1 - hidden)
        self.register_buffer("blind", _bias(whole.stem).view(1, -1, 1, 1) + hidden * whole.token)
        self.stem = _pointwise(whole.stem.weight)
        self.fine_in = FusedBlock(whole.fine_in, masks.shape[-1])
        self.down_middle = whole.down_middle
        self.middle_in = FusedBlock(whole.middle_in, masks.shape[-1] // 2)
        self.down_coarse = whole.down_coarse
        self.coarse = nn.Sequential(
            *(FusedBlock(cast(HybridBlock, block), masks.shape[-1] // 4) for block in whole.coarse)
        )
        self.coarse_up, self.middle_across = _split(whole.up_middle, whole.down_coarse.out_channels)
        self.middle_out = FusedBlock(whole.middle_out, masks.shape[-1] // 2)
        self.middle_up, self.fine_across = _split(whole.up_fine, whole.down_middle.out_channels)
        self.fine_out = FusedBlock(whole.fine_out, masks.shape[-1])
        self.head = whole.head

    def forward(self, features: Tensor) -> Tensor:
        """Restore features already limited to the range of good cloth."""
        fine = self.fine_in(self._spread(self.stem(features)))
        middle = self.middle_in(self.down_middle(fine))
        coarse = self.coarse(self.down_coarse(middle))
        middle = self.middle_out(_twice(self.coarse_up(coarse)) + self.middle_across(middle))
        fine = _twice(self.middle_up(middle)) + self.fine_across(fine)
        fine = self.fine_out.put_together(fine, self._gather)
        if self.sides > 1:
            fine = fine.reshape(-1, self.sides, *fine.shape[1:]).mean(1)
        restored: Tensor = self.head(fine)
        return restored

    def _spread(self, x: Tensor) -> Tensor:
        """Make one pass per mask, the p of one tile next to each other: ``[N, C, g, g]`` -> ``[N*p, C, g, g]``."""
        if self.single:
            return x * self.shown + self.blind
        return (x.unsqueeze(1) * self.shown + self.blind).flatten(0, 1)

    def _gather(self, passes: Tensor) -> Tensor:
        """Take each cell from the pass that hid it, by block side: ``[N*p, C, g, g]`` -> ``[N*sides, C, g, g]``."""
        p = self.n * self.sides
        if not self.single:
            kept = (passes.reshape(-1, p, *passes.shape[1:]) * self.judged).flatten(0, 1)
        else:
            kept = passes * self.judged
            if self.sides == 1:
                return kept.sum(0, keepdim=True)
        return kept.reshape(-1, self.n, *passes.shape[1:]).sum(1)


class FusedBlock(nn.Module):
    """This block does what :class:`HybridBlock` does."""

    def __init__(self, block: HybridBlock, side: int) -> None:
        super().__init__()
        self.near = None if block.near is None else FusedNear(block.near, side)
        self.far = None if block.far is None else FusedFar(block.far)
        self.pointwise = block.pointwise

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output: ``[N, C, side, side]`` -> the same shape."""
        return self.put_together(x, lambda same: same)

    def put_together(self, x: Tensor, gather: Callable[[Tensor], Tensor]) -> Tensor:
        """Run the block on passes that ``gather`` puts together; what looks at one cell alone runs only after that."""
        if self.near is not None and self.far is None:
            x = gather(x) + self.near.pointwise(gather(self.near.look_around(x)))
        else:
            x = x if self.near is None else x + self.near(x)
            x = gather(x if self.far is None else x + self.far(x))
        return x + self.pointwise(x)


class FusedNear(nn.Module):
    """This part does what :class:`NearMixing` does; the norm's scale is in the weights, its shift in a map that knows
    the border."""

    shift: Tensor

    def __init__(self, near: NearMixing, side: int) -> None:
        super().__init__()
        scale, shift = _affine(near.norm)
        everywhere = shift.view(1, -1, 1, 1).expand(-1, -1, side, side)
        self.register_buffer("shift", near.depthwise(everywhere))
        self.depthwise = copy.deepcopy(near.depthwise)
        self.depthwise.weight.mul_(scale.view(-1, 1, 1, 1))
        self.depthwise.bias = None
        self.pointwise = near.pointwise

    def look_around(self, x: Tensor) -> Tensor:
        """Return what each cell's neighbourhood shows, before its channels are mixed."""
        return F.relu(self.depthwise(x) + self.shift)

    def forward(self, x: Tensor) -> Tensor:
        """Return what is to be added: ``[N, C, side, side]`` -> the same shape."""
        out: Tensor = self.pointwise(self.look_around(x))
        return out


class FusedFar(nn.Module):
    """This part does what :class:`FarMixing` does; one convolution and its bias hold the norm and the learned place."""

    place: Tensor

    def __init__(self, far: FarMixing) -> None:
        super().__init__()
        scale, shift = _affine(far.norm)
        self.heads = far.heads
        self.width = far.out.in_channels
        self.register_buffer("place", far.query_key_value(far.place + shift.view(1, -1, 1, 1)))
        self.query_key_value = _pointwise(far.query_key_value.weight * scale.view(1, -1, 1, 1))
        self.out = far.out

    def forward(self, x: Tensor) -> Tensor:
        """Return what is to be added: ``[N, C, side, side]`` -> the same shape."""
        n, c, h, w = x.shape
        tokens = (self.query_key_value(x) + self.place).permute(0, 2, 3, 1).reshape(n, h * w, 3 * c)
        q, k, v = (part.reshape(n, h * w, self.heads, -1).transpose(1, 2) for part in tokens.split(self.width, -1))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        out: Tensor = self.out(mixed.reshape(n, h, w, c).permute(0, 3, 1, 2))
        return out


class FromPictures(nn.Module):
    """This module runs a fused network on pictures as cameras give them.

    The pictures are uint8 ``[N, 256, 256]`` or ``[N, 256, 256, 3]``.

    Args:
        fused: made for their channels.
        what: ``maps`` for anomaly maps ``[N, 64, 64]``, ``features`` for features ``[N, D, 32, 32]``; float32.
    """

    def __init__(self, fused: Fused, what: What) -> None:
        super().__init__()
        self.fused = fused
        self.what = what

    def forward(self, pictures: Tensor) -> Tensor:
        """Return maps or features, float32."""
        tiles = pictures.unsqueeze(1) if pictures.ndim == 3 else pictures.permute(0, 3, 1, 2)
        made: Tensor = self.fused(tiles) if self.what == "maps" else self.fused.features(tiles)
        return made


def _read_grey_levels(encoder: Encoder, channels: int) -> None:
    """Let the trunk's first convolution read grey levels less ``MIDDLE_GREY``, and a last channel of ones."""
    conv = next(part for part in encoder.modules() if isinstance(part, nn.Conv2d))
    scale = 1 / (255 * encoder.std)
    levels = conv.weight * scale
    ones = (conv.weight * (scale * MIDDLE_GREY - encoder.mean / encoder.std)).sum(1, keepdim=True)
    if channels == 1:
        levels = levels.sum(1, keepdim=True)
    conv.in_channels = channels + 1
    conv.weight = nn.Parameter(torch.cat([levels, ones], 1), False)


def _fold_normalisations(whole: nn.Module) -> None:
    """Fold each batch norm that follows a convolution, or comes before a 1×1 one, into that convolution."""
    for row in [part for part in whole.modules() if isinstance(part, nn.Sequential)]:
        for i in range(len(row) - 1):
            first, second = row[i], row[i + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                row[i] = fuse_conv_bn_eval(first, second)
                row[i + 1] = nn.Identity()
            elif isinstance(first, nn.BatchNorm2d) and isinstance(second, nn.Conv2d) and second.kernel_size == (1, 1):
                scale, shift = _affine(first)
                bias = second(shift.view(1, -1, 1, 1)).flatten()
                row[i] = nn.Identity()
                row[i + 1] = _pointwise(second.weight * scale.view(1, -1, 1, 1), bias)


def _projection(network: MFRNet) -> nn.Conv2d:
    """Return the principal components as a layer that includes the light trunk's linear last layer if it comes next."""
    aggregator, encoder = network.aggregator, network.encoder
    weight, bias = aggregator.projection, -(aggregator.projection @ aggregator.mean)
    if isinstance(encoder, Light):
        last = encoder.trunk[-1]
        assert isinstance(last, nn.Conv2d)
        weight, bias = weight @ last.weight.flatten(1), bias + weight @ _bias(last)
        encoder.trunk[-1] = nn.Identity()
    return _pointwise(weight[:, :, None, None], bias)


def _pointwise(weight: Tensor, bias: Tensor | None = None) -> nn.Conv2d:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    layer.weight = nn.Parameter(weight, False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, False)
    return layer


def _split(joined: nn.Conv2d, first: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Split a 1×1 convolution of two concatenated maps into one for each map, whose results are to be added."""
    return _pointwise(joined.weight[:, :first]), _pointwise(joined.weight[:, first:], joined.bias)


def _bias(layer: nn.Conv2d) -> Tensor:
    return layer.weight.new_zeros(layer.out_channels) if layer.bias is None else layer.bias


def _affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return scale and shift per channel of a batch norm in evaluation mode."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
