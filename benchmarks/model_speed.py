"""This benchmark measures how fast the bare model is on a device: tiles/s by tiles per call, latency, memory.

    python -m benchmarks.model_speed [--device cuda] [--encoder light vgg16] [--precision bf16]

``light`` runs as the shipped demo model; ``vgg16``, as deep as the station takes it, and ``vgg16-conv3_3`` run untaught
with random weights, because speed does not depend on them.  Beside them runs the bare VGG16 trunk (conv1_1 to conv4_3),
to compare machines by.  All are measured in turn in one run and written to ``docs/results/speed-DEVICE.md``.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.ablation import TO_CONV3_3
from benchmarks.figures import ROOT, commit
from model.bare_trunk import make_trunk
from model.durable import write_whole
from model.encoder import VGG16, VGG16_DEPTH
from model.engines.engine import Engine
from model.mfrnet import MFRNet, MFRNetConfig, blank
from model.runtime import arranged, choose_device, choose_precision, make_engine
from model.scorer import TILE_PX
from station import demo
from station.commands.bench.processor import processor

TRUNK = "bare VGG16 trunk"
LIGHT = "light"
VGG16_CONVS = {"vgg16": VGG16_DEPTH, "vgg16-conv3_3": TO_CONV3_3}
BATCHES, CUDA_BATCHES = (1, 8, 18, 32), (1, 8, 18, 32, 64, 128)
"""The numbers of tiles per call; 18 is about what a line asks for at once."""
MAP_CELLS = (64, 64)
ROUNDS = 8


@dataclass
class Subject:
    """A subject is one network at one number of tiles per call, with what was measured of it."""

    name: str
    run: Callable[[], None]
    tiles: int
    calls_s: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def measure(self, seconds: float) -> None:
        """Call again and again for about ``seconds``."""
        first, cpu = time.perf_counter(), time.process_time()
        begin, calls = first, 0
        while begin - first < seconds:
            self.run()
            end = time.perf_counter()
            self.calls_s.append(end - begin)
            begin, calls = end, calls + 1
        self.rates.append(calls * self.tiles / (begin - first))
        self.cpu_ms.append(1000 * (time.process_time() - cpu) / (calls * self.tiles))

    def times_as_fast_as(self, other: Subject) -> float:
        """Return the ratio of speeds, as median over the rounds."""
        return float(np.median(np.array(self.rates) / np.array(other.rates)))

    def row(self, reference: Subject) -> str:
        """Return a row of the table."""
        low, middle, high = np.percentile(self.rates, (25, 50, 75))
        p50, p99 = np.percentile(1000 * np.array(self.calls_s), (50, 99))
        ratio = self.times_as_fast_as(reference)
        return (
            f"| {self.name} | {self.tiles} | {middle:.0f} ({low:.0f}–{high:.0f}) | {ratio:.1f} | {p50:.1f} | {p99:.1f} "
            f"| {np.median(self.cpu_ms):.1f} |"
        )


def network_of(encoder: str) -> MFRNet:
    """Return the network to measure: ``light`` or one of ``VGG16_CONVS``."""
    if encoder == LIGHT:
        return demo.shipped_model()[0]
    return blank(MFRNetConfig(), VGG16(VGG16_CONVS[encoder]), 0).eval()


def subjects_of(name: str, engine: Engine, out_shape: tuple[int, ...], batches: Sequence[int]) -> list[Subject]:
    """Return one subject per number of tiles, on woven cloth."""
    cloth = demo.rendered_cloth(0, metres=1.0)
    places = range(demo.WEB_PX[0], demo.WEB_PX[1] - TILE_PX, TILE_PX // 4)
    columns = [cloth[:TILE_PX, x : x + TILE_PX] for x in places]
    engine.prepare(1)
    made = []
    for count in batches:
        tiles = np.ascontiguousarray(np.stack(columns)[np.arange(count) % len(columns)])
        made.append(Subject(name, _runner(engine, tiles, np.empty((count, *out_shape), np.float32)), count))
    return made


def _runner(engine: Engine, tiles: NDArray[np.uint8], out: NDArray[np.float32]) -> Callable[[], None]:
    return lambda: engine.run(tiles, out)


def measure(subjects: Sequence[Subject], seconds: float) -> None:
    """Measure all in turn, forwards and backwards, so that other work on the machine disturbs all equally."""
    for subject in subjects:
        subject.run()
    for turn in range(ROUNDS):
        for subject in subjects if turn % 2 == 0 else reversed(subjects):
            subject.measure(seconds)


def machine(device: str) -> str:
    """Name the machine measured on."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"{processor()}, load average {os.getloadavg()[0]:.1f} at the start"


def memory(device: str) -> str:
    """Say how much memory was held at most so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    text = f"Most memory held by the process, all networks loaded: {peak:.0f} MiB"
    if device == "cuda":
        text += f", on the card {torch.cuda.max_memory_reserved() / 2**20:.0f} MiB"
    return text + "."


def light_beside(subjects: Sequence[Subject]) -> str:
    """Say how many times as fast as each VGG16 ``light`` is, at the most tiles a call."""
    last = {subject.name: subject for subject in subjects}
    if LIGHT not in last:
        return ""
    light = last[LIGHT]
    ratios = [f"{light.times_as_fast_as(last[name]):.1f} × {name}" for name in VGG16_CONVS if name in last]
    return f"`light` at {light.tiles} tiles a call: {', '.join(ratios)}. " if ratios else ""


def report(device: str, precision: str, where: str, subjects: Sequence[Subject]) -> str:
    """Return the file's text."""
    rows = [subject.row(subjects[0]) for subject in subjects]
    return "\n".join(
        [
            f"# Speed of the bare model: {device}",
            "",
            f"By `python -m benchmarks.model_speed` at commit {commit()}: {where}; {precision}. {ROUNDS} rounds by "
            "turns; tiles/s as median and middle half, the ratio to the bare trunk as median over rounds.",
            "",
            "| network | tiles a call | tiles/s | × bare trunk | p50 ms a call | p99 ms a call | processor ms a tile |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            light_beside(subjects) + memory(device),
            "",
        ]
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    encoders = (LIGHT, *VGG16_CONVS)
    parser.add_argument("--encoder", nargs="+", choices=encoders, default=encoders)
    parser.add_argument("--batches", type=int, nargs="+", default=None, help="tiles a call")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement in each round")
    options = parser.parse_args()
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    batches = options.batches or (CUDA_BATCHES if device == "cuda" else BATCHES)
    where = machine(device)
    trunk = make_engine(make_trunk, device, precision)
    subjects = subjects_of(TRUNK, trunk, (TILE_PX // 8, TILE_PX // 8), batches[-1:])
    for encoder in options.encoder:
        engine = make_engine(arranged(network_of(encoder), "maps"), device, precision)
        subjects += subjects_of(encoder, engine, MAP_CELLS, batches)
    measure(subjects, options.seconds)
    text = report(device, precision, where, subjects)
    out = ROOT / "docs" / "results" / f"speed-{device}.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, text)
    print(text)


if __name__ == "__main__":
    main()
