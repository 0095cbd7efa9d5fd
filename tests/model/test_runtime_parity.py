"""Every device and precision against the network itself in float32: the same maps, the same verdicts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tests_model_cloth import woven

from model.mfrnet import MFRNet
from model.runtime import Runtime, choose_precision

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
PATHS = [
    *((device, precision) for device in ("openvino", "torch") for precision in ("f32", "bf16")),
    *(pytest.param(("cuda", precision), marks=NEEDS_CUDA) for precision in ("f32", "bf16", "f16")),
]
# Largest difference of any cell, of any tile's peak, and the mean of the peaks', where good cloth ends at about 1.
TOLERANCES = {"f32": (1e-3, 1e-3, 1e-4), "bf16": (0.05, 0.03, 0.006), "f16": (0.02, 0.01, 0.003)}

GOOD, FLAWED = 48, 24
FALSE_ALARMS = 0.05


def flawed() -> NDArray[np.uint8]:
    """Good cloth with a hole, a stain, a missing yarn or a slack yarn each, from faint to plain."""
    tiles = woven(FLAWED, 77).astype(np.float32)
    rng = np.random.default_rng(78)
    for place, tile in enumerate(tiles):
        strength = 10 + 90 * place / FLAWED
        y, x = rng.integers(40, 200, 2)
        kind = place % 4
        if kind == 0:
            tile[y : y + 14, x : x + 14] -= strength
        elif kind == 1:
            tile[y : y + 40, x : x + 40] += 0.4 * strength
        elif kind == 2:
            tile[:, x : x + 6] -= strength
        else:
            tile[y : y + 8] += np.roll(tile[y : y + 8], 4, axis=1) * strength / 150
    return np.clip(tiles, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def tiles() -> NDArray[np.uint8]:
    return np.concatenate([woven(GOOD, 76), flawed()])


@pytest.fixture(scope="module")
def expected(taught: MFRNet, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.concatenate([taught(torch.from_numpy(tile)[None, None]).numpy() for tile in tiles])


@pytest.fixture(scope="module", params=PATHS, ids=str)
def path(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture(scope="module")
def maps(path: tuple[str, str], taught: MFRNet, tiles: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    device, precision = path
    if device == "openvino" and precision == "bf16" and choose_precision("auto", "openvino") != "bf16":
        pytest.skip("this processor does not compute in bf16")
    runtime = Runtime(taught, device, precision)
    yield runtime.infer(tiles)
    runtime.close()


def test_maps_agree(path: tuple[str, str], maps: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    cell, peak, bias = TOLERANCES[path[1]]
    apart = maps.max((1, 2)) - expected.max((1, 2))
    assert np.abs(maps - expected).max() < cell
    assert np.abs(apart).max() < peak
    assert abs(apart.mean()) < bias


def test_a_threshold_holds_at_every_precision(maps: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Set at one precision it means the same at another: as many good tiles above, the same flaws found."""
    peaks, exact = maps.max((1, 2)), expected.max((1, 2))
    threshold = np.quantile(exact[:GOOD], 1 - FALSE_ALARMS)
    assert abs((peaks[:GOOD] > threshold).sum() - (exact[:GOOD] > threshold).sum()) <= 1
    assert np.quantile(peaks[:GOOD], 1 - FALSE_ALARMS) == pytest.approx(threshold, rel=0.02)
    assert (exact[GOOD:] > threshold).sum() > FLAWED / 2
    assert abs((peaks[GOOD:] > threshold).sum() - (exact[GOOD:] > threshold).sum()) <= 1
    assert spearmanr(peaks[GOOD:], exact[GOOD:]).statistic > 0.99
