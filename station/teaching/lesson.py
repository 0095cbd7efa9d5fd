"""Teach-in: good cloth through the real line -> model + threshold -> a new recipe version.

The cloth is dealt into blocks; most teach, every fourth is held back.  The line runs over the first with a collector in
the model's place, which keeps tiles, and over the second with the taught model, whose scores set the threshold.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EncoderReading, LineBlock
from model import checkpoint
from model.encoder import Encoder
from model.mfrnet import TILE_PX, MFRNet
from model.runtime import Runtime
from model.training import Progress, fit
from station.control import Event, RowJudged, StationError, StripView
from station.line.inference import TileScorer
from station.playback import play
from station.quality.edges import EdgeProfile
from station.quality.tuning import MIN_PATCHES, TailFit, fit_tail, patches_per_100_m
from station.recipe import Recipe
from station.records.models import keep_model
from station.records.store import Store

HOLD_BACK_EVERY = 4
TEACHING_BLOCK_LINES = TILE_PX
MAX_TILES = 1500
FALSE_ALARM_BUDGET_PER_100_M = 1.0
NO_SCALE_EXCEEDANCE = 1e-3
"""Without a scale there are no metres to budget: one patch of good cloth in a thousand may exceed the threshold."""
READING_SHARE = 0.25
"""Of the time given: reading cloth ends then, and what was read must do."""
RESERVED_SHARE = 0.2
MARGIN_SHARE = 0.9
LEAST_RESERVED_S = 10.0
"""Left after training: for compiling the model and scoring what is held back."""

ProgressSink = Callable[[Progress], None]


@dataclass(frozen=True)
class Lesson:
    """What teach-in made.

    Attributes:
        recipe: the recipe version as stored.
        tiles: tiles the model was taught on.
        seconds: all in.
        held_back_patches: patches of good cloth the threshold was set on.
        extrapolation: patches between two predicted false alarms, over the patches seen; above 1 the threshold is
            extrapolated that many times beyond the cloth seen.
    """

    recipe: Recipe
    tiles: int
    seconds: float
    held_back_patches: int
    extrapolation: float


class Section:
    """A camera that shows only part of another's cloth: the blocks that teach, or those held back.

    Every ``HOLD_BACK_EVERY``-th block is held back; blocks shorter than half a tile are shown to neither, since they
    would be mostly mirror image.
    """

    def __init__(self, camera: Camera, *, held_back: bool) -> None:
        self._camera = camera
        self._held_back = held_back
        self._blocks = 0
        self.camera_id = camera.camera_id
        self.width_px = camera.width_px
        self.channels = camera.channels
        self.waits = camera.waits

    def start(self) -> None:
        """As the camera."""
        self._camera.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """The camera's next block, None where it belongs to the other part."""
        block = self._camera.read(timeout_s)
        if block is None or block.lines < TILE_PX // 2:
            return None
        self._blocks += 1
        return block if (self._blocks % HOLD_BACK_EVERY == 0) is self._held_back else None

    def encoder(self) -> EncoderReading:
        """As the camera."""
        return self._camera.encoder()

    def stop(self) -> None:
        """As the camera."""
        self._camera.stop()


