"""The baselines: each does what its paper says, on features small enough for seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch import Tensor

from benchmarks.baselines import BASELINES, Baseline
from benchmarks.baselines.autoencoder import Autoencoder
from benchmarks.baselines.gaussian import Gaussian
from benchmarks.baselines.maps import as_rows
from benchmarks.baselines.nearest import Nearest, coreset
from benchmarks.baselines.tuning import COPIES, main, painted, simulated
from model.errors import ModelError
from model.loss import local_mean

DEPTH, HIDDEN = 12, 4


def cloth(tiles: int, seed: int) -> Tensor:
    """Features ``[tiles, 12, 32, 32]`` that follow from 4 hidden quantities, as those of good cloth do, and noise."""
    mixing = torch.randn(DEPTH, HIDDEN, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tiles, HIDDEN, 32, 32, generator=generator)
    noise = torch.randn(tiles, DEPTH, 32, 32, generator=generator)
    features = torch.einsum("dh,nhyx->ndyx", mixing, hidden) + 0.3 * noise
    return features / features.std((0, 2, 3), keepdim=True)


def small(name: str, seed: int = 0, steps: int = 20) -> Baseline:
    """A baseline that learns in a second or so."""
    if name == "nearest":
        return Nearest(seed, candidates=4000, share=0.1)
    return Gaussian() if name == "gaussian" else Autoencoder(seed, latent=HIDDEN, steps=steps)


@pytest.fixture(scope="module")
def good() -> Tensor:
    return cloth(16, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_foreign_patch_scores_highest(name: str, good: Tensor) -> None:
    baseline = small(name, steps=400)
    baseline.fit(good)
    fresh = cloth(3, 2)
    before = baseline.score(fresh)
    assert before.shape == (3, 32, 32)
    assert before.dtype == torch.float32
    assert torch.isfinite(before).all()
    fresh[1, :, 20:24, 5:9] = cloth(1, 3)[0, torch.arange(DEPTH).flip(0), :4, :4]  # usual values, foreign together
    maps = baseline.score(fresh)
    tile, row, column = np.unravel_index(int(maps.argmax()), maps.shape)
    assert tile == 1
    assert 20 <= row < 24
    assert 5 <= column < 9
    far = torch.ones(32, 32, dtype=torch.bool)
    far[16:28, 1:13] = False
    torch.testing.assert_close(maps[1][far], before[1][far])


@pytest.mark.parametrize("name", BASELINES)
def test_same_seed_same_maps(name: str, good: Tensor) -> None:
    torch.manual_seed(5)  # must not matter
    first, second = BASELINES[name](3), BASELINES[name](3)
    fresh = cloth(2, 2)
    maps = []
    for baseline in (first, second):
        if isinstance(baseline, Autoencoder):
            baseline.steps = 20
        if isinstance(baseline, Nearest):
            baseline.candidates = 2000
        baseline.fit(good)
        maps.append(baseline.score(fresh))
    assert torch.equal(*maps)


@pytest.mark.parametrize("name", ["nearest", "autoencoder"])
def test_another_seed_draws_anew(name: str, good: Tensor) -> None:
    one, other = small(name, 1), small(name, 2)
    one.fit(good)
    other.fit(good)
    assert not torch.equal(one.score(good[:1]), other.score(good[:1]))


@pytest.mark.parametrize("name", BASELINES)
def test_half_precision_and_no_tiles(name: str, good: Tensor) -> None:
    baseline = small(name)
    baseline.fit(good.half())
    assert baseline.score(good[:0]).shape == (0, 32, 32)
    assert baseline.score(good[:2].half()).dtype == torch.float32


@pytest.mark.parametrize("name", BASELINES)
def test_bad_input_is_told_in_a_sentence(name: str, good: Tensor) -> None:
    baseline = small(name)
    with pytest.raises(ModelError, match="learned no cloth yet"):
        baseline.score(good)
    broken = good.clone()
    broken[0, 0, 0, 0] = torch.nan
    for features, words in (
        (good[:3], "3 tiles are too few"),
        (good[:, :, :16], r"float32 features of shape \[16, 12, 16, 32\]"),
        (good.int(), "int32 features"),
        (broken, "not a finite number"),
    ):
        with pytest.raises(ModelError, match=words):
            baseline.fit(features)
    with pytest.raises(ModelError, match="learned no cloth yet"):  # a refused fit leaves nothing half-learned
        baseline.score(good)
    baseline.fit(good)
    with pytest.raises(ModelError, match="12 channels, but is to judge 11"):
        baseline.score(good[:, :11])


def test_nearest_agrees_with_brute_force(good: Tensor) -> None:
    baseline = Nearest(patch=3, candidates=10**9, share=1.0, projected=DEPTH, smoothing=0)
    baseline.fit(good[:8])
    fresh = cloth(1, 2)
    remembered = as_rows(local_mean(good[:8], 3)).numpy()
    expected = distance.cdist(as_rows(local_mean(fresh, 3)).numpy(), remembered).min(1)
    np.testing.assert_allclose(baseline.score(fresh).flatten().numpy(), expected, atol=2e-3)


def test_coreset_covers_better_than_chance() -> None:
    generator = torch.Generator().manual_seed(4)
    crowd, few = torch.randn(3000, 8, generator=generator), 6 + torch.randn(10, 8, generator=generator)
    candidates = torch.cat([crowd, few])
    chosen = coreset(candidates, 150, 6, generator)
    assert len(set(chosen.tolist())) == 150
    by_chance = torch.randperm(len(candidates), generator=generator)[:150]
    radius, radius_by_chance = (
        float(torch.cdist(candidates, candidates[them]).amin(1).max()) for them in (chosen, by_chance)
    )
    assert radius < 0.8 * radius_by_chance


def test_coreset_takes_all_where_all_are_alike() -> None:
    assert coreset(torch.zeros(20, 3), 20, 3, torch.Generator()).sort().values.tolist() == list(range(20))


def test_gaussian_agrees_with_scipy() -> None:
    good, fresh = cloth(60, 1), cloth(2, 2)
    good[:, :, 7, 9] *= torch.linspace(0.5, 2, DEPTH)[:, None].T
    baseline = Gaussian(shrinkage=0.25, smoothing=0)
    baseline.fit(good)
    maps = baseline.score(fresh)
    covariances = [np.cov(cell, rowvar=False, bias=True) for cell in good.flatten(2).permute(2, 0, 1).numpy()]
    pooled = np.mean(covariances, 0)
    for row, column in ((7, 9), (0, 0), (31, 31)):
        covariance = 0.75 * covariances[row * 32 + column] + 0.25 * pooled + 0.01 * np.eye(DEPTH)
        mean = good[:, :, row, column].mean(0).numpy()
        for tile in range(2):
            expected = distance.mahalanobis(fresh[tile, :, row, column], mean, np.linalg.inv(covariance))
            assert float(maps[tile, row, column]) == pytest.approx(expected, rel=1e-3)


def test_gaussian_trusts_a_position_more_the_more_cloth_was_seen() -> None:
    def share_of_pooled(tiles: int) -> float:
        good = cloth(tiles, 1)
        good[:, 0, :16] *= 2  # the upper half of a tile differs
        baseline = Gaussian()
        baseline.mean = good.mean(0).flatten(1)
        covariance, noise = baseline.covariances(good)
        return float(baseline.share(covariance, noise, covariance.mean(0)).mean())

    assert share_of_pooled(200) < 0.5 * share_of_pooled(10) <= 0.5


@pytest.mark.slow
def test_autoencoder_learns(good: Tensor) -> None:
    errors = []
    for steps in (1, 100, 500):
        baseline = Autoencoder(latent=HIDDEN, steps=steps)
        baseline.fit(good)
        errors.append(float(baseline.score(cloth(2, 2)).mean()))
    assert errors[0] > 2 * errors[1] > 2 * errors[2]
    assert errors[2] < 0.15


@pytest.mark.parametrize("name", BASELINES)
def test_smoothing_spreads_a_peak(name: str, good: Tensor) -> None:
    baseline = small(name)
    baseline.fit(good)
    fresh = cloth(1, 2)
    fresh[0, :, 10, 10] += 30
    baseline.smoothing = 0.5  # type: ignore[attr-defined]
    blurred = baseline.score(fresh)[0]
    baseline.smoothing = 0.0  # type: ignore[attr-defined]
    sharp = baseline.score(fresh)[0]
    assert blurred.max() < sharp.max()
    assert float(blurred.sum()) == pytest.approx(float(sharp.sum()), rel=1e-3)


def test_tuning_ground_tells_the_truth_about_painted_flaws(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for place in ("train/good/a.png", "train/good/b.png", "test/good/c.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        picture = np.clip(128 + 20 * rng.standard_normal((512, 1300)), 60, 200).astype(np.uint8)
        cv2.imwrite(str(tmp_path / place), picture)
    ground = painted(tmp_path, 20, seed=1)
    clean = cv2.imread(str(tmp_path / "train/good/b.png"), cv2.IMREAD_GRAYSCALE)
    assert clean is not None
    strips = clean[:, 20:].reshape(2, 256, 5, 256).swapaxes(1, 2).reshape(10, 256, 256)
    changed = ground.test != np.concatenate([strips] * COPIES)
    cells = changed.reshape(-1, 32, 8, 32, 8).any((2, 4))
    assert ground.truth.sum() > 20
    assert cells[ground.truth].mean() > 0.99  # a faint core may round to no change in a corner of it
    assert ground.truth[cells].mean() > 0.5  # the rest are soft skirts
    assert len(ground.teach) == 10


def test_tuning_on_simulated_cloth_has_flaws_in_some_tiles() -> None:
    ground = simulated("plain", seed=1, lines=2048)
    flawed = ground.truth.any((1, 2))
    assert ground.teach.shape == ground.test.shape == (32, 256, 256)
    assert 0 < flawed.sum() < 32


def test_tuning_tells_a_missing_folder_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--baseline", "gaussian", "--styles", "--fabric", str(tmp_path / "none"), "--left", "0"]
    assert main(words) == 1
    assert "There is no folder" in capsys.readouterr().err
