"""This module holds the encoders: pretrained trunks that turn cloth into hierarchical feature maps.

The paper (section on the multi-scale feature aggregator) takes the outputs f1(I) ... fl(I) of a frozen pretrained
network, VGG16 according to its summaries.  ``vgg16`` is that; ``light`` is ours: a small network distilled from VGG16's
aggregated features (see ``model/weights/README.md``), made for two CPU cores.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self, assert_never, get_args

import torch
from torch import Tensor, nn

from model.errors import ModelError
from model.weightfiles import published_vgg16, read_state

EncoderName = Literal["light", "vgg16"]
ENCODER_NAMES: tuple[EncoderName, ...] = get_args(EncoderName)
LIGHT_FILE = Path(__file__).parent / "weights" / "light.safetensors"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Encoder(nn.Module, ABC):
    """An encoder is a frozen trunk: always in evaluation mode, never trained.

    Attributes:
        name: ``light`` or ``vgg16``.
        channels: channels of each returned map.
        strides: pixels of the image per cell of each returned map (square).
    """

    name: str
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the hierarchical feature maps.

        Args:
            images: float ``[N, 3, H, W]``, RGB in 0..1, H and W multiples of 8.

        Returns:
            Maps ``[N, channels[i], H / strides[i], W / strides[i]]``.
        """
        return self.features_of((images - self.mean) / self.std)

    @abstractmethod
    def features_of(self, normalised: Tensor) -> list[Tensor]:
        """Return the maps of an image already normalised to ImageNet's mean and deviation."""

    def freeze(self) -> Self:
        """Fix the weights permanently."""
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - a frozen trunk has no training mode
        """Stay in evaluation mode whatever the network around it does."""
        return super().train(False)


# torchvision's "D" layout: index in ``features``, channels in and out; a 2x2 max pool stands before each new stage.
_VGG_CONVS = (
    (0, 3, 64), (2, 64, 64),
    (5, 64, 128), (7, 128, 128),
    (10, 128, 256), (12, 256, 256), (14, 256, 256),
    (17, 256, 512), (19, 512, 512), (21, 512, 512),
)  # fmt: skip
# Maps taken (index of the convolution in ``features``) -> stride, typical mean activation on photographs.  Caffe's
# scale is in the hundreds and differs between layers: dividing by it keeps them comparable, and bf16 exact enough.
_VGG_TAPS = {2: (1, 110.0), 7: (2, 180.0), 10: (4, 170.0), 14: (4, 160.0), 21: (8, 60.0)}


VGG16_DEPTH = 4
"""This many convolutions, up to conv2_2, are used unless more are asked for.

Averaged over a cell of 8 px, conv1_2 sees 2 px beyond it on each side, conv2_2 6 px, conv3_1 10 px, conv3_3 18 px.
From conv3_1 on, the cells beside a hidden block of 16 px see all of it between them, so that the network can restore a
flaw from its neighbours: our reading of why deeper scales lower all but ``pointing`` in ``docs/results/ablation.md``.
"""


class VGG16(Encoder):
    """This encoder is the first ``convs`` convolutions (by default ten) of VGG16 (Simonyan and Zisserman, arXiv
    1409.1556)."""

    name = "vgg16"

    def __init__(self, convs: int = len(_VGG_CONVS)) -> None:
        super().__init__()
        self.features = nn.ModuleDict(
            {str(index): nn.Conv2d(before, after, 3, padding=1) for index, before, after in _VGG_CONVS[:convs]}
        )
        self._order = [index for index, _, _ in _VGG_CONVS[:convs]]
        taps = [index for index in self._order if index in _VGG_TAPS]
        self.channels = tuple(after for index, _, after in _VGG_CONVS[:convs] if index in taps)
        self.strides = tuple(_VGG_TAPS[index][0] for index in taps)
        self.freeze()

    def features_of(self, normalised: Tensor) -> list[Tensor]:
        """Return rectified conv1_2, conv2_2, conv3_1, conv3_3 and conv4_3, as many as there are, scaled per layer."""
        maps: list[Tensor] = []
        x = normalised
        for place, index in enumerate(self._order):
            if place and index - self._order[place - 1] == 3:
                x = nn.functional.max_pool2d(x, 2)
            x = torch.relu(self.features[str(index)](x))
            if index in _VGG_TAPS:
                maps.append(x / _VGG_TAPS[index][1])
        return maps


