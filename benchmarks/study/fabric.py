"""A fabric read once through the real line: its tiles, their features, and the judging of any method's maps.

Every method sees the very same standardised features; the line cuts the tiles, finds the web and blends the maps, as it
does in production.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.study.measure import Judged, judged_image
from drivers.replay import ReplayCamera
from model.encoder import Encoder
from model.mfrnet import CELL_PX, TILE_PX, MFRNet, MFRNetConfig, blank
from model.pacing import Clock
from model.runtime import FeatureReader
from model.training import read_cloth
from station.datasets.dataset import Sample
from station.datasets.mvtec import read_mvtec
from station.evaluation import true_mask
from station.line.inference import TileScorer
from station.playback import play
from station.recipe import Recipe
from station.teaching import TileCollector

UNHURRIED_MINUTES = 600.0
CELLS = TILE_PX // CELL_PX


@dataclass(frozen=True, eq=False)
class Fabric:
    """One fabric, read with one encoder.

    Attributes:
        network: untaught, with the aggregator and the standardisation that made the features.
        train, held: float ``[T, D, 32, 32]``, features of good cloth, in several views of each tile.
        test: float32 ``[N, D, 32, 32]``, features of all tiles of the test images.
        places: where in ``test`` a tile lies, by its digest.
        samples: the test images, by the name of their piece of cloth.
    """

    name: str
    network: MFRNet
    train: Tensor
    held: Tensor
    test: Tensor
    places: dict[bytes, int]
    samples: dict[str, Sample]

    def judge(self, maps: NDArray[np.float32]) -> list[Judged]:
        """What maps ``[N, 64, 64]`` of the test tiles say of each test image, in name order."""
        judged: list[Judged] = []

        def take(name: str, full: NDArray[np.float32], web: NDArray[np.bool_]) -> None:
            sample = self.samples[name]
            judged.append(judged_image(full, true_mask(sample, full.shape), web, flawed=not sample.is_good))

        play(_camera(list(self.samples.values())), Recalled(self.places, maps), _recipe(maps), on_map=take)
        return judged


class Recalled:
    """A scorer that knows the tiles already."""

    tile_px = TILE_PX
    cell_px = CELL_PX

    def __init__(self, places: dict[bytes, int], maps: NDArray[np.float32]) -> None:
        self._places, self._maps = places, maps

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The maps made before, float32 ``[N, 64, 64]``."""
        return self._maps[[self._places[_digest(tile)] for tile in tiles]]


def read_fabric(folder: Path, encoder: Encoder, config: MFRNetConfig | None = None, seed: int = 0) -> Fabric:
    """Read a fabric in MVTec layout.

    Args:
        config: of the network to be taught; ``scales`` and ``channels`` shape the features.

    Raises:
        ModelError, CameraError: the folder is not laid out like MVTec AD, or an image cannot be read.
    """
    dataset = read_mvtec(folder)
    collector = TileCollector(seed)
    _run([sample.path for sample in dataset.train], collector)
    seen = _Seen()
    _run([sample.path for sample in dataset.test], seen)
    network = blank(config or MFRNetConfig(), encoder, seed)
    clock = Clock(UNHURRIED_MINUTES, None, None)
    generator = torch.Generator().manual_seed(seed)
    train, held = read_cloth(network, np.stack(collector.tiles), generator, clock)
    test = _features(network, np.stack(seen.tiles))
    camera = _camera(dataset.test)
    by_path = {sample.path: sample for sample in dataset.test}
    samples = {piece.name: by_path[piece.path] for piece in camera.pieces}
    return Fabric(folder.name, network, train, held, test, seen.places, samples)


class _Seen:
    """Keeps each tile once."""

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


def _run(paths: list[Path], scorer: TileScorer) -> None:
    play(ReplayCamera(paths), scorer, _recipe(np.ones(1, np.float32)))


def _camera(samples: list[Sample]) -> ReplayCamera:
    return ReplayCamera([sample.path for sample in samples])


def _recipe(maps: NDArray[np.float32]) -> Recipe:
    """Its threshold only scales the maps, and is high so that the line need not follow thousands of regions."""
    return Recipe(
        fabric="study", version=1, model_sha256="0" * 64, encoder="study", threshold=max(1e-6, float(maps.max()))
    )


def _digest(tile: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(tile.tobytes(), digest_size=16).digest()


def finer(grid: Tensor) -> NDArray[np.float32]:
    """``[N, 32, 32]`` -> float32 ``[N, 64, 64]``, as MFRNet brings its grid to the cells of the map."""
    size: Callable[..., Tensor] = torch.nn.functional.interpolate
    fine = size(grid[:, None].float(), scale_factor=2, mode="bilinear", align_corners=False)
    made: NDArray[np.float32] = fine[:, 0].cpu().numpy()
    return made
