"""This study measures what each idea of MFRNet is worth on real fabric, one part changed at a time: ``make ablation``.

It writes ``docs/results/ablation.md``.
"""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from benchmarks.study import setting
from benchmarks.study.fabric import Fabric, maps_by, read_fabric, rescored, taught
from benchmarks.study.measure import Tally
from benchmarks.study.table import Method, difference_table, figures_table
from model.durable import write_whole
from model.mfrnet import MFRNet, MFRNetConfig

WHOLE = "whole"
VARIANTS: dict[str, dict[str, Any]] = {
    WHOLE: {},
    "mask blocks k = 1": {"k": (1,)},
    "mask blocks k = 4": {"k": (4,)},
    "mask blocks k = 1, 2, 4 averaged": {"k": (1, 2, 4)},
    "no mask": {"n": 1},
    "subsets n = 2": {"n": 2},
    "subsets n = 4": {"n": 4},
    "blocks of convolution only": {"block": "convolution"},
    "blocks of attention only": {"block": "attention"},
    "loss: pixel only": {"loss": "pixel"},
    "loss: structure only": {"loss": "structure"},
}
SCORINGS: dict[str, dict[str, Any]] = {
    "scoring: pixel only": {"scoring": "pixel"},
    "scoring: structure only": {"scoring": "structure"},
    "scoring: both alike": {"pixel_share": 0.5},
    "scoring: light left in": {"without_light": False},
}
"""These settings score the whole network as taught."""
Runs = dict[str, dict[str, list[Tally]]]
"""The tallies are by variant and fabric, for each seed."""
SCALES = {
    "scales: conv1_2 alone": (0,),
    "scales: conv2_2 alone": (1,),
    "scales: to conv3_1": (0, 1, 2),
    "scales: to conv3_3": (0, 1, 2, 3),
    "scales: conv3_1, conv3_3 alone": (2, 3),
}
"""These are indices of VGG16's maps; the whole has the first two."""
TO_CONV3_3 = 7
"""This many convolutions reach conv3_3."""


def main(words: list[str]) -> int:
    """Run the study; return 0 if done, 1 at a fault of the input."""
    parser = setting.parser(__doc__ or "", "ablation.md", steps=150)
    parser.add_argument("--encoder", choices=setting.ENCODERS, default="vgg16")
    parser.set_defaults(seeds=1)
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    runs: Runs = {}
    try:
        for folder in setting.folders(options):
            judge_variants(folder, options, runs)
    except setting.FAULTS as error:
        print(error, file=sys.stderr)
        return 1
    methods = {name: Method(by_fabric) for name, by_fabric in runs.items()}
    text = report(methods, options, words)
    write_whole(options.out, text)
    print(text)
    return 0


def judge_variants(folder: Path, options: Namespace, runs: Runs) -> None:
    """Judge every variant on one fabric, once for each seed, into ``runs`` by variant and fabric."""
    encoder = setting.encoder(options.encoder, options)
    fabric = read_fabric(folder, encoder)
    for seed in range(options.seeds):
        for name, changed in VARIANTS.items():
            network = taught(fabric, seed, steps=options.steps, **changed)
            _judge(name, network, fabric, runs)
            for other, scoring in SCORINGS.items() if name == WHOLE else ():
                _judge(other, rescored(network, fabric, **scoring), fabric, runs)
    if options.encoder == "vgg16":
        deep = setting.encoder(options.encoder, options, TO_CONV3_3)
        for name, scales in SCALES.items():
            part = read_fabric(folder, deep, MFRNetConfig(scales=scales))
            for seed in range(options.seeds):
                _judge(name, taught(part, seed, steps=options.steps), part, runs)


def _judge(name: str, network: MFRNet, fabric: Fabric, runs: Runs) -> None:
    tally = fabric.judge(maps_by(network, fabric))
    runs.setdefault(name, {}).setdefault(fabric.name, []).append(tally)
    logging.info("%s, %s", fabric.name, name)


def report(methods: dict[str, Method], options: Namespace, words: list[str]) -> str:
    """Return the page."""
    changes = [(name, method, methods[WHOLE]) for name, method in methods.items() if name != WHOLE]
    parts = [
        "# What each idea of MFRNet is worth",
        setting.provenance("benchmarks.ablation", words),
        f"Encoder `{options.encoder}`. The whole is k = 2, n = 3, hybrid blocks, hybrid loss and scoring, and of VGG16 "
        f"the scales conv1_2 and conv2_2; each row changes one part. {setting.seeds(options)}; {options.steps} "
        "training steps, fewer than in production, so that the table can be made again.  What the looks beside the "
        "fine one are worth is in [looks.md](looks.md).",
        "\n".join(figures_table(methods, options.fabrics)),
        "## Change against the whole, with 95 % intervals of the paired bootstrap over images",
        "\n".join(difference_table(changes, options.fabrics)),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
