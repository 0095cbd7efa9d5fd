"""This study measures what each look is worth on real fabric, as taught by the normal teach-in: ``make bench-looks``.

Each fabric is taught once for each seed.  Then its test pictures go through the real line with all looks, without the
broad looks, without the long look, and with the fine look alone.  It writes ``docs/results/looks.md``.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.study import setting
from benchmarks.study.measure import Judged, Tally, judged_image
from benchmarks.study.table import Method, difference_table, figures_table
from model.durable import write_whole
from model.errors import ModelError
from model.runtime import Runtime
from station.commands.evaluate import teach_on
from station.evaluation.at_threshold import AtThreshold
from station.evaluation.datasets.dataset import Dataset
from station.evaluation.datasets.mvtec import read_mvtec
from station.evaluation.measure import JudgedImage, play_samples
from station.evaluation.metrics import PixelScores
from station.recipe import Recipe
from station.recipe.looks import LONG_LOOK
from station.recipe.looks_chosen import looks_of, without
from station.teaching.request import TeachRequest

FABRICS = ("aitex_f01", "aitex_f03", "tilda_c1r1")
ALL, NO_BROAD, NO_LONG, FINE = "all looks", "without the broad looks", "without the long look", "the fine look alone"
VARIANTS = (ALL, NO_BROAD, NO_LONG, FINE)


def variant(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe with those of its looks on that the variant names."""
    looks = set(looks_of(recipe))
    broad = {look for look in looks if look.startswith("broad")}
    off = {ALL: set(), NO_BROAD: broad, NO_LONG: looks & {LONG_LOOK}, FINE: broad | (looks & {LONG_LOOK})}[name]
    return recipe.model_copy(update=without(recipe, off))


@dataclass
class Seen:
    """This gathers what the line made of the test pictures of one fabric, taught once.

    Attributes:
        judged: each picture's scores and truth.
        counts: what an operator lives with at the taught threshold.
        inside: pixel AP inside each flawed picture.
        most: the most rejects on one picture.
    """

    judged: list[Judged] = field(default_factory=list)
    counts: AtThreshold = field(default_factory=AtThreshold)
    inside: list[float] = field(default_factory=list)
    most: int = 0

    def take(self, image: JudgedImage) -> None:
        """Take one picture."""
        is_good = image.sample.is_good
        self.judged.append(judged_image(image.anomaly_map, image.truth, image.web, flawed=not is_good))
        self.counts.add(is_good, image.truth, image.rejects)
        self.most = max(self.most, len(image.rejects))
        if not is_good:
            alone = PixelScores()
            alone.add(image.truth, image.anomaly_map, image.web)
            try:
                self.inside.append(alone.average_precision())
            except ModelError:
                logging.info("%s holds no flaw inside the web", image.sample.path.name)


Runs = dict[str, dict[str, list[Seen]]]
"""What was seen is by variant and fabric, for each seed."""


def main(words: list[str]) -> int:
    """Run the study; return 0 if done, 1 at a fault of the input."""
    parser = setting.parser(__doc__ or "", "looks.md", steps=0)
    parser.add_argument("--minutes", type=float, default=5.0, help="time for each teach-in")
    parser.set_defaults(fabrics=list(FABRICS), seeds=1)
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    runs: Runs = {name: {} for name in VARIANTS}
    taught: list[str] = []
    try:
        for folder in setting.folders(options):
            dataset = read_mvtec(folder)
            for seed in range(options.seeds):
                taught.append(judge_looks(dataset, folder.name, seed, options.minutes, runs))
    except setting.FAULTS as error:
        print(error, file=sys.stderr)
        return 1
    text = page_of(runs, taught, options, words)
    write_whole(options.out, text)
    print(text)
    return 0


def judge_looks(dataset: Dataset, fabric: str, seed: int, minutes: float, runs: Runs) -> str:
    """Teach a fabric and judge its test pictures by each variant, into ``runs``; return what was taught as a row."""
    with tempfile.TemporaryDirectory() as scratch:
        request = TeachRequest(fabric="study", minutes=minutes, seed=seed)
        taught, network = teach_on(dataset, request, Path(scratch))
    with closing(Runtime(network)) as runtime:
        for name in VARIANTS:
            seen = Seen()
            play_samples(dataset.test, runtime, variant(taught.recipe, name), seen.take, white=dataset.white)
            runs[name].setdefault(fabric, []).append(seen)
            logging.info("%s, seed %d, %s: %s", fabric, seed, name, seen.counts.counts())
    left_off = "; ".join(f"{name}: {why}" for name, why in taught.looks.left_off.items())
    looks = ", ".join(taught.looks.shares)
    return f"| {fabric} | {seed} | {taught.tiles} | {taught.seconds:.0f} s | {looks} | {left_off or 'none'} |"


def page_of(runs: Runs, taught: Sequence[str], options: Namespace, words: list[str]) -> str:
    """Return the page."""
    methods = {
        name: Method({fabric: [Tally.of(seen.judged) for seen in seeds] for fabric, seeds in by_fabric.items()})
        for name, by_fabric in runs.items()
    }
    changes = [(f"{name} − {FINE}", methods[name], methods[FINE]) for name in VARIANTS if name != FINE]
    head = ["fabric", "looks", "found on the flaw", "good rejected", "strays", "fragments", "most rejects on a picture"]
    parts = [
        "# What each look is worth",
        setting.provenance("benchmarks.looks", words),
        f"Each fabric is taught by the normal teach-in of {options.minutes:g} minutes, with no option; "
        f"{setting.seeds(options).lower()}, summed. Then the test pictures go through the line by the taught "
        "thresholds, with all looks and with some of them switched off in the recipe.",
        "\n".join(["| fabric | seed | tiles | taught in | looks | left off |", "|---" * 6 + "|", *taught]),
        "## At the taught thresholds",
        "\n".join([f"| {' | '.join(head)} | pixel AP inside |", "|---" * (len(head) + 1) + "|", *_rows(runs)]),
        "`pixel AP inside` is the mean over the flawed pictures of the average precision inside each.",
        "## Maps",
        "\n".join(figures_table(methods, options.fabrics)),
        "## Change against the fine look alone, with 95 % intervals of the paired bootstrap over images",
        "\n".join(difference_table(changes, options.fabrics)),
    ]
    return "\n\n".join(parts) + "\n"


def _rows(runs: Runs) -> list[str]:
    rows = []
    for fabric in runs[ALL]:
        for name in VARIANTS:
            seeds = runs[name][fabric]
            counted = [seen.counts.counts() for seen in seeds]
            total = {key: sum(int(one[key] or 0) for one in counted) for key in counted[0] if key != "fragments_mean"}
            pieces = [one["fragments_mean"] for one in counted if one["fragments_mean"] is not None]
            rows.append(
                f"| {fabric} | {name} | {total['found_on_flaw']} of {total['flawed']} "
                f"| {total['good_rejected']} of {total['good']} | {total['strays']} "
                f"| {f'{np.mean(pieces):.2f}' if pieces else '–'} | {max(seen.most for seen in seeds)} "
                f"| {np.mean([value for seen in seeds for value in seen.inside]):.3f} |"
            )
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
