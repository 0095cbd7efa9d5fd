"""This module plays a public data set's test part through the real line and measures the result.

Maps count inside the web only, and flaws off the web are reported separately; a tile of 256 px is positive if it holds
at least one true pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from model.errors import ModelError
from model.scorer import TILE_PX, TileScorer
from station.contract import Event, LookView, StripView
from station.display_score import AT_THRESHOLD
from station.evaluation import metrics
from station.evaluation.at_threshold import AtThreshold, Box
from station.evaluation.datasets.dataset import Sample, read_truth
from station.evaluation.datasets.pictures import Picture, PicturesCamera
from station.line.heat_map import HeatMap
from station.playback import Piece, Playback, play
from station.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class JudgedImage:
    """This is what the line found in one image, beside its truth.

    Attributes:
        anomaly_map: float32 ``[lines, width]`` display scores, or raw ones where these were asked for; 0 off the web.
        web, truth: bool ``[lines, width]``: where the web is, and what is flawed.
        rejects: boxes of the defects the recipe does not let pass, without those of the mirror image beside a narrower
            picture.
    """

    sample: Sample
    anomaly_map: NDArray[np.float32]
    web: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    rejects: tuple[Box, ...]

    @property
    def score(self) -> float:
        """Give the highest score of the map."""
        return float(self.anomaly_map.max(initial=0.0))

    @property
    def located(self) -> bool:
        """Say whether the image is rejected and some of the truth is above the threshold."""
        return bool(self.rejects) and bool((self.anomaly_map[self.truth] >= AT_THRESHOLD).any())

    @property
    def true_px(self) -> int:
        """Give the number of flawed pixels."""
        return int(self.truth.sum())

    @property
    def true_px_off_web(self) -> int:
        """Give the number of flawed pixels off the web, which no pixel figure counts."""
        return int((self.truth & ~self.web).sum())

    @property
    def flaws_off_web(self) -> int:
        """Count the regions of flawed pixels, joined also across corners, wholly off the web."""
        labels, flaws = ndimage.label(self.truth, structure=np.ones((3, 3)))
        return int(flaws - np.count_nonzero(np.unique(labels[self.web])))


ImageSink = Callable[[JudgedImage], None]


def judge(
    samples: list[Sample],
    scorer: TileScorer,
    recipe: Recipe,
    *,
    on_image: ImageSink | None = None,
    white: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, float | None], Playback]:
    """Play the test images through the line, then measure.

    Args:
        samples: samples of a data set as read, so that their masks fit.
        on_image: receives each image, one after the other; nothing full-size is kept.
        white: the white level of 16-bit images, as the data set says.
        progress: gets how many images were begun, and of how many.

    Returns:
        The figures of :meth:`Tally.figures`, and the line's results for each piece.

    Raises:
        CameraError: an image cannot be read.
        ModelError: a mask cannot be read.
    """
    tally = Tally()

    def take(image: JudgedImage) -> None:
        tally.add(image)
        if on_image is not None:
            on_image(image)

    playback = play_samples(samples, scorer, recipe, take, white=white, progress=progress)
    return tally.figures(), playback


def play_samples(
    samples: list[Sample],
    scorer: TileScorer,
    recipe: Recipe,
    on_image: ImageSink,
    *,
    raw: bool = False,
    white: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Playback:
    """Play the images through the line and hand on the result of each; arguments as of :func:`judge`.

    Args:
        raw: maps hold raw scores, as they must where the recipe decides nothing; otherwise display scores.
    """
    camera = PicturesCamera([sample.path for sample in samples], white=white)
    by_path = {sample.path: sample for sample in samples}
    heat = _Heat(len(samples), progress, raw=raw)
    playback = play(camera, scorer, recipe, on_event=heat.take)
    for picture in camera.pictures:
        sample = by_path[picture.path]
        anomaly_map, web = heat.full_size(picture)
        truth = np.zeros(web.shape, np.bool_) if sample.is_good else read_truth(sample)
        on_image(
            JudgedImage(sample, anomaly_map, web, truth, _rejects(playback.pieces[picture.name], picture.width_px))
        )
    return playback


def _rejects(piece: Piece, width_px: int) -> tuple[Box, ...]:
    origin = piece.first_line
    return tuple(
        Box(defect.first_line - origin, defect.end_line - origin, defect.first_px, defect.end_px)
        for defect in piece.defects
        if defect.is_reject and defect.first_px < width_px
    )


class Tally:
    """The tally gathers judged images, then says how good the maps are."""

    def __init__(self) -> None:
        self._pixels = metrics.PixelScores()
        self._tiles: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
        self._flawed: list[bool] = []
        self._scores: list[float] = []
        self._rejected: list[bool] = []
        self._located: list[bool] = []
        self._at_threshold = AtThreshold()
        self._true_px = 0
        self._true_px_off_web = 0
        self._flaws_off_web = 0

    def add(self, image: JudgedImage) -> None:
        """Take one image."""
        self._pixels.add(image.truth, image.anomaly_map, image.web)
        self._tiles.append(tiles(image.anomaly_map, image.truth, image.web))
        self._flawed.append(not image.sample.is_good)
        self._scores.append(image.score)
        self._rejected.append(bool(image.rejects))
        self._at_threshold.add(image.sample.is_good, image.truth, image.rejects)
        self._located.append(image.located)
        self._true_px += image.true_px
        self._true_px_off_web += image.true_px_off_web
        self._flaws_off_web += image.flaws_off_web

    def figures(self) -> dict[str, float | None]:
        """Return image, tile and pixel figures; None where the data set has only one class."""
        flawed, rejected = np.array(self._flawed, np.bool_), np.array(self._rejected, np.bool_)
        tile_scores = np.concatenate([scores for scores, _ in self._tiles])
        tile_truths = np.concatenate([truths for _, truths in self._tiles])
        return {
            "image_auroc": if_possible(lambda: metrics.auroc(flawed, self._scores)),
            "image_f1max": if_possible(lambda: metrics.f1_max(flawed, self._scores)[0]),
            "tile_auroc": if_possible(lambda: metrics.auroc(tile_truths, tile_scores)),
            "pixel_auroc": if_possible(self._pixels.auroc),
            "pixel_ap": if_possible(self._pixels.average_precision),
            "aupro": if_possible(self._pixels.aupro),
            "detection_rate": share(rejected[flawed]),
            "located_rate": share(np.array(self._located, np.bool_)[flawed]),
            "false_alarm_rate": share(rejected[~flawed]),
            "true_px_off_web_share": self._true_px_off_web / self._true_px if self._true_px else None,
            "flaws_off_web": self._flaws_off_web,
            **self._at_threshold.counts(),
        }


class _Heat:
    """This keeps the maps of the images that the line is at."""

    def __init__(self, images: int, progress: Callable[[int, int], None] | None, *, raw: bool) -> None:
        self._images = images
        self._progress = progress
        self._raw = raw
        self._maps: dict[str, HeatMap] = {}

    def take(self, event: Event) -> None:
        if not isinstance(event, StripView | LookView):
            return
        name = event.piece or ""
        if name not in self._maps and self._progress is not None:
            self._progress(len(self._maps) + 1, self._images)
        self._maps.setdefault(name, HeatMap(raw=self._raw)).take(event)

    def full_size(self, picture: Picture) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        anomaly_map, web = self._maps.pop(picture.name).full_size()
        return anomaly_map[:, : picture.width_px], web[:, : picture.width_px]


def if_possible(metric: Callable[[], float]) -> float | None:
    """Return the figure, None where there is none because only one class is present."""
    try:
        return metric()
    except ModelError:
        return None


def tiles(
    anomaly_map: NDArray[np.float32], truth: NDArray[np.bool_], web: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return highest score and truth of each 256 px tile; tiles off the web are left out."""
    scores: list[float] = []
    positive: list[bool] = []
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
    """Return the share of True, None if there are no flags."""
    return float(flags.mean()) if flags.size else None
