"""The laws of the crossed mask."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.crossed_mask import CrossedMask, crossed_masks
from model.errors import ModelError


@given(grid=st.integers(4, 33), k=st.integers(1, 4), n=st.integers(1, 4), seed=st.integers(0, 99))
def test_subsets_are_disjoint_complementary_and_alike_in_size(grid: int, k: int, n: int, seed: int) -> None:
    side = -(-grid // k)
    n = min(n, side * side)
    masks = crossed_masks(grid, k, n, torch.Generator().manual_seed(seed))
    assert masks.shape == (n, 1, grid, grid)
    assert torch.equal(masks.sum(0), torch.ones(1, grid, grid))
    corners = masks[:, 0, ::k, ::k].sum((1, 2))
    assert corners.max() - corners.min() <= 1
    blocks = masks.repeat(1, 1, 1, 1)[:, :, ::k, ::k].repeat_interleave(k, 2).repeat_interleave(k, 3)
    assert torch.equal(blocks[..., :grid, :grid], masks)


def test_the_same_seed_deals_the_same_and_another_otherwise() -> None:
    first, again, other = (CrossedMask(32, (2,), 3, seed).masks for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_what_is_hidden_is_not_seen_and_gather_judges_the_hidden() -> None:
    crossed = CrossedMask(8, (2,), 3, 0)
    features = torch.randn(2, 5, 8, 8) + 10
    shown, hidden = crossed.spread(features)
    assert shown.shape == (6, 5, 8, 8)
    assert torch.equal(shown == 0, hidden.expand_as(shown) == 1)
    # a restoration that marks which pass it came from
    marks = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 5, 8, 8)
    judged = crossed.gather(marks)
    for tile in range(2):
        for index in range(3):
            cells = crossed.masks[index, 0] == 1
            assert (judged[tile][:, cells] == tile * 3 + index).all()


def test_one_subset_hides_nothing_and_judges_everything() -> None:
    crossed = CrossedMask(8, (2,), 1, 0)
    features = torch.randn(2, 5, 8, 8)
    drawn = crossed.draw(torch.Generator().manual_seed(0))
    for masks in (None, drawn):
        shown, hidden = crossed.spread(features, masks)
        assert torch.equal(shown, features)
        assert not hidden.any()
        assert torch.equal(crossed.gather(2 * features, masks), 2 * features)


@pytest.mark.parametrize(("k", "n"), [(0, 3), (9, 3), (2, 0), (4, 5)])
def test_impossible_masks_are_refused(k: int, n: int) -> None:
    with pytest.raises(ModelError, match="choose"):
        CrossedMask(8, (k,), n, 0)


def test_several_block_sides_are_averaged() -> None:
    crossed = CrossedMask(8, (1, 2, 4), 3, 0)
    features = torch.randn(2, 5, 8, 8)
    shown, hidden = crossed.spread(features)
    assert shown.shape == (18, 5, 8, 8)
    assert torch.equal(shown, features.repeat_interleave(9, 0) * (1 - hidden))
    assert torch.allclose(crossed.gather(features.repeat_interleave(9, 0)), features, atol=1e-6)
    generator = torch.Generator().manual_seed(0)
    finest = {float(crossed.draw(generator)[:, 0].diff(dim=-1).abs().sum()) for _ in range(30)}
    assert min(finest) < max(finest) / 2  # coarse blocks have fewer borders than single cells
