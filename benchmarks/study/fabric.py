"""This module reads a fabric once through the real line, tiles and features, and judges any method's maps of it.

Every method sees exactly the same standardised features; the line cuts the tiles, finds the web and blends the maps, as
it does in production.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.study.measure import Judged, Tally, judged_image
from model.encoder import Encoder
from model.mfrnet import MFRNet, MFRNetConfig, blank, measure_of
from model.runtime import FeatureReader
from model.scorer import CELL_PX, TILE_PX, TileScorer
from model.time_budget import TimeBudget
from model.training import calibrate, learn, read_cloth, training_threads
from station.contract import Event, StripView
from station.evaluation.datasets.dataset import Sample
from station.evaluation.datasets.mvtec import read_mvtec
from station.evaluation.datasets.pictures import PicturesCamera
from station.evaluation.measure import JudgedImage, play_samples
from station.playback import play
from station.recipe import NO_DECISION, Recipe
from station.teaching.sampling import TEACHING_BLOCK_LINES, Section, TileCollector
from station.teaching.sensitivity_finder import SensitivityFinder

UNHURRIED_MINUTES = 600.0
BATCH = 16
CELLS = TILE_PX // CELL_PX
RECIPE = Recipe(fabric="study", version=1, model_sha256="0" * 64, encoder="study", threshold=NO_DECISION)
"""Figures of merit need no threshold."""


@dataclass(frozen=True, eq=False)
class Fabric:
    """This is one fabric, read with one encoder.

    Attributes:
        network: untaught, with the aggregator and the standardisation that made the features.
        train, held: float ``[T, D, 32, 32]``, features of good cloth, in several views of each tile.
        features: float32 ``[N, D, 32, 32]``, of all tiles of the test images and of the good cloth held out.
        tiles: uint8 ``[N, 256, 256]`` or ``[N, 256, 256, 3]``, the tiles themselves.
        places: where among them a tile lies, by its digest.
        good: images of good cloth, of which every fourth is held out, as in teach-in.
        samples: the test images.
    """

    name: str
    network: MFRNet
    train: Tensor
    held: Tensor
    features: Tensor
    tiles: NDArray[np.uint8]
    places: dict[bytes, int]
    good: list[Path]
    samples: list[Sample]
    white: int

    def judge(self, maps: NDArray[np.float32]) -> Tally:
        """Judge each test image by maps ``[N, 64, 64]`` of the tiles, with the sensitivity found on good cloth."""
        judged: list[Judged] = []
        scorer = Recalled(self.places, maps)
        finder = SensitivityFinder()

        def look(event: Event) -> None:
            if isinstance(event, StripView):
                finder.take(event)

        def take(image: JudgedImage) -> None:
            flawed = not image.sample.is_good
            judged.append(judged_image(image.anomaly_map, image.truth, image.web, flawed=flawed))

        play(Section(good_cloth(self.good, self.white), held_out=True), scorer, RECIPE, on_event=look)
        recipe = RECIPE.model_copy(update={"sensitivity": finder.found()})
        play_samples(self.samples, scorer, recipe, take, raw=True, white=self.white)
        return Tally.of(judged)


def good_cloth(paths: list[Path], white: int) -> PicturesCamera:
    """Return good cloth in blocks as teach-in divides it."""
    return PicturesCamera(paths, block_lines=TEACHING_BLOCK_LINES, white=white)


class Recalled(TileScorer):
    """This scorer knows the tiles already."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def __init__(self, places: dict[bytes, int], maps: NDArray[np.float32]) -> None:
        self._places = places
        self._maps = maps

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the maps made before, float32 ``[N, 64, 64]``."""
        return self._maps[[self._places[_digest(tile)] for tile in tiles]]


def read_fabric(folder: Path, encoder: Encoder, config: MFRNetConfig | None = None, seed: int = 0) -> Fabric:
    """Read a fabric in MVTec layout.

    Args:
        config: of the network to be taught; ``scales`` and ``channels`` shape the features.

    Raises:
        ModelError, CameraError: the folder is not laid out like MVTec AD, or an image cannot be read.
    """
    dataset = read_mvtec(folder)
    good = [sample.path for sample in dataset.train]
    collector, seen = TileCollector(seed), _Seen()
    play(Section(good_cloth(good, dataset.white), held_out=False), collector, RECIPE)
    play(Section(good_cloth(good, dataset.white), held_out=True), seen, RECIPE)
    play(PicturesCamera([sample.path for sample in dataset.test], white=dataset.white), seen, RECIPE)
    network = blank(config or MFRNetConfig(), encoder, seed)
    budget = TimeBudget(UNHURRIED_MINUTES, None, None)
    generator = torch.Generator().manual_seed(seed)
    train, held = read_cloth(network, np.stack(collector.tiles), generator, budget)
    tiles = np.stack(seen.tiles)
    features = _features(network, tiles)
    return Fabric(folder.name, network, train, held, features, tiles, seen.places, good, dataset.test, dataset.white)


class _Seen(TileScorer):
    """This scorer keeps each tile once."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def __init__(self) -> None:
        self.tiles: list[NDArray[np.uint8]] = []
        self.places: dict[bytes, int] = {}

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        for tile in tiles:
            if self.places.setdefault(_digest(tile), len(self.tiles)) == len(self.tiles):
                self.tiles.append(tile.copy())
        return np.zeros((len(tiles), CELLS, CELLS), np.float32)


