"""A public data set through the real line: taught on its good part, judged on its test part, measured.

Maps are judged inside the web only; a tile of 256 px is positive if it holds at least one true pixel.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.replay import ReplayCamera
from model import metrics
from model.datasets import Dataset, Sample
from model.errors import ModelError
from station.line.inference import TileScorer
from station.playback import Playback, play
from station.recipe import Recipe

TILE_PX = 256
DISPLAY_THRESHOLD = 0.5


class Judgement:
    """Collects maps and truth of the test images, then says how good they are."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = {str(sample.image): sample for sample in samples}
        self.maps: dict[str, NDArray[np.float32]] = {}
        self.truths: dict[str, NDArray[np.bool_]] = {}

    def take(self, name: str, anomaly_map: NDArray[np.float32]) -> None:
        """One image's full-size map (0 off the web)."""
        self.maps[name] = anomaly_map.astype(np.float16)
        self.truths[name] = true_mask(self._samples[name], anomaly_map.shape)

    def figures(self, playback: Playback) -> dict[str, float | None]:
        """Image, tile and pixel figures."""
        names = list(self.maps)
        maps = [self.maps[name].astype(np.float32) for name in names]
        truths = [self.truths[name] for name in names]
        webs = [anomaly_map > 0 for anomaly_map in maps]
        defective = np.array([self._samples[name].defective for name in names])
        image_scores = np.array([float(anomaly_map.max()) for anomaly_map in maps])
        tile_scores, tile_truths = tiles(maps, truths, webs)
        rejected = np.array([playback.pieces[name].rejects > 0 for name in names])
        return {
            "image_auroc": metrics.auroc(image_scores, defective),
            "image_f1max": metrics.f1_max(image_scores, defective),
            "tile_auroc": metrics.auroc(tile_scores, tile_truths),
            "pixel_auroc": metrics.pixel_auroc(maps, truths, webs),
            "pixel_ap": metrics.pixel_ap(maps, truths, webs),
            "aupro": metrics.aupro(maps, truths, webs),
            "detection_rate": share(rejected[defective]),
            "false_alarm_rate": share(rejected[~defective]),
        }


def judge(
    samples: list[Sample], folder: Path, scorer: TileScorer, recipe: Recipe
) -> tuple[dict[str, float | None], Playback]:
    """Play the test images through the line and measure.  ``folder`` is the root the samples' paths count from."""
    judgement = Judgement(samples)
    camera = ReplayCamera([sample.path for sample in samples], root=folder)
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
    """Highest score and truth of each 256 px tile; tiles less than half on the web are left out."""
    scores: list[float] = []
    positive: list[bool] = []
    for anomaly_map, truth, web in zip(maps, truths, webs, strict=True):
        lines, width = anomaly_map.shape
        for top in range(0, lines, TILE_PX):
            for left in range(0, width, TILE_PX):
                part = np.s_[top : top + TILE_PX, left : left + TILE_PX]
                if web[part].mean() < 0.5:
                    continue
                scores.append(float(anomaly_map[part].max()))
                positive.append(bool((truth[part] & web[part]).any()))
    return np.array(scores), np.array(positive, dtype=np.bool_)


def share(flags: NDArray[np.bool_]) -> float | None:
    """Share of True, None of nothing."""
    return float(flags.mean()) if flags.size else None


__all__ = ["Dataset", "Judgement", "judge", "share", "tiles", "true_mask"]
