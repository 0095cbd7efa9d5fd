"""This benchmark measures how fast flat field and lens corrections run on one core, beside a plain copy of pixels.

    python -m benchmarks.calibration_speed

All are measured in turn on 128 MiB of pixels, and written to ``docs/results/calibration-speed.md``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import ROOT, commit
from calibration.columns import ColumnFault
from calibration.lens import Lens
from calibration.shading import Shading
from model.durable import write_whole
from station.commands.bench.processor import processor

OUT = ROOT / "docs" / "results" / "calibration-speed.md"
WIDTH, LINES, BLOCKS = 4096, 256, 128
ROUNDS = 15
WANTED = 200
"""The flat field has to keep up with this many Mpx/s on one core."""

Pixels = NDArray[np.uint8]


@dataclass
class Subject:
    """A subject is one way to treat a block, with the rates measured, in Mpx per second of processor time."""

    name: str
    apply: Callable[[Pixels], Pixels]
    rates: list[float] = field(default_factory=list)

    def measure(self, blocks: list[Pixels]) -> None:
        """Measure once over all blocks."""
        begin = time.process_time()
        for block in blocks:
            self.apply(block)
        pixels = sum(block.size for block in blocks)
        self.rates.append(pixels / (time.process_time() - begin) / 1e6)

    def row(self, copy: Subject) -> str:
        """Return a row of the table."""
        low, middle, high = np.percentile(self.rates, (25, 50, 75))
        share = np.median(np.array(copy.rates) / np.array(self.rates))
        return f"| {self.name} | {middle:.0f} ({low:.0f}–{high:.0f}) | {share:.1f} | {middle / WANTED:.1f} |"


def subjects() -> list[Subject]:
    """Return what is measured, the copy first."""
    across = np.linspace(-1, 1, WIDTH)
    gain = (1 / (1 - 0.3 * across**2)).astype(np.float32)
    none, offset = np.zeros(WIDTH, np.float32), np.full(WIDTH, 4, np.float32)
    dead = (ColumnFault(100, 100, "dead", 1.0), ColumnFault(2000, 2001, "dead", 1.0))
    lens = Lens(WIDTH, LINES, (5000.0, 5000.0), (WIDTH / 2, LINES / 2), (-0.2, 0.05, 0.0, 0.0), 0.1, 9)
    return [
        Subject("plain copy", np.copy),
        Subject("flat field: gain (from cloth)", Shading(gain, none).apply),
        Subject("flat field: gain and offset (from references)", Shading(gain, offset).apply),
        Subject("the same with three dead columns", Shading(gain, offset, faults=dead).apply),
        Subject("lens", lens.undistort),
    ]


def main() -> None:
    """Measure and write."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    blocks = [rng.integers(20, 180, (LINES, WIDTH), dtype=np.uint8) for _ in range(BLOCKS)]
    measured = subjects()
    load = os.getloadavg()[0]
    for subject in measured:
        subject.apply(blocks[0])
    for turn in range(ROUNDS):
        for subject in measured if turn % 2 == 0 else reversed(measured):
            subject.measure(blocks)
    page = [
        "# Speed of the corrections",
        f"By `python -m benchmarks.calibration_speed` at commit {commit()}, on one core of {processor()}"
        f", load average {load:.1f} at the start, OpenCV {cv2.__version__}.",
        f"Mono8 blocks of {LINES} lines of {WIDTH} px, {BLOCKS} different ones, each to a new array; processor "
        f"time, median of {ROUNDS} rounds and quartiles.  Wanted: {WANTED} Mpx/s of the flat field on one core.",
        "\n".join(
            [
                f"| correction | Mpx/s | time of a plain copy | of the {WANTED} wanted |",
                "|---|---|---|---|",
                *(subject.row(measured[0]) for subject in measured),
            ]
        ),
    ]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    write_whole(OUT, "\n\n".join(page) + "\n")
    print(OUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
