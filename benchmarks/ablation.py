"""What each idea of MFRNet is worth, one part changed at a time, on real fabric: ``make ablation``.

Writes ``docs/results/ablation.md``.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from benchmarks.study import setting
from benchmarks.study.fabric import Fabric, maps_by, read_fabric, rescored, taught
from benchmarks.study.measure import Judged
from benchmarks.study.table import Method, difference_table, figures_table
from model.errors import ModelError
from model.loss import Terms
from model.mfrnet import MFRNet, MFRNetConfig

WHOLE = "whole"
VARIANTS: dict[str, dict[str, Any]] = {
    WHOLE: {},
    "mask blocks k = 1": {"k": (1,)},
    "mask blocks k = 4": {"k": (4,)},
    "mask blocks k = 1, 2, 4 averaged": {"k": (1, 2, 4)},
    "subsets n = 2": {"n": 2},
    "subsets n = 4": {"n": 4},
    "blocks of convolution only": {"block": "convolution"},
    "blocks of attention only": {"block": "attention"},
    "loss: pixel only": {"loss": "pixel"},
    "loss: structure only": {"loss": "structure"},
}
SCORINGS: dict[str, Terms] = {"scoring: pixel only": "pixel", "scoring: structure only": "structure"}
"""Of the whole as taught."""
Runs = dict[str, dict[str, list[list[Judged]]]]
"""By variant and fabric, for each seed, the judged images."""
SCALES = {"scales: finest half": 0, "scales: coarsest half": 1}
"""Aggregators of half the encoder's maps (encoders of several maps only)."""


def main(words: list[str]) -> int:
    """Run the study; 0 done, 1 a fault of the input."""
    parser = setting.parser(__doc__ or "", "ablation.md")
    parser.add_argument("--encoder", choices=("light", "vgg16"), default="vgg16")
    parser.set_defaults(seeds=1, steps=300)
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    runs: Runs = {}
    try:
        for folder in setting.folders(options):
            judge_variants(folder, options, runs)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    methods = {name: Method(by_fabric) for name, by_fabric in runs.items()}
    text = report(methods, options)
    options.out.write_text(text, encoding="utf-8")
    print(text)
    return 0


def judge_variants(folder: Path, options: Namespace, runs: Runs) -> None:
    """Every variant on one fabric, once for each seed, into ``runs`` by variant and fabric."""
    encoder = setting.encoder(options.encoder, options)
    fabric = read_fabric(folder, encoder)
    for seed in range(options.seeds):
        for name, changed in VARIANTS.items():
            network = taught(fabric, seed, steps=options.steps, **changed)
            _judge(name, network, fabric, runs)
            for other, terms in SCORINGS.items() if name == WHOLE else ():
                _judge(other, rescored(network, fabric, terms), fabric, runs)
    count = len(encoder.channels)
    halves = (range(count // 2), range(count // 2, count))
    for name, half in SCALES.items():
        if count > 1:
            part = read_fabric(folder, encoder, MFRNetConfig(scales=tuple(halves[half])))
            for seed in range(options.seeds):
                _judge(name, taught(part, seed, steps=options.steps), part, runs)


def _judge(name: str, network: MFRNet, fabric: Fabric, runs: Runs) -> None:
    judged = fabric.judge(maps_by(network, fabric))
    runs.setdefault(name, {}).setdefault(fabric.name, []).append(judged)
    logging.info("%s, %s", fabric.name, name)


def report(methods: dict[str, Method], options: Namespace) -> str:
    """The page."""
    changes = [(name, method, methods[WHOLE]) for name, method in methods.items() if name != WHOLE]
    parts = [
        "# What each idea of MFRNet is worth",
        setting.provenance("make ablation", options),
        f"Encoder `{options.encoder}`. The whole is k = 2, n = 3, hybrid blocks, hybrid loss and scoring, all scales; "
        "each row changes one part. Training is shorter than in production, so that the table can be made again.",
        "\n".join(figures_table(methods, options.fabrics)),
        "## Change against the whole, with 95 % intervals of the paired bootstrap over images",
        "\n".join(difference_table(changes, options.fabrics)),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
