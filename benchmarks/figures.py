"""This script measures the figures that README and docs quote, with the station's own commands, for docs/results.

    python -m benchmarks.figures [--data FOLDER]

``--data`` names a folder with the real fabrics ``aitex_f01`` and ``aitex_f03`` in MVTec layout; without it only the
simulated cloth is measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from model.durable import write_whole
from station.commands.bench.processor import processor

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "results" / "figures.md"
SEEDS = (1, 2, 3)
METRES = 35
FABRICS = ("aitex_f01", "aitex_f03")
EVALUATED = ("image_auroc", "tile_auroc", "pixel_auroc", "pixel_ap", "aupro", "detection_rate", "false_alarm_rate")
SUMMED = ("flaws_true", "flaws_found", "strong_flaws_true", "strong_flaws_found", "false_alarms")


def station(*words: object) -> dict[str, Any]:
    """Run a command of the station and return its JSON."""
    command = [sys.executable, "-m", "station.cli", *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def demo_table(home: Path) -> list[str]:
    """Return the table of the simulated rolls, one a row, and pooled."""
    rows = [
        "| seed | flaws | found | detection rate | of 2 σ or more | found | rate | false alarms per 100 m | tiles/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rolls = [station("demo", "--headless", "--metres", METRES, "--seed", seed, "--home", home) for seed in SEEDS]
    for seed, roll in zip(SEEDS, rolls, strict=True):
        assert roll["lines_acquired"] == roll["lines_inspected"] + roll["lines_uninspected"]
        rows.append(demo_row(str(seed), roll))
    pooled: dict[str, Any] = {key: sum(r[key] for r in rolls) for key in SUMMED}
    metres = sum(roll["metres_inspected"] for roll in rolls)
    pooled["strong_detection_rate"] = pooled["strong_flaws_found"] / pooled["strong_flaws_true"]
    pooled["detection_rate"] = pooled["flaws_found"] / pooled["flaws_true"]
    pooled["false_alarms_per_100_m"] = pooled["false_alarms"] / metres * 100
    pooled["tiles_per_second"] = sum(roll["tiles_per_second"] for roll in rolls) / len(rolls)
    return [*rows, demo_row("pooled", pooled)]


def demo_row(name: str, roll: dict[str, Any]) -> str:
    """Return one row of the demo's table."""
    return (
        f"| {name} | {roll['flaws_true']} | {roll['flaws_found']} | {roll['detection_rate']:.3f} "
        f"| {roll['strong_flaws_true']} | {roll['strong_flaws_found']} | {roll['strong_detection_rate']:.3f} "
        f"| {roll['false_alarms_per_100_m']:.1f} | {roll['tiles_per_second']:.0f} |"
    )


def fabric_table(data: Path) -> list[str]:
    """Return the table of the real fabrics by ``station evaluate``."""
    rows = [
        "| fabric | taught on tiles | teach-in, s | " + " | ".join(EVALUATED) + " |",
        "|---|---|---|" + "---|" * len(EVALUATED),
    ]
    for fabric in FABRICS:
        figures = station("evaluate", "--data", data / fabric, "--layout", "mvtec", "--minutes", 5, "--seed", 0)
        taught = f"{figures['taught_tiles']} | {figures['teach_seconds']:.0f}"
        rows.append(f"| {fabric} | {taught} | " + " | ".join(f"{figures[key]:.3f}" for key in EVALUATED) + " |")
    return rows


def bench_row() -> str:
    """Compare the speed of the line with that of the bare model, in a sentence."""
    bench = station("bench")
    line, model = round(bench["tiles_per_second"]), round(bench["model_tiles_per_second"])
    return (
        f"{line} tiles/s through the whole line, {model} tiles/s of the bare model, in interleaved pairs "
        f"({bench['encoder']}, {bench['device']}, {bench['precision']}): overhead {bench['overhead']:.0%}."
    )


def commit() -> str:
    """Return the commit that was measured."""
    return subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None)
    options = parser.parse_args()
    parts = [
        "# Measured figures",
        f"By `python -m benchmarks.figures` at commit {commit()}, on {processor()}, "
        f"Python {platform.python_version()}.",
        f"## Simulated cloth: `station demo --headless --metres {METRES} --seed …`",
    ]
    with tempfile.TemporaryDirectory() as home:
        parts.append("\n".join(demo_table(Path(home))))
    parts.append(
        "The demo's fabric is shipped taught by `python -m benchmarks.ship_demo_fabric`, longer and on more cloth than "
        "a mill's teach-in: 1500 tiles of 60 m in 20 minutes, its threshold for one false alarm in 500 m from 400 m of "
        "other good cloth, of yarn that neither these rolls nor the teaching show."
    )
    parts += ["## Speed: `station bench`", bench_row()]
    if options.data is not None:
        parts += [
            "## Real fabric: `station evaluate --minutes 5 --seed 0`, encoder `light`",
            "\n".join(fabric_table(options.data)),
            "Settings of the measure were chosen with these two fabrics in sight, so their figures are somewhat kind; "
            "no picture of them taught the encoder.",
        ]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    write_whole(OUT, "\n\n".join(parts) + "\n")
    print(OUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
