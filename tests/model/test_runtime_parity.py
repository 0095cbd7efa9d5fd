"""Every device and precision against the network itself in float32: the same maps, the same verdicts.

Held for a small network on cloth woven on the spot, and for the one that the station ships on its own cloth: 48 good
tiles and 24 with a flaw in their middle, of all kinds, from faint to plain.  Good cloth ends at about 1; the shipped
recipe rejects from 1.4.  Scores are logarithms, so rounding moves low and high ones by about as much; what it moves
most by is done in the light trunk's last layers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from model import runtime as runtimes
from model.mfrnet import MFRNet
from model.runtime import Runtime, choose_precision
from model.scorer import TILE_PX
from station import demo
from tests.rigs.woven_tiles import woven

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
WAYS = [
    pytest.param(
        (device, precision, which),
        id=f"{device}-{precision}-{which}",
        marks=[NEEDS_CUDA] * (device == "cuda")
        # Torch itself is slow in half precision, and where OpenVINO is to be had nobody runs on it.
        + [pytest.mark.slow] * ((device, precision) == ("torch", "bf16") or which == "shipped"),
    )
    for device, precisions in {
        "openvino": ("f32", "bf16"),
        "torch": ("f32", "bf16"),
        "cuda": ("f32", "bf16", "f16"),
    }.items()
    for precision in precisions
    for which in ("small", "shipped")
]
GOOD, FLAWED = 48, 24
FALSE_ALARMS = 0.05
DEMO_CLOTH_M = 3.0


class Tolerance(NamedTuple):
    """In units of the score: the most that any cell, and that any tile's highest cell differs by; the root mean square
    of the latter, and its mean.  And the share that a threshold set anew may differ by."""

    cell: float
    peak: float
    typical_peak: float
    bias: float
    threshold: float = 0.02


@dataclass(frozen=True)
class Case:
    """A network, its tiles (the good ones first), its maps in float32 and what its precisions may differ by."""

    network: MFRNet
    tiles: NDArray[np.uint8]
    expected: NDArray[np.float32]
    tolerances: dict[str, Tolerance]
    rejects_from: float | None = None


SMALL_ONES = {
    "f32": Tolerance(1e-3, 1e-3, 3e-4, 1e-4),
    "bf16": Tolerance(0.05, 0.03, 0.01, 0.006),
    "f16": Tolerance(0.02, 0.01, 0.005, 0.003),
}
SHIPPED_ONES = {
    "f32": Tolerance(1e-3, 1e-3, 3e-4, 1e-4),
    "bf16": Tolerance(0.15, 0.1, 0.03, 0.01, 0.03),
    "f16": Tolerance(0.03, 0.02, 0.006, 0.003),
}


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


def of_demo_cloth() -> NDArray[np.uint8]:
    """Good tiles of the demo's cloth, then tiles about flaws, laid on at a 24th of their contrast to all of it."""
    strip = demo.rendered_cloth(901, DEMO_CLOTH_M)
    first, end = demo.WEB_PX
    corners = [
        (y, x)
        for y in range(0, len(strip) - TILE_PX, TILE_PX)
        for x in range(first + 8, end - TILE_PX, TILE_PX)  # off the selvedge, whose columns the recipe judges apart
    ]
    good = [strip[y : y + TILE_PX, x : x + TILE_PX] for y, x in corners[:: len(corners) // GOOD][:GOOD]]
    lines = len(strip)
    clean, marked = (demo.demo_cloth(902, flaws_per_m) for flaws_per_m in (0, 15))
    without, whole = (cloth.render(0, lines).astype(np.float32) for cloth in (clean, marked))
    bad = []
    for place, flaw in enumerate(marked.flaws(0, lines)[:FLAWED]):
        y = int(np.clip((flaw.first_line + flaw.end_line - TILE_PX) // 2, 0, lines - TILE_PX))
        x = int(np.clip((flaw.first_px + flaw.end_px - TILE_PX) // 2, first + 8, end - 8 - TILE_PX))
        here, strength = np.s_[y : y + TILE_PX, x : x + TILE_PX], (1 + place) / FLAWED
        bad.append((without[here] + strength * (whole[here] - without[here])).round().astype(np.uint8))
    assert (len(good), len(bad)) == (GOOD, FLAWED)
    return np.stack(good + bad)


@torch.inference_mode()
def maps_of(network: MFRNet, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """By the network itself."""
    return np.concatenate([network(torch.from_numpy(tile)[None, None]).numpy() for tile in tiles])


@functools.cache
def shipped_case() -> Case:
    network, recipe = demo.shipped_model()
    tiles = of_demo_cloth()
    return Case(network, tiles, maps_of(network, tiles), SHIPPED_ONES, recipe.threshold)


@pytest.fixture(scope="module")
def small_case(taught: MFRNet) -> Case:
    tiles = np.concatenate([woven(GOOD, 76), flawed()])
    return Case(taught, tiles, maps_of(taught, tiles), SMALL_ONES)


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    device, precision, _which = request.param
    if device == "openvino" and precision == "bf16" and choose_precision("auto", "openvino") != "bf16":
        pytest.skip("this processor does not compute in bf16")
    return request.param


@pytest.fixture(scope="module")
def precision(way: tuple[str, str, str]) -> str:
    return way[1]


@pytest.fixture(scope="module")
def case(way: tuple[str, str, str], small_case: Case) -> Case:
    return small_case if way[2] == "small" else shipped_case()


@pytest.fixture(scope="module")
def maps(way: tuple[str, str, str], case: Case) -> Iterator[NDArray[np.float32]]:
    runtime = Runtime(case.network, way[0], way[1])
    yield runtime.infer(case.tiles)
    runtime.close()


def test_maps_agree(precision: str, case: Case, maps: NDArray[np.float32]) -> None:
    may = case.tolerances[precision]
    apart = maps.max((1, 2)) - case.expected.max((1, 2))
    assert np.abs(maps - case.expected).max() < may.cell
    assert np.abs(apart).max() < may.peak
    assert np.sqrt(np.square(apart).mean()) < may.typical_peak
    assert abs(apart.mean()) < may.bias


def test_a_threshold_holds_at_every_precision(precision: str, case: Case, maps: NDArray[np.float32]) -> None:
    """Set at one precision it means the same at another: as many good tiles above, the same flaws found."""
    peaks, exact = maps.max((1, 2)), case.expected.max((1, 2))
    threshold = np.quantile(exact[:GOOD], 1 - FALSE_ALARMS)
    assert abs((peaks[:GOOD] > threshold).sum() - (exact[:GOOD] > threshold).sum()) <= 1
    assert np.quantile(peaks[:GOOD], 1 - FALSE_ALARMS) == pytest.approx(
        threshold, rel=case.tolerances[precision].threshold
    )
    assert (exact[GOOD:] > threshold).sum() > FLAWED / 2
    assert abs((peaks[GOOD:] > threshold).sum() - (exact[GOOD:] > threshold).sum()) <= 1
    assert spearmanr(peaks[GOOD:], exact[GOOD:]).statistic > 0.99
    if case.rejects_from is not None:
        assert not (peaks[:GOOD] > case.rejects_from).any()
        assert abs((peaks > case.rejects_from).sum() - (exact > case.rejects_from).sum()) <= 1


@pytest.mark.parametrize(
    ("able", "precision"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx512_bf16": False}, "f32"), ({}, "f32")],
)
def test_torch_computes_in_bf16_where_the_processor_has_instructions_for_it(
    able: dict[str, bool], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert runtimes.choose_precision("auto", "torch") == precision
    assert runtimes.choose_precision("bf16", "torch") == "bf16"
