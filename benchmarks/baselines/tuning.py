"""This script tries the baselines' settings on cloth with painted flaws, so that no label of a real flaw tunes them.

    python -m benchmarks.baselines.tuning --baseline nearest [--styles plain denim] [--fabric FOLDER --left 560]

The ground is simulated cloth of each style, and the good pictures (``train/good``) of real fabrics with simulated flaws
painted on those held out; columns left of ``--left`` are no cloth.  For each setting it prints the AUROC over tiles,
and the AUROC and average precision over grid cells, as means over the grounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.baselines.autoencoder import Autoencoder
from benchmarks.baselines.gaussian import Gaussian
from benchmarks.baselines.maps import smoothed
from benchmarks.baselines.nearest import Nearest
from drivers.camera import CameraError
from drivers.images import read_image
from drivers.simulated.cloth import Cloth
from drivers.simulated.weave import STYLES
from model.encoder import Encoder, load_encoder
from model.errors import ModelError
from model.mfrnet import GRID, MFRNetConfig, blank
from model.runtime import FeatureReader
from model.scorer import TILE_PX
from model.time_budget import TimeBudget
from model.training import read_cloth
from station.evaluation.datasets.mvtec import read_mvtec
from station.evaluation.metrics import auroc, average_precision

MM_PER_PX = 0.5
WEB_PX = 4 * TILE_PX
LINES = 60 * TILE_PX  # of simulated cloth, to learn from and to judge
FLAWS_PER_M = 6.0
COPIES = 4  # of the pictures held out, each with other flaws
HELD_OUT = 0.3  # of a real fabric's good pictures
CELL = TILE_PX // GRID
GROUND_SEED = 100
MINUTES = 60.0  # for reading: no hurry

KINDS: dict[str, type[Nearest | Gaussian | Autoencoder]] = {
    "nearest": Nearest,
    "gaussian": Gaussian,
    "autoencoder": Autoencoder,
}
TRIED: dict[str, dict[str, list[Any]]] = {
    "nearest": {"patch": [1, 3], "share": [0.02, 0.1]},
    "gaussian": {"shrinkage": [None, 0.2, 1.0]},
    "autoencoder": {"latent": [8, 16, 32, 64], "steps": [800, 2000]},
}
SMOOTHINGS = (0.0, 0.5, 1.0)

Figures = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Ground:
    """A ground is good cloth to learn from, and cloth with painted flaws.

    Attributes:
        teach, test: uint8 ``[N, 256, 256]`` tiles.
        truth: bool ``[N, 32, 32]`` cells of ``test`` that a flaw's core touches.
    """

    name: str
    teach: NDArray[np.uint8]
    test: NDArray[np.uint8]
    truth: NDArray[np.bool_]


def simulated(style: str, seed: int, lines: int = LINES) -> Ground:
    """Make a ground of simulated cloth; the flawed piece has yarns of its own."""
    size: dict[str, Any] = {"width_px": WEB_PX, "mm_per_px": MM_PER_PX}
    good = Cloth(style, seed=seed, **size)
    flawed = Cloth(style, seed=seed + 1, flaws_per_m=FLAWS_PER_M, **size)
    truth = np.zeros((lines, WEB_PX), np.bool_)
    _paint(flawed, truth, None)
    teach, test = good.render(0, lines), flawed.render(0, lines)
    return Ground(style, _tiles(teach), _tiles(test), _cells(_tiles(truth)))


def painted(folder: Path, left: int, seed: int) -> Ground:
    """Make a ground of a real fabric's good pictures in MVTec layout, simulated flaws painted on the last of them."""
    dataset = read_mvtec(folder)
    pictures = [read_image(sample.path, 1, dataset.white) for sample in dataset.train]
    strips = [picture[:, left:] for picture in pictures if picture.shape[1] - left >= TILE_PX]
    kept = len(strips) - max(1, round(HELD_OUT * len(strips)))
    if kept < 1:
        raise ModelError(f"{folder} has fewer than two good pictures with a tile right of column {left}: give others.")
    held = np.concatenate(strips[kept:] * COPIES)
    cloth = Cloth("plain", width_px=held.shape[1], mm_per_px=MM_PER_PX, seed=seed, flaws_per_m=4 * FLAWS_PER_M)
    truth = np.zeros(held.shape, np.bool_)
    change = np.zeros(held.shape, np.float32)
    _paint(cloth, truth, change)
    test = np.clip(held + change * (held.std() / cloth.sigma), 0, 255).astype(np.uint8)
    return Ground(folder.name, np.concatenate([_tiles(s) for s in strips[:kept]]), _tiles(test), _cells(_tiles(truth)))


