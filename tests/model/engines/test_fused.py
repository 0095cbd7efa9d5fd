"""The arrangement for inference gives the network's own maps, whatever the network is made of."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from model.encoder import VGG16, Encoder
from model.engines.fused import FromPictures, Fused
from model.mfrnet import MFRNet, MFRNetConfig
from tests.rigs.woven_tiles import SMALL, woven

ROUNDING = 5e-4
"""Of float32 through random weights, on maps where good cloth ends at 1."""


def unlike_its_start(network: MFRNet) -> MFRNet:
    """Every weight and statistic set to something, so that no step hides behind a zero or a one."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for values in network.restoration.parameters():
            values.add_(0.05 * torch.randn(values.shape, generator=generator))
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                assert part.running_mean is not None
                assert part.running_var is not None
                part.running_mean.copy_(0.2 * torch.randn(part.running_mean.shape, generator=generator))
                part.running_var.copy_(0.5 + torch.rand(part.running_var.shape, generator=generator))
        for values in (network.aggregator.mean, network.aggregator.projection, network.centre):
            values.copy_(0.1 * torch.randn(values.shape, generator=generator))
        network.eval()
        features = network.features(torch.from_numpy(woven(2, 3)).unsqueeze(1))
        network.measure.calibrate([(features, network.restore(features))])
    return network


def agree(network: MFRNet) -> None:
    """Grey and colour, in batches and one by one, against the network itself."""
    grey = torch.from_numpy(woven(3, 8))
    colour = torch.from_numpy(np.stack([woven(3, seed) for seed in (8, 9, 10)], -1))
    with torch.inference_mode():
        for pictures, channels in ((grey, 1), (colour, 3)):
            planes = pictures.unsqueeze(1) if channels == 1 else pictures.permute(0, 3, 1, 2)
            expected, features = network(planes), network.features(planes)
            assert float(expected.std()) > 0.01
            together = FromPictures(Fused(network, channels), "maps")(pictures)
            torch.testing.assert_close(together, expected, atol=ROUNDING, rtol=ROUNDING)
            alone = FromPictures(Fused(network, channels, single=True), "maps")
            one_by_one = torch.cat([alone(pictures[i : i + 1]) for i in range(3)])
            torch.testing.assert_close(one_by_one, expected, atol=ROUNDING, rtol=ROUNDING)
            read = FromPictures(Fused(network, channels), "features")(pictures)
            torch.testing.assert_close(read, features, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"block": "attention"},
        {"block": "convolution"},
        {"k": (1, 2, 4)},
        {"n": 2},
        {"n": 1},
        {"scoring": "pixel"},
        {"pixel_share": 0.3},
        {"without_light": False},
    ],
    ids=str,
)
def test_whatever_the_settings_the_maps_are_the_same(small_encoder: Encoder, other: Mapping[str, object]) -> None:
    torch.manual_seed(1)
    agree(unlike_its_start(MFRNet(MFRNetConfig(**{**SMALL.model_dump(), **other}), copy.deepcopy(small_encoder))))


@pytest.mark.slow
@pytest.mark.parametrize("scales", [None, (1,)])
def test_vgg16_too_with_all_scales_or_one(scales: tuple[int, ...] | None) -> None:
    torch.manual_seed(2)
    config = SMALL.model_copy(update={"scales": scales})
    agree(unlike_its_start(MFRNet(config, VGG16(convs=4))))


def test_the_network_itself_is_left_as_it_is(taught: MFRNet) -> None:
    before = {key: value.clone() for key, value in taught.state_dict().items()}
    fused = Fused(taught, 1)
    fused(torch.from_numpy(woven(1, 8)).unsqueeze(1))
    after = taught.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_reduced_precision_touches_neither_features_scale_nor_measure(taught: MFRNet) -> None:
    fused = Fused(taught, 1, torch.bfloat16)
    kept = {name: one.dtype for name, one in fused.measure.named_buffers()}
    assert set(kept.values()) == {torch.float32}
    assert fused.centre.dtype == fused.deviation.dtype == torch.float32
    with torch.inference_mode():
        assert fused(torch.from_numpy(woven(1, 8)).unsqueeze(1)).dtype == torch.float32


def test_no_normalisation_is_left(taught: MFRNet) -> None:
    assert not [part for part in Fused(taught, 1).modules() if isinstance(part, nn.BatchNorm2d)]