def _features(network: MFRNet, tiles: NDArray[np.uint8]) -> Tensor:
    reader = FeatureReader(network)
    try:
        return reader.read(tiles)
    finally:
        reader.close()


def _digest(tile: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(tile.tobytes(), digest_size=16).digest()


def taught(fabric: Fabric, seed: int, **config: Any) -> MFRNet:
    """Return an MFRNet taught on the fabric's features.

    Args:
        config: settings of :class:`model.mfrnet.MFRNetConfig` that leave the features as they are.
    """
    settings = fabric.network.config.model_dump() | config
    network = blank(MFRNetConfig(**settings), fabric.network.encoder, seed)
    network.aggregator.load_state_dict(fabric.network.aggregator.state_dict())
    network.centre.copy_(fabric.network.centre)
    network.deviation.copy_(fabric.network.deviation)
    generator = torch.Generator().manual_seed(seed)
    with training_threads():
        learn(network, fabric.train, fabric.held, generator, TimeBudget(UNHURRIED_MINUTES, None, None))
    return network


def rescored(network: MFRNet, fabric: Fabric, **config: Any) -> MFRNet:
    """Return the same restoration under another measure, by settings of :class:`model.mfrnet.MFRNetConfig`."""
    made = copy.copy(network)
    made._modules = dict(network._modules)
    made.config = network.config.model_copy(update=config)
    made.measure = measure_of(made.config, fabric.held.shape[1])
    with training_threads():
        calibrate(made, fabric.held, TimeBudget(UNHURRIED_MINUTES, None, None))
    return made


def maps_by(network: MFRNet, fabric: Fabric) -> NDArray[np.float32]:
    """Return maps ``[N, 64, 64]`` of the fabric's tiles."""
    with training_threads(), torch.inference_mode():
        grids = [network.measure(part, network.restore(part)) for part in torch.split(fabric.features, BATCH)]
    return finer(torch.cat(grids)[:, 0])


def finer(grid: Tensor) -> NDArray[np.float32]:
    """Refine ``[N, 32, 32]`` to float32 ``[N, 64, 64]``, as MFRNet brings its grid to the cells of the map."""
    size: Callable[..., Tensor] = torch.nn.functional.interpolate
    made: NDArray[np.float32] = size(grid[:, None].float(), scale_factor=2, mode="bilinear")[:, 0].numpy()
    return made
