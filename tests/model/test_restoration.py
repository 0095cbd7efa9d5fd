"""The restoration network: shapes, the parts of its blocks, and that it truly restores."""

from __future__ import annotations

import pytest
import torch

from model.crossed_mask import CrossedMask
from model.restoration import BlockParts, FarMixing, NearMixing, Restoration


@pytest.mark.parametrize(("parts", "near", "far"), [("both", 6, 4), ("convolution", 6, 0), ("attention", 0, 6)])
def test_the_halves_of_the_hybrid_block_can_be_switched_off(parts: BlockParts, near: int, far: int) -> None:
    net = Restoration(12, 32, 16, parts)
    assert sum(isinstance(part, NearMixing) for part in net.modules()) == near
    assert sum(isinstance(part, FarMixing) for part in net.modules()) == far
    assert net(torch.randn(2, 12, 16, 16), torch.zeros(2, 1, 16, 16)).shape == (2, 12, 16, 16)


@pytest.mark.slow
@pytest.mark.parametrize("parts", ["both", "convolution"])
def test_it_learns_to_restore_what_follows_from_its_surroundings(parts: BlockParts) -> None:
    torch.manual_seed(0)
    net, crossed = Restoration(4, 32, 16, parts), CrossedMask(16, (2,), 3, 0)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    draws = torch.Generator().manual_seed(1)
    errors = []
    for _ in range(60):
        # a plane wave of random phase: each hidden block follows from what is shown
        phase = 6.28 * torch.rand(4, 4, 1, 1, generator=draws)
        wave = 1.4 * torch.sin(phase + 0.5 * torch.arange(16.0).view(1, 1, 16, 1).expand(1, 1, 16, 16))
        masks = crossed.draw(draws)
        loss = (crossed.gather(net(*crossed.spread(wave, masks)), masks) - wave).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(loss.item())
    assert errors[0] == pytest.approx(1.0, abs=0.4)  # begins at the mean
    assert sum(errors[-10:]) / 10 < 0.35


def test_what_is_hidden_cannot_leak_into_its_own_restoration() -> None:
    torch.manual_seed(0)
    net, crossed = Restoration(6, 32, 16).eval(), CrossedMask(16, (2,), 3, 0)
    for values in net.parameters():
        torch.nn.init.normal_(values, std=0.1)
    features = torch.randn(1, 6, 16, 16)
    changed = features.clone()
    changed[..., 4:6, 6:8] += 5  # one block, hidden in one pass
    with torch.inference_mode():
        before, after = (crossed.gather(net(*crossed.spread(x))) for x in (features, changed))
    assert torch.equal(before[..., 4:6, 6:8], after[..., 4:6, 6:8])
    assert not torch.equal(before, after)
