"""The aggregator: sizes, principal components, reproducibility, conversion."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from model.aggregator import Aggregator
from model.errors import ModelError

CHANNELS, STRIDES = (3, 5, 4), (2, 8, 16)


def maps_of(seed: int, tiles: int = 4, side: int = 64) -> list[Tensor]:
    """Correlated maps of several sizes, so that few components hold most of the variance."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for channels, stride in zip(CHANNELS, STRIDES, strict=True):
        cells = torch.randn(tiles, 2, side // stride, side // stride, generator=generator)
        mix = torch.randn(channels, 2, generator=torch.Generator().manual_seed(channels))
        own = 0.1 * torch.randn(tiles, channels, *cells.shape[2:], generator=generator)
        made.append(3 + torch.einsum("ck,nkhw->nchw", mix, cells) + own)
    return made


def test_every_map_comes_to_the_grid() -> None:
    aggregator = Aggregator(CHANNELS, STRIDES, width=6)
    whole = aggregator.concatenate(maps_of(0))
    assert whole.shape == (4, 12, 8, 8)
    fine, same, _ = maps_of(0)
    assert torch.equal(whole[:, 3:8], same)
    by_hand = fine.reshape(4, 3, 8, 4, 8, 4).mean((3, 5))
    torch.testing.assert_close(whole[:, :3], by_hand)


def test_good_cloth_has_mean_zero_and_uncorrelated_channels() -> None:
    aggregator = Aggregator(CHANNELS, STRIDES, width=6)
    batches = [maps_of(seed) for seed in range(6)]
    kept = aggregator.fit(batches)
    rows = torch.cat([aggregator(one) for one in batches]).movedim(1, -1).reshape(-1, 6)
    torch.testing.assert_close(rows.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    covariance = torch.cov(rows.T)
    spread = covariance.diagonal()
    assert float(spread.mean()) == pytest.approx(1, abs=0.01)
    assert bool((spread[:-1] >= spread[1:] - 1e-4).all())
    assert float((covariance - torch.diag(spread)).abs().max()) < 1e-3
    assert 0.9 < kept <= 1


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 11), st.integers(0, 99))
def test_more_channels_keep_more(width: int, seed: int) -> None:
    batches = [maps_of(seed, tiles=2)]
    less, more = Aggregator(CHANNELS, STRIDES, width), Aggregator(CHANNELS, STRIDES, width + 1)
    assert 0 < less.fit(batches) <= more.fit(batches) + 1e-9 <= 1 + 1e-6


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.floats(0.01, 100))
def test_how_the_cloth_is_batched_or_scaled_does_not_matter(seed: int, factor: float) -> None:
    maps = maps_of(seed)
    whole, parts = Aggregator(CHANNELS, STRIDES, 4), Aggregator(CHANNELS, STRIDES, 4)
    whole.fit([maps])
    parts.fit([[factor * one[:1] for one in maps], [factor * one[1:] for one in maps]])
    torch.testing.assert_close(whole(maps), parts([factor * one for one in maps]), atol=2e-3, rtol=1e-3)


def test_a_dead_channel_is_not_blown_up() -> None:
    batches = [maps_of(0)]
    batches[0][1][:, 2] = 1.0 + 1e-7 * torch.randn(4, 8, 8)
    aggregator = Aggregator(CHANNELS, STRIDES, 8)
    aggregator.fit(batches)
    assert float(aggregator.projection[:, 5].abs().max()) < 10 * float(aggregator.projection.abs().median())


def test_width_is_at_most_the_channels() -> None:
    assert Aggregator(CHANNELS, STRIDES, 96).width == 12


def test_the_state_carries_the_fit() -> None:
    fitted, empty = Aggregator(CHANNELS, STRIDES, 4), Aggregator(CHANNELS, STRIDES, 4)
    fitted.fit([maps_of(1)])
    empty.load_state_dict(fitted.state_dict())
    assert torch.equal(fitted(maps_of(2)), empty(maps_of(2)))


def test_nothing_or_nothing_to_see() -> None:
    with pytest.raises(ModelError, match="at least one tile"):
        Aggregator(CHANNELS, STRIDES).fit([])
    with pytest.raises(ModelError, match="all one colour"):
        Aggregator(CHANNELS, STRIDES).fit([[torch.ones_like(one) for one in maps_of(0)]])


class _Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.aggregator = Aggregator(CHANNELS, STRIDES, 4)
        self.aggregator.fit([maps_of(0)])

    def forward(self, fine: Tensor, same: Tensor, coarse: Tensor) -> Tensor:
        return self.aggregator([fine, same, coarse])


def test_it_traces_and_converts() -> None:
    network, maps = _Whole().eval(), maps_of(3, tiles=1)
    wanted = network(*maps)
    traced = torch.jit.trace(network, tuple(maps))
    torch.testing.assert_close(traced(*maps), wanted)
    compiled = ov.Core().compile_model(
        ov.convert_model(network, example_input=tuple(maps)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    out = compiled([one.numpy() for one in maps])[0]
    np.testing.assert_allclose(out, wanted.numpy(), atol=1e-4)