def _conv(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, padding=(size - 1) // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


def light_trunk(widths: tuple[int, int, int], out_channels: int) -> nn.Sequential:
    """Return the distilled network, free to be trained: normalised image -> ``[N, out_channels, H/8, W/8]``.

    A cell sees 21 px, as its teacher's does.  The convolutions are dense, because OpenVINO's bf16 convolutions run at
    several hundred GMAC/s on two cores while depthwise ones wait for memory.  Three of them have stride 2, because it
    is the work at full size that makes VGG16 slow.
    """
    fine, middle, coarse = widths
    return nn.Sequential(
        _conv(3, fine, 5, 2),
        _conv(fine, middle, 3, 2),
        _conv(middle, middle),
        _conv(middle, coarse, 2, 2),
        _conv(coarse, coarse, 1),
        nn.Conv2d(coarse, out_channels, 1),
    )


class Light(Encoder):
    """This shipped encoder gives one map at stride 8: VGG16's aggregated features along fixed principal axes."""

    name = "light"
    strides = (8,)

    def __init__(self, widths: tuple[int, int, int], out_channels: int) -> None:
        super().__init__()
        self.trunk = light_trunk(widths, out_channels)
        self.channels = (out_channels,)
        self.freeze()

    def features_of(self, normalised: Tensor) -> list[Tensor]:
        """Return one map."""
        return [self.trunk(normalised)]


def load_encoder(name: str, weights: Path | None = None, depth: int = VGG16_DEPTH) -> Encoder:
    """Load a frozen encoder by name.

    Args:
        name: ``light`` or ``vgg16``.
        weights: ``.safetensors``, ``.pth`` or ``.pt``; without it ``light`` takes the shipped file and ``vgg16`` the
            published torchvision file, downloaded once into the user's cache.
        depth: convolutions of VGG16, at most as many as the weights have.

    Raises:
        ModelError: the name is unknown, or the file is missing, foreign, damaged or of wrong shapes.
    """
    path = weights or _usual_weights(_known(name))
    return encoder_from_state(name, read_state(path), str(path), depth)


def _known(name: str) -> EncoderName:
    """Return the name if there is such an encoder.  Raises ModelError."""
    match name:
        case "light" | "vgg16":
            return name
        case _:
            raise ModelError(f"There is no encoder '{name}': choose one of {', '.join(ENCODER_NAMES)}.")


def _usual_weights(name: EncoderName) -> Path:
    match name:
        case "light":
            return LIGHT_FILE
        case "vgg16":
            return published_vgg16()
        case _:
            assert_never(name)


def encoder_from_state(
    name: str, state: Mapping[str, Tensor], source: str = "the checkpoint", depth: int = len(_VGG_CONVS)
) -> Encoder:
    """Make an encoder from the tensors of its ``state_dict()`` (torchvision's names for ``vgg16``).

    ``source`` says in error messages where they came from.  Entries the trunk does not use (VGG16's classifier and
    layers deeper than ``depth`` convolutions) are left out.

    Raises:
        ModelError: layers are missing, of wrong shape or kind, or hold values that are not finite in float32.
    """
    known = _known(name)
    with torch.device("meta"):  # a few bytes may claim a trunk of gigabytes: shapes are compared before allocation
        claimed = _empty(known, state, source, depth).state_dict()
    for key, own in claimed.items():
        _check(key, own, state.get(key), name, source)
    encoder = _empty(known, state, source, depth)
    encoder.load_state_dict({key: state.get(key, own) for key, own in encoder.state_dict().items()})
    return encoder.freeze()


def _check(key: str, own: Tensor, given: Tensor | None, name: str, source: str) -> None:
    if given is None:
        if key.endswith("num_batches_tracked"):
            return
        raise ModelError(
            f"{source} holds no weights of encoder '{name}' (layer {key} is missing): give the right file."
        )
    if given.shape != own.shape:
        raise ModelError(
            f"{source} does not fit encoder '{name}': layer {key} is {list(given.shape)} where {list(own.shape)} "
            "is needed; give the right file."
        )
    if given.is_floating_point() != own.is_floating_point():
        raise ModelError(
            f"{source} does not fit encoder '{name}': layer {key} is {given.dtype} where {own.dtype} is needed; give "
            "the right file."
        )
    if not torch.isfinite(given.to(own.dtype)).all():
        raise ModelError(f"{source} holds values that are not numbers in layer {key}: the file is damaged, replace it.")


def _empty(name: EncoderName, state: Mapping[str, Tensor], source: str, depth: int) -> Encoder:
    match name:
        case "light":
            return _empty_light(state, source)
        case "vgg16":
            return _empty_vgg16(state, source, depth)
        case _:
            assert_never(name)


def _empty_vgg16(state: Mapping[str, Tensor], source: str, depth: int) -> Encoder:
    convs = 0
    while convs < depth and f"features.{_VGG_CONVS[convs][0]}.weight" in state:
        convs += 1
    if convs < 2:
        raise ModelError(
            f"{source} holds no VGG16 weights by torchvision's names (features.0.weight ...): give a VGG16 state dict."
        )
    return VGG16(convs)


def _empty_light(state: Mapping[str, Tensor], source: str) -> Encoder:
    """Make an empty light encoder; its widths are read from the weights, so that a wider student needs no new code."""
    shapes = {key: tuple(value.shape) for key, value in state.items() if re.fullmatch(r"trunk\.[0-9.]+weight", key)}
    try:
        widths = (shapes["trunk.0.0.weight"][0], shapes["trunk.1.0.weight"][0], shapes["trunk.3.0.weight"][0])
        out_channels = shapes["trunk.5.weight"][0]
    except (KeyError, IndexError):
        raise ModelError(f"{source} holds no weights of encoder 'light': give a file made for it.") from None
    if not 0 < min(*widths, out_channels) <= max(*widths, out_channels) <= 4096:
        raise ModelError(f"{source} claims an impossible width for encoder 'light': give a file made for it.")
    return Light(widths, out_channels)
