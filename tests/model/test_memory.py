"""Judging holds no more memory after ten thousand tiles than before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tests_model_memory as judging

from model import checkpoint
from model.mfrnet import MFRNet

PART_TILES = 500
WARM_UP, PARTS = 4, 20
MOST_MIB = 4.0
"""Over 10,000 tiles; a leak of 1 kB a tile is 10 MiB."""
STEPS = 2
"""Parts with the largest changes, up and as many down, that are no trend: an allocator may take or give at once."""


def steady_growth_mib(resident: list[float]) -> float:
    """How much more is held at the end, had every part changed as the usual ones did."""
    changes = np.sort(np.diff(resident))
    return float(changes[STEPS:-STEPS].mean() * len(changes))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not judging.STATM.exists(), reason="only Linux tells the memory of now this way")
@pytest.mark.parametrize("device", ["openvino", "torch"])
def test_memory_is_flat_over_ten_thousand_tiles(taught: MFRNet, device: str, tmp_path: Path) -> None:
    """In a process of its own: what tests before left to the allocator is no leak."""
    model = tmp_path / "small.safetensors"
    checkpoint.save(taught, model)
    words = [sys.executable, judging.__file__, str(model), device, str(WARM_UP + PARTS), str(PART_TILES)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    resident = [float(line) for line in said.splitlines()]
    assert len(resident) == WARM_UP + PARTS
    assert steady_growth_mib(resident[WARM_UP - 1 :]) < MOST_MIB, resident


def test_a_leak_is_told_from_a_step_of_the_allocator() -> None:
    flat = np.full(PARTS + 1, 380.0)
    leak = np.arange(PARTS + 1) * PART_TILES * 1024 / 2**20
    step = np.where(np.arange(PARTS + 1) >= 7, 45.0, 0.0)
    assert steady_growth_mib(list(flat + step)) == 0
    for grown in (leak, leak + step, leak - step):
        assert steady_growth_mib(list(flat + grown)) == pytest.approx(leak[-1], rel=1e-6)
        assert steady_growth_mib(list(flat + grown)) > MOST_MIB