class TileCollector:
    """Stands in the model's place and keeps tiles; of long cloth an even sample (reservoir), so memory is bounded."""

    tile_px = TILE_PX
    cell_px = 4

    def __init__(self, seed: int, limit: int = MAX_TILES) -> None:
        self._random = np.random.default_rng(seed)
        self._limit = limit
        self._seen = 0
        self.tiles: list[NDArray[np.uint8]] = []

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Keep tiles, uint8 ``[N, 256, 256]`` or ``[N, 256, 256, 3]``; their scores are 0."""
        for tile in tiles:
            self._seen += 1
            if len(self.tiles) < self._limit:
                self.tiles.append(tile.copy())
            elif (place := int(self._random.integers(self._seen))) < self._limit:
                self.tiles[place] = tile.copy()
        side = self.tile_px // self.cell_px
        return np.zeros((len(tiles), side, side), np.float32)


def teach(
    fabric: str,
    open_cloth: Callable[[], Camera],
    encoder: Encoder,
    store: Store,
    *,
    mm_per_px: float | None = None,
    minutes: float = 5.0,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    by: str = "station",
    progress: ProgressSink | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Lesson, MFRNet]:
    """Teach ``fabric`` and store model and recipe.

    Args:
        open_cloth: opens the good cloth as a finite camera, anew for each of the two runs; its blocks (of
            ``TEACHING_BLOCK_LINES`` where it can be told) are what is dealt.
        minutes: bounds everything, all in.  Where cloth is long, as much is read as the time allows.

    Raises:
        CameraError: the cloth cannot be read.
        StationError: there is too little cloth.
        ModelError, TeachingCancelled: from the model's training.
    """
    started = time.monotonic()
    seconds = minutes * 60

    def late(share: float) -> bool:
        return time.monotonic() - started > share * seconds or (cancelled is not None and cancelled())

    draft = Recipe(
        fabric=fabric, version=1, model_sha256="0" * 64, encoder=encoder.name, threshold=1.0, mm_per_px=mm_per_px
    )
    collector = TileCollector(seed)
    play(Section(open_cloth(), held_back=False), collector, draft, cancelled=lambda: late(READING_SHARE))
    if not collector.tiles:
        raise StationError(
            f"No cloth was found in the pictures to teach on; they must show the web, {TILE_PX // 2} lines or more."
        )
    left = seconds - (time.monotonic() - started) - max(LEAST_RESERVED_S, RESERVED_SHARE * seconds)
    network = fit(
        np.stack(collector.tiles),
        encoder,
        minutes=max(left, READING_SHARE * seconds) / 60,
        seed=seed,
        progress=progress,
        cancelled=cancelled,
    )
    runtime = Runtime(network, device=device, precision=precision)
    try:
        draft = with_edge_margin(draft, Section(open_cloth(), held_back=True), runtime, lambda: late(MARGIN_SHARE))
        tail, web_px = held_back_tail(Section(open_cloth(), held_back=True), runtime, draft, lambda: late(1.0))
    finally:
        runtime.close()
    threshold, predicted, probability = choose_threshold(tail, mm_per_px, web_px, draft.overlap_px)
    facts: dict[str, str | int | float] = {
        "fabric": fabric,
        "seed": seed,
        "tiles": len(collector.tiles),
        "held_back_patches": tail.patches,
        "threshold": threshold,
        "precision": runtime.precision,
    }
    sha256 = store_model(network, store, facts)
    recipe = store.save_recipe(
        draft.model_copy(
            update={
                "model_sha256": sha256,
                "threshold": threshold,
                "predicted_false_alarms_per_100_m": predicted,
            }
        ),
        by,
        "teach-in",
    )
    lesson = Lesson(
        recipe=recipe,
        tiles=len(collector.tiles),
        seconds=time.monotonic() - started,
        held_back_patches=tail.patches,
        extrapolation=1.0 / (probability * tail.patches),
    )
    return lesson, network


def with_edge_margin(recipe: Recipe, camera: Camera, scorer: TileScorer, late: Callable[[], bool]) -> Recipe:
    """The recipe with a margin as wide as good cloth beside the web's edges scores unlike the rest of it."""
    profile = EdgeProfile()
    play(
        camera,
        scorer,
        recipe,
        on_event=lambda event: profile.take(event) if isinstance(event, StripView) else None,
        cancelled=late,
    )
    return recipe.model_copy(update={"edge_margin_mm": profile.margin_px() * recipe.scale})


def held_back_tail(
    camera: Camera, scorer: TileScorer, recipe: Recipe, late: Callable[[], bool]
) -> tuple[TailFit, float]:
    """Tail of the scores of held-back good cloth, and the mean web width in px; judged until it is ``late``.

    Raises:
        StationError: too few patches were held back, or judged in time.
    """
    widths: list[int] = []
    rows = play(camera, scorer, recipe, on_event=lambda event: _note_width(event, widths), cancelled=late).rows
    peaks = patch_peaks(rows)
    if peaks.size < MIN_PATCHES and late():
        raise StationError("The time was over before held-back cloth could set the threshold; give more minutes.")
    if peaks.size < MIN_PATCHES:
        raise StationError(
            f"Too little cloth: {peaks.size} patches could be held back to set the threshold, at least {MIN_PATCHES} "
            f"are needed; give about {HOLD_BACK_EVERY * MIN_PATCHES} tiles of 256 px or more of good cloth."
        )
    return fit_tail(peaks), float(np.mean(widths))


def patch_peaks(rows: list[RowJudged]) -> NDArray[np.float32]:
    """Peaks of whole patches, float32 ``[patches]``: the short end of a run counts with the row before it."""
    whole: list[NDArray[np.float32]] = []
    end_line = -1
    for row in rows:
        goes_on = row.first_line == end_line and row.end_line - row.first_line < TILE_PX // 2
        if goes_on and whole[-1].size == row.peaks.size:
            whole[-1] = np.maximum(whole[-1], row.peaks)
        else:
            whole.append(row.peaks)
        end_line = row.end_line
    return np.concatenate(whole) if whole else np.empty(0, np.float32)


def choose_threshold(
    tail: TailFit, mm_per_px: float | None, web_px: float, overlap_px: int, tile_px: int = 256
) -> tuple[float, float | None, float]:
    """Threshold for the false-alarm budget.

    Returns:
        the raw score; predicted false alarms per 100 m at the web's width (None without a scale); and the
        probability, per patch, that good cloth exceeds the score.
    """
    if mm_per_px is None:
        threshold = tail.score_at(NO_SCALE_EXCEEDANCE)
        return threshold, None, tail.exceedance(threshold)
    patches = patches_per_100_m(web_px * mm_per_px, tile_px * mm_per_px, (tile_px - overlap_px) * mm_per_px)
    threshold = tail.score_at(FALSE_ALARM_BUDGET_PER_100_M / patches)
    probability = tail.exceedance(threshold)
    return threshold, probability * patches, probability


def store_model(network: MFRNet, store: Store, facts: dict[str, str | int | float]) -> str:
    """Put the model under the home folder by its hash; returns the SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        checkpoint.save(network, file, facts)
        return keep_model(store, file, facts)


def _note_width(event: Event, widths: list[int]) -> None:
    if isinstance(event, StripView) and event.right_px > event.left_px:
        widths.append(event.right_px - event.left_px)
