"""This study compares MFRNet with its baselines on real fabric, quality and speed in one run: ``make bench-model``.

Every method sees the same features, of either encoder; the images go through the real line.  It writes
``docs/results/model.md``.
"""

from __future__ import annotations

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.baselines import BASELINES, Baseline
from benchmarks.study import setting
from benchmarks.study.fabric import Fabric, finer, read_fabric, taught
from benchmarks.study.measure import Tally
from benchmarks.study.table import Method, difference_table, figures_table
from model.durable import write_whole
from model.runtime import FeatureReader, Runtime

OURS = "MFRNet"
ROUNDS = 5
TILES = 48

Maps = NDArray[np.float32]
Runs = dict[str, list[Tally]]
"""The tallies are by fabric, for each seed."""


def main(words: list[str]) -> int:
    """Run the study; return 0 if done, 1 at a fault of the input."""
    parser = setting.parser(__doc__ or "", "model.md", steps=700)
    parser.add_argument("--encoders", nargs="+", choices=setting.ENCODERS, default=list(setting.ENCODERS))
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        folders = setting.folders(options)
        methods: dict[str, Method] = {}
        speeds: list[str] = []
        for encoder in options.encoders:
            runs: dict[str, Runs] = {}
            for folder in folders:
                fabric = read_fabric(folder, setting.encoder(encoder, options))
                for name, tally in judge_all(fabric, options):
                    runs.setdefault(name, {}).setdefault(fabric.name, []).append(tally)
            methods |= {f"{name}, {encoder}": Method(by_fabric) for name, by_fabric in runs.items()}
            speeds += speed_rows(fabric, encoder)
    except setting.FAULTS as error:
        print(error, file=sys.stderr)
        return 1
    text = report(methods, speeds, options, words)
    write_whole(options.out, text)
    print(text)
    return 0


def judge_all(fabric: Fabric, options: Namespace) -> Iterator[tuple[str, Tally]]:
    """Judge every method on one fabric, once for each seed."""
    for seed in range(options.seeds):
        methods: dict[str, Callable[[], Maps]] = {OURS: partial(taught_maps, fabric, seed, options.steps)}
        methods |= {name: partial(baseline_maps, fabric, make, seed) for name, make in BASELINES.items()}
        for name, maps in methods.items():
            begin = time.monotonic()
            yield name, fabric.judge(maps())
            logging.info("%s, %s, seed %d: %.0f s", fabric.name, name, seed, time.monotonic() - begin)


def taught_maps(fabric: Fabric, seed: int, steps: int) -> Maps:
    """Return maps of the tiles by MFRNet as the station runs it: one graph, at the device's own precision."""
    with closing(Runtime(taught(fabric, seed, steps=steps))) as runtime:
        return runtime.infer(fabric.tiles)


def baseline_maps(fabric: Fabric, make: Callable[[int], Baseline], seed: int) -> Maps:
    """Return maps of the tiles by a baseline taught on the features MFRNet is taught on, those held out included."""
    baseline = make(seed)
    baseline.fit(torch.cat([fabric.train.float(), fabric.held]))
    return finer(baseline.score(fabric.features))


def speed_rows(fabric: Fabric, encoder: str) -> list[str]:
    """Measure tiles/s from pixels to map of each method in interleaved rounds, and return the median of each."""
    tiles = fabric.tiles[:TILES]
    baselines = {name: make(0) for name, make in BASELINES.items()}
    for baseline in baselines.values():
        baseline.fit(torch.cat([fabric.train.float(), fabric.held]))
    with ExitStack() as stack:
        runtime = stack.enter_context(closing(Runtime(fabric.network)))
        reader = stack.enter_context(closing(FeatureReader(fabric.network)))
        ways: dict[str, Callable[[], object]] = {OURS: lambda: runtime.infer(tiles)}
        for name, baseline in baselines.items():
            ways[name] = partial(_from_pixels, baseline, reader, tiles)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS + 1):
            for name, way in ways.items():
                begin = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - begin)
    usual = {name: float(np.median(taken[1:])) for name, taken in seconds.items()}  # the first round compiles
    return [
        f"| {name}, {encoder} | {len(tiles) / took:.0f} | {usual[OURS] / took:.2f} |" for name, took in usual.items()
    ]


def _from_pixels(baseline: Baseline, reader: FeatureReader, tiles: NDArray[np.uint8]) -> Maps:
    return finer(baseline.score(reader.read(tiles)))


def report(methods: dict[str, Method], speeds: list[str], options: Namespace, words: list[str]) -> str:
    """Return the page."""
    against = [
        (f"{OURS} − {name}, {encoder}", methods[f"{OURS}, {encoder}"], methods[f"{name}, {encoder}"])
        for encoder in options.encoders
        for name in BASELINES
    ]
    parts = [
        "# MFRNet beside its baselines",
        setting.provenance("benchmarks.bench_model", words),
        "Every method sees the same features (of `vgg16` to conv2_2, or of the shipped `light` encoder), goes through "
        "the real line and is judged with the sensitivity that its own maps of held-out good cloth ask for. Baselines: "
        "nearest neighbour with coreset (PatchCore), Gaussian per position (PaDiM), feature autoencoder (DFR). "
        f"Means over {options.seeds} seeds of what is drawn in training ({options.steps} steps of MFRNet); the cloth "
        "read, its features and the masks of inference are the same for all. Pooled is the mean over the fabrics.",
        "## Quality",
        "\n".join(figures_table(methods, options.fabrics)),
        "`pointing` is the share of flawed images whose highest score lies on the flaw: an image can also be told from "
        "good ones by its light or its selvedge, which no operator could use.",
        "## Differences, with 95 % intervals of the paired bootstrap over images",
        "\n".join(difference_table(against, options.fabrics)),
    ]
    if len(options.encoders) > 1:
        light, vgg16 = methods[f"{OURS}, light"], methods[f"{OURS}, vgg16"]
        rows = difference_table([(f"{OURS}: light − vgg16", light, vgg16)], options.fabrics)
        parts += ["## Light against VGG16", "\n".join(rows)]
    parts += [
        "## Speed, from pixels to map, side by side",
        f"{TILES} tiles a call; MFRNet as the station runs it, baselines with the same encoder's graph, then torch.",
        "\n".join(["| method | tiles/s | to MFRNet |", "|---|---|---|", *speeds]),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
