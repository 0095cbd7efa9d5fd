"""A public data set through the real line: taught on its good part, judged on its test part, measured.

Maps are judged inside the web only; a tile of 256 px is positive if it holds at least one true pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.replay import ReplayCamera
from model import metrics
from model.datasets import Sample
from model.errors import ModelError
from station.line.inference import TileScorer
from station.playback import Playback, play
from station.recipe import Recipe

TILE_PX = 256


class Judgement:
    """Collects maps and truth of the test images, then says how good the maps are.

    Args:
        samples: by the name of their piece of cloth.
    """

    def __init__(self, samples: dict[str, Sample]) -> None:
        self._samples = samples
        self.maps: dict[str, NDArray[np.float32]] = {}
        self._webs: dict[str, NDArray[np.bool_]] = {}

    def take(self, name: str, anomaly_map: NDArray[np.float32], web: NDArray[np.bool_]) -> None:
        """One image's full-size map, float32 ``[lines, width]``, and where the web is."""
        self.maps[name] = anomaly_map
        self._webs[name] = web

    def figures(self, playback: Playback) -> dict[str, float | None]:
        """Image, tile and pixel figures; None where the data set has only one class."""
        names = list(self.maps)
        maps = [self.maps[name] for name in names]
        truths = [true_mask(self._samples[name], self.maps[name].shape) for name in names]
        webs = [self._webs[name] for name in names]
        defective = np.array([not self._samples[name].is_good for name in names])
        image_scores = np.array([float(anomaly_map.max()) for anomaly_map in maps])
        tile_scores, tile_truths = tiles(maps, truths, webs)
        rejected = np.array([playback.pieces[name].rejects > 0 for name in names])
        return {
            "image_auroc": _if_possible(lambda: metrics.auroc(defective, image_scores)),
            "image_f1max": _if_possible(lambda: metrics.f1_max(defective, image_scores)[0]),
            "tile_auroc": _if_possible(lambda: metrics.auroc(tile_truths, tile_scores)),
            "pixel_auroc": _if_possible(lambda: metrics.pixel_auroc(truths, maps, webs)),
            "pixel_ap": _if_possible(lambda: metrics.pixel_average_precision(truths, maps, webs)),
            "aupro": _if_possible(lambda: metrics.aupro(truths, maps, webs)),
            "detection_rate": share(rejected[defective]),
            "false_alarm_rate": share(rejected[~defective]),
        }


def _if_possible(metric: Callable[[], float]) -> float | None:
    try:
        return metric()
    except ModelError:
        return None


def judge(samples: list[Sample], scorer: TileScorer, recipe: Recipe) -> tuple[dict[str, float | None], Playback]:
    """Play the test images through the line and measure.

    Raises:
        CameraError: an image cannot be read.
        ModelError: a mask cannot be read or does not fit its image.
    """
    camera = ReplayCamera([sample.path for sample in samples])
    by_path = {sample.path: sample for sample in samples}
    judgement = Judgement({piece.name: by_path[piece.path] for piece in camera.pieces})
    playback = play(camera, scorer, recipe, on_map=judgement.take)
    return judgement.figures(playback), playback


def true_mask(sample: Sample, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The truth of one image, bool ``[lines, width]``.  Raises ModelError if the mask is unreadable or does not fit."""
    if sample.mask is None:
        return np.zeros(shape, np.bool_)
    mask = cv2.imdecode(np.fromfile(sample.mask, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ModelError(f"Mask {sample.mask} cannot be read as an image.")
    if mask.shape != shape:
        raise ModelError(f"Mask {sample.mask} is {mask.shape}, its image {shape} (lines, px); they must agree.")
    return mask > 127


def tiles(
    maps: list[NDArray[np.float32]], truths: list[NDArray[np.bool_]], webs: list[NDArray[np.bool_]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Highest score and truth of each 256 px tile; tiles off the web are left out."""
    scores: list[float] = []
    positive: list[bool] = []
    for anomaly_map, truth, web in zip(maps, truths, webs, strict=True):
        lines, width = anomaly_map.shape
        for top in range(0, lines, TILE_PX):
            for left in range(0, width, TILE_PX):
                part = np.s_[top : top + TILE_PX, left : left + TILE_PX]
                if not web[part].any():
                    continue
                scores.append(float(anomaly_map[part].max()))
                positive.append(bool(truth[part].any()))
    return np.array(scores), np.array(positive, dtype=np.bool_)


def share(flags: NDArray[np.bool_]) -> float | None:
    """Share of True, None of nothing."""
    return float(flags.mean()) if flags.size else None
