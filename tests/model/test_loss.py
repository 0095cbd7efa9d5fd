"""The hybrid measure: SSIM by its definition, and a score that good cloth sets."""

from __future__ import annotations

import pytest
import torch

from model.loss import PIXEL_SHARE, STABLE, HybridMeasure, Terms, dissimilarity, hybrid_loss


def test_dissimilarity_follows_the_definition_of_ssim() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(1, 1, 9, 9), torch.randn(1, 1, 9, 9)
    x, y = a[0, 0, 2:7, 1:6].double(), b[0, 0, 2:7, 1:6].double()
    cov = (x * y).mean() - x.mean() * y.mean()
    ssim = (2 * cov + STABLE) / (x.var(correction=0) + y.var(correction=0) + STABLE)
    assert dissimilarity(a, b)[0, 0, 4, 3].item() == pytest.approx(1 - ssim.item(), abs=1e-5)


def test_equal_maps_agree_reversed_maps_disagree_and_levels_do_not_matter() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, 12, 12), torch.randn(2, 3, 12, 12)
    assert dissimilarity(a, a).abs().max() < 1e-5
    assert dissimilarity(a, -a).mean() > 1.5
    assert 0 <= dissimilarity(a, b).min() < dissimilarity(a, b).max() <= 2.001
    torch.testing.assert_close(dissimilarity(a, b + 2), dissimilarity(a, b), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("terms", ["pixel", "structure", "both"])
def test_the_loss_is_the_sum_of_the_terms_chosen(terms: Terms) -> None:
    a, b = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    pixel, structure = (a - b).square().mean(), dissimilarity(a, b).mean()
    expected = {"pixel": pixel, "structure": structure, "both": pixel + structure}[terms]
    assert torch.isclose(hybrid_loss(a, b, terms), expected)


def _good(count: int, seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Restorations with a noisy channel, a hard border and a hard cell."""
    generator = torch.Generator().manual_seed(seed)
    hard = torch.ones(1, 1, 16, 16)
    hard[..., 0, :] = 3
    hard[..., 7, 9] = 2
    noisy = torch.tensor([1.0, 1, 1, 8]).view(1, 4, 1, 1)
    features = torch.randn(count, 4, 16, 16, generator=generator)
    return [(features, features + 0.3 * hard * noisy * torch.randn(features.shape, generator=generator))]


@pytest.mark.parametrize("terms", ["pixel", "structure", "both"])
def test_good_cloth_scores_alike_at_every_position(terms: Terms) -> None:
    measure = HybridMeasure(4, 16, terms)
    measure.calibrate(_good(60, 1))
    score = torch.cat([measure(*pair) for pair in _good(200, 2)])[:, 0]
    assert score.min() > 0
    assert score.quantile(0.5) < 0.5
    assert (score > 1).float().mean() < 0.004
    assert (score > (1 if terms != "both" else 0.75)).float().mean() > 0.0002
    inside, border = score[:, 2:-2, 2:-2].mean(), score[:, 0].mean()
    assert border == pytest.approx(inside.item(), rel=0.3)
    assert score[:, 7, 9].mean() == pytest.approx(inside.item(), rel=0.3)


def test_the_pixel_term_leads_by_its_share() -> None:
    features, restored = _good(1, 3)[0]
    spot = restored.clone()
    spot[0, 0, 5, 5] += 6.0  # of one channel's level: an error of squares, more than of structure, which is bounded
    scores = []
    for share in (0.1, 0.5, PIXEL_SHARE, 1.0):
        measure = HybridMeasure(4, 16, "both", share)
        measure.calibrate(_good(60, 1))
        scores.append(measure(features, spot)[0, 0, 5, 5].item())
    assert scores[0] < scores[1] < scores[2] < scores[3]
    alone = HybridMeasure(4, 16, "pixel")
    alone.calibrate(_good(60, 1))
    assert alone(features, spot)[0, 0, 5, 5].item() == pytest.approx(scores[3], rel=1e-4)


def test_a_shift_of_the_whole_tile_is_light_and_changes_no_score() -> None:
    measure = HybridMeasure(4, 16, "both")
    measure.calibrate(_good(60, 1))
    features, restored = _good(2, 3)[0]
    torch.testing.assert_close(measure(features + 0.5, restored), measure(features, restored), atol=2e-3, rtol=2e-3)


def test_light_left_in_raises_all_scores_of_the_tile() -> None:
    measure = HybridMeasure(4, 16, "both", without_light=False)
    measure.calibrate(_good(60, 1))
    features, restored = _good(2, 3)[0]
    assert measure(features + 0.5, restored).mean() > 2 * measure(features, restored).mean()


def test_a_tile_bad_all_over_still_scores_high_and_a_raised_level_is_taken_off() -> None:
    measure = HybridMeasure(4, 16, "pixel")
    measure.calibrate(_good(60, 1))
    features, restored = _good(1, 3)[0]
    residual = restored - features
    plain, raised, bad = (measure(features, features + f * residual).median().item() for f in (1, 1.5, 20))
    assert raised < 0.5
    assert plain < raised < bad
    assert bad > 1.2


def test_a_quiet_channel_counts_as_much_as_a_noisy_one() -> None:
    measure = HybridMeasure(4, 16, "pixel")
    measure.calibrate(_good(60, 1))
    features, restored = _good(1, 3)[0]
    quiet, noisy = restored.clone(), restored.clone()
    quiet[0, 0, 5, 5] += 3.0  # ten deviations of its channel
    noisy[0, 3, 10, 10] += 24.0
    before = measure(features, restored)
    assert measure(features, quiet)[0, 0, 5, 5] > before[0, 0, 5, 5] + 0.5
    assert measure(features, noisy)[0, 0, 10, 10] > before[0, 0, 10, 10] + 0.5


def test_a_soft_flaw_stands_out_further_where_logarithms_are_averaged() -> None:
    good, soft = _good(40, seed=1), _good(40, seed=2)
    for features, restored in soft:
        features[..., 4:12, 4:12] = restored[..., 4:12, 4:12] + 1.3 * (features - restored)[..., 4:12, 4:12]

    def above_good(averaged: int) -> float:
        measure = HybridMeasure(4, 16, "pixel", averaged=averaged)
        measure.calibrate(good)
        peaks = torch.cat([measure(*pair).amax((1, 2, 3)) for pair in soft])
        highest = torch.cat([measure(*pair).amax((1, 2, 3)) for pair in _good(40, seed=3)])
        return float((peaks > highest.quantile(0.9)).float().mean())

    assert above_good(3) > above_good(1) + 0.1