def _paint(cloth: Cloth, truth: NDArray[np.bool_], change: NDArray[np.float32] | None) -> None:
    """Mark the cores of a cloth's flaws, and add what the flaws change."""
    for patch in cloth.patches(0, len(truth)):
        flaw = patch.flaw
        low, high = max(flaw.first_line, 0), min(flaw.end_line, len(truth))
        own = slice(low - flaw.first_line, high - flaw.first_line)
        here = (slice(low, high), slice(flaw.first_px, flaw.end_px))
        truth[here] |= patch.core[own]
        if change is not None:
            change[here] += patch.delta[own]


def _tiles(picture: NDArray[Any]) -> NDArray[Any]:
    """Cut ``[lines, width]`` into ``[N, 256, 256]``; what does not fill a tile is left out."""
    rows, columns = (side // TILE_PX for side in picture.shape)
    whole = picture[: rows * TILE_PX, : columns * TILE_PX].reshape(rows, TILE_PX, columns, TILE_PX)
    return np.ascontiguousarray(whole.swapaxes(1, 2).reshape(-1, TILE_PX, TILE_PX))


def _cells(truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which cells of tiles of pixels hold a true pixel, ``[N, 32, 32]``."""
    touched: NDArray[np.bool_] = np.any(truth.reshape(-1, GRID, CELL, GRID, CELL), axis=(2, 4))
    return touched


def read(ground: Ground, encoder: Encoder, seed: int) -> tuple[Tensor, Tensor]:
    """Read features to learn from and to judge, as MFRNet has them."""
    network = blank(MFRNetConfig(), encoder, seed)
    budget = TimeBudget(MINUTES, None, None)
    teach, _ = read_cloth(network, ground.teach, torch.Generator().manual_seed(seed), budget)
    reader = FeatureReader(network)
    try:
        return teach, reader.read(ground.test)
    finally:
        reader.close()


def figures(maps: Tensor, truth: NDArray[np.bool_]) -> Figures:
    """Return AUROC over tiles, AUROC and average precision over cells."""
    scores = maps.numpy()
    flags, cells = truth.ravel(), scores.ravel()
    return auroc(truth.any((1, 2)), scores.max((1, 2))), auroc(flags, cells), average_precision(flags, cells)


def try_all(name: str, ground: Ground, features: tuple[Tensor, Tensor], seed: int) -> dict[str, Figures]:
    """Return figures on one ground for each setting of one baseline."""
    teach, test = features
    found: dict[str, Figures] = {}
    for values in product(*TRIED[name].values()):
        setting = dict(zip(TRIED[name], values, strict=True))
        begun = time.process_time()
        baseline = KINDS[name](smoothing=0.0, **setting)
        if not isinstance(baseline, Gaussian):
            baseline.seed = seed
        baseline.fit(teach)
        maps = baseline.score(test)
        print(f"{ground.name}: {setting} took {time.process_time() - begun:.0f} s of processor time")
        for sigma in SMOOTHINGS:
            label = f"{setting | {'smoothing': sigma}}"
            found[label] = figures(smoothed(maps, sigma), ground.truth)
            tell(f"{ground.name}: {label}", found[label])
    return found


def main(words: list[str]) -> int:
    """Try and print; return 0 if done, 1 at a fault of the input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", choices=list(KINDS), required=True)
    parser.add_argument("--styles", nargs="*", choices=list(STYLES), default=["plain", "denim", "stripe", "demo"])
    parser.add_argument("--fabric", type=Path, action="append", default=[], help="folder in MVTec layout")
    parser.add_argument("--left", type=int, action="append", default=[], help="first column of cloth, one a fabric")
    parser.add_argument("--encoder", default="light")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(words)
    if len(given.left) != len(given.fabric) or not given.styles + given.fabric:
        parser.error("name a style or a fabric, and one --left for each --fabric")
    grounds: list[Callable[[], Ground]] = [partial(simulated, style, GROUND_SEED) for style in given.styles]
    grounds += [partial(painted, *fabric, GROUND_SEED) for fabric in zip(given.fabric, given.left, strict=True)]
    try:
        found = over_grounds(given.baseline, grounds, load_encoder(given.encoder, given.weights), given.seed)
    except (ModelError, CameraError) as error:
        print(error, file=sys.stderr)
        return 1
    for setting, values in found.items():
        tell(f"{given.baseline}: {setting}", values)
    return 0


def over_grounds(name: str, grounds: Iterable[Callable[[], Ground]], encoder: Encoder, seed: int) -> dict[str, Figures]:
    """Return mean figures over the grounds for each setting of one baseline."""
    every: dict[str, list[Figures]] = {}
    for make in grounds:
        ground = make()
        for setting, found in try_all(name, ground, read(ground, encoder, seed), seed).items():
            every.setdefault(setting, []).append(found)
    return {setting: tuple(np.mean(rows, axis=0)) for setting, rows in every.items()}


def tell(what: str, found: Figures) -> None:
    """Print a line of figures."""
    tile, cell, precision = found
    print(f"{what}: tile AUROC {tile:.3f}, cell AUROC {cell:.3f}, cell AP {precision:.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
