"""What the station promises, shown on long simulated cloth and on real fabric.  Takes minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
SEEDS = (1, 2, 3)


def station(*words: object) -> dict[str, Any]:
    """Run a command in a process of its own, as a user does; its JSON."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-m", "station.cli", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_demo_finds_nearly_all_flaws_and_hardly_errs(tmp_path: Path) -> None:
    rolls = [station("demo", "--headless", "--metres", 35, "--seed", s, "--home", tmp_path / "home") for s in SEEDS]
    for roll in rolls:
        assert roll["lines_acquired"] == 70_000
        assert roll["lines_inspected"] + roll["lines_uninspected"] == roll["lines_acquired"]
        assert roll["lines_uninspected"] == 0
    found = sum(roll["flaws_found"] for roll in rolls) / sum(roll["flaws_true"] for roll in rolls)
    false = sum(roll["false_alarms"] for roll in rolls) / sum(roll["metres_inspected"] for roll in rolls) * 100
    strong = sum(roll["strong_flaws_found"] for roll in rolls) / sum(roll["strong_flaws_true"] for roll in rolls)
    print(f"detection {found:.3f}, of flaws of 2 sigma or more {strong:.3f}, false alarms per 100 m {false:.2f}")
    assert found >= 0.95
    assert strong >= 0.98
    assert false <= 1


@pytest.mark.parametrize("fabric", ["aitex_f01", "aitex_f03"])
def test_real_fabric_is_told_from_its_flaws(shared_data: Path, fabric: str) -> None:
    figures = station("evaluate", "--data", shared_data / fabric, "--layout", "mvtec", "--minutes", 3)
    print({key: value for key, value in figures.items() if isinstance(value, float)})
    assert figures["tile_auroc"] >= 0.80


def test_real_strips_are_taught_and_inspected(shared_data: Path, tmp_path: Path) -> None:
    home, data = tmp_path / "home", shared_data / "aitex_f01"
    station("teach", "f01", "--images", data / "train" / "good", "--home", home)
    result = station("inspect", "--fabric", "f01", "--images", data / "test", "--home", home)
    assert result["lines_inspected"] == result["lines_acquired"] == 17 * 256
    rejected = {entry["image"]: entry["reject"] for entry in result["results"]}
    good = [name for name in rejected if name.startswith("good/")]
    flawed = [name for name in rejected if not name.startswith("good/")]
    assert len(good) == 5
    assert len(flawed) == 12
    assert sum(rejected[name] for name in flawed) >= 6
    assert sum(rejected[name] for name in good) <= 1
    report = station("report", result["roll"], "--home", home)
    assert report["defects"] >= result["rejects"] > 0
