"""Judging holds no more memory after thousands of tiles than before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model import checkpoint
from model.mfrnet import MFRNet
from tests.rigs import memory_of_tiles as judging
from tests.rigs.places import ROOT

WARM_UP, PARTS = 4, 20
PART_TILES = {"openvino": 500, "torch": 100}
"""10,000 tiles in all on the engine of a running station; 2,000 show a leak as well where a tile takes much longer."""

MOST_KIB = 0.4
"""A tile."""

STEPS = 2
"""Parts with the largest changes, up and as many down, that are no trend: an allocator may take or give at once."""


def steady_growth_kib(resident_mib: list[float], part_tiles: int) -> float:
    """How much more is held after each tile, had every part changed as the usual ones did."""
    changes = np.sort(np.diff(resident_mib))
    return float(changes[STEPS:-STEPS].mean() * 1024 / part_tiles)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not judging.STATM.exists(), reason="only Linux tells the memory of now this way")
@pytest.mark.parametrize(("device", "part_tiles"), PART_TILES.items())
def test_memory_is_flat_over_thousands_of_tiles(taught: MFRNet, device: str, part_tiles: int, tmp_path: Path) -> None:
    """In a process of its own: what tests before left to the allocator is no leak."""
    model = tmp_path / "small.safetensors"
    checkpoint.save(taught, model)
    words = [sys.executable, "-m", judging.__name__, str(model), device, str(WARM_UP + PARTS), str(part_tiles)]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    resident = [float(line) for line in said.splitlines()]
    assert len(resident) == WARM_UP + PARTS
    assert steady_growth_kib(resident[WARM_UP - 1 :], part_tiles) < MOST_KIB, resident


@pytest.mark.parametrize("part_tiles", PART_TILES.values())
def test_a_leak_is_told_from_a_step_of_the_allocator(part_tiles: int) -> None:
    flat = np.full(PARTS + 1, 380.0)
    leak = np.arange(PARTS + 1) * part_tiles / 1024  # 1 KiB a tile
    step = np.where(np.arange(PARTS + 1) >= 7, 45.0, 0.0)
    assert steady_growth_kib(list(flat + step), part_tiles) == 0
    for grown in (leak, leak + step, leak - step):
        assert steady_growth_kib(list(flat + grown), part_tiles) == pytest.approx(1.0, rel=1e-6)
