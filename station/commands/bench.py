"""This module measures how fast this machine is: the whole line compared with the model alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from model.encoder import load_encoder
from model.mfrnet import MFRNet, MFRNetConfig, blank
from model.runtime import Runtime
from model.scorer import TileScorer
from station import demo
from station.contract import Event, StationError
from station.line.inspection import Inspection
from station.line.scoring.inference import BATCH_TILES
from station.recipe import Recipe

CLOTH_M = 4.0
PATIENCE_S = 60.0
"""The bench waits this much longer if the first call takes longer than it should."""

KEPT_CALLS = 16
"""This many calls of the line are kept and played back to the model alone."""

Tiles = NDArray[np.uint8]


@dataclass(frozen=True)
class Pace:
    """A pace holds tiles per second, processor time per tile over all threads, and the number of defects reported."""

    rate: float
    cpu_ms: float
    defects: int = 0


def bench(
    seconds: float, pairs: int, seed: int, device: str, encoder: str = "light", weights: Path | None = None
) -> dict[str, object]:
    """Compare the line with the model alone, in interleaved pairs on pre-rendered cloth with flaws in memory.

    Both judge the same tiles in calls of the same size: those of the line are kept and played back to the model.  They
    take turns in going first.  ``light`` is the shipped demo model; other encoders run untaught, as the model's speed
    does not depend on what was learnt, and find nothing.

    Args:
        seconds: duration of one pair.

    Returns:
        rates as medians over the pairs; ``overhead``, the share of the model's rate alone that the line loses, as
        median, lowest and highest of the pairs; processor time per tile, which a busy machine disturbs least;
        ``defects`` that the line reported in all pairs.

    Raises:
        ModelError: the device or the encoder's weights are missing.
        StationError: the machine is so slow that no tile was judged in time.
    """
    network, recipe = _network(encoder, weights)
    cloth = demo.rendered_cloth(seed, CLOTH_M, demo.FLAWS_PER_M)
    runtime = Runtime(network, device=device)
    try:
        runtime.prepare()
        calls: list[Tiles] = []
        _line_pace(runtime, recipe, cloth, seconds / 2, calls)
        bare: list[Pace] = []
        line: list[Pace] = []
        for pair in range(pairs):
            if pair % 2:
                bare.append(_bare_pace(runtime, calls, seconds / 2))
            line.append(_line_pace(runtime, recipe, cloth, seconds / 2))
            if not pair % 2:
                bare.append(_bare_pace(runtime, calls, seconds / 2))
        lost = [1 - of_line.rate / of_model.rate for of_line, of_model in zip(line, bare, strict=True)]
        return {
            "tiles_per_second": _median(pace.rate for pace in line),
            "model_tiles_per_second": _median(pace.rate for pace in bare),
            "overhead": _median(lost),
            "overhead_lowest": min(lost),
            "overhead_highest": max(lost),
            "cpu_ms_per_tile": _median(pace.cpu_ms for pace in line),
            "model_cpu_ms_per_tile": _median(pace.cpu_ms for pace in bare),
            "defects": sum(pace.defects for pace in line),
            "tiles_per_call": float(np.mean([len(tiles) for tiles in calls])),
            "device": runtime.device,
            "precision": runtime.precision,
            "encoder": recipe.encoder,
            "pairs": pairs,
        }
    finally:
        runtime.close()


def model_rate(runtime: Runtime, channels: int, seconds: float) -> float:
    """Measure for some seconds how many tiles per second a model judges, in calls as full as the line's."""
    runtime.prepare(channels)
    shape = (BATCH_TILES, runtime.tile_px, runtime.tile_px, *((3,) if channels == 3 else ()))
    tiles = np.random.default_rng(0).integers(90, 160, shape, np.uint8)
    _bare_pace(runtime, [tiles], 0.0)  # the first calls are slower
    return _bare_pace(runtime, [tiles], seconds).rate


def _network(encoder: str, weights: Path | None) -> tuple[MFRNet, Recipe]:
    shipped, recipe = demo.shipped_model()
    if encoder == recipe.encoder and weights is None:
        return shipped, recipe
    network = blank(MFRNetConfig(), load_encoder(encoder, weights), 0).eval()
    return network, recipe.model_copy(update={"encoder": encoder})


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def _bare_pace(runtime: Runtime, calls: list[Tiles], seconds: float) -> Pace:
    """Measure the model alone; as in the line, the next call begins before the previous one is awaited."""
    scorer = WatchedScorer(runtime)
    ends, turn = time.perf_counter() + seconds, 1
    under_way = scorer.submit(calls[0])
    while time.perf_counter() < ends:
        following = scorer.submit(calls[turn % len(calls)])
        under_way()
        under_way, turn = following, turn + 1
    under_way()
    return scorer.pace


def _line_pace(
    runtime: Runtime, recipe: Recipe, cloth: NDArray[np.uint8], seconds: float, keep: list[Tiles] | None = None
) -> Pace:
    """Measure the line's pace from the first tile on; put the tiles of the first calls into ``keep``."""
    scorer = WatchedScorer(runtime, keep)
    inspection = Inspection(MemoryCamera(cloth), scorer, recipe, roll=None, on_event=_ignore)
    inspection.start()
    try:
        time.sleep(seconds)
        patience_ends = time.monotonic() + PATIENCE_S
        while not scorer.pace.rate and time.monotonic() < patience_ends and not inspection.wait(0.1):
            pass
        pace = replace(scorer.pace, defects=inspection.snapshot().defects)
    finally:
        inspection.abort()
    if inspection.failure is not None:
        raise inspection.failure
    if not pace.rate:
        raise StationError(f"No tile was judged in {seconds + PATIENCE_S:g} s: this machine is too slow or too busy.")
    return pace


class WatchedScorer(TileScorer):
    """This scorer measures the pace from the beginning of the first call to the end of the last one, and can keep the
    tiles of the first calls."""

    def __init__(self, runtime: Runtime, keep: list[Tiles] | None = None) -> None:
        self._runtime = runtime
        self._keep = keep
        self.edge_drop = runtime.edge_drop
        self.point_spread_px = runtime.point_spread_px
        self.is_async = runtime.is_async
        self.pace = Pace(0.0, 0.0)
        self._tiles = 0
        self._began: tuple[float, float] | None = None

    @property
    def tile_px(self) -> int:
        """Give the runtime's tile size."""
        return self._runtime.tile_px

    @property
    def cell_px(self) -> int:
        """Give the runtime's cell size."""
        return self._runtime.cell_px

    def prepare(self, channels: int) -> None:
        """Prepare the runtime."""
        self._runtime.prepare(channels)

    def infer(self, tiles: Tiles) -> NDArray[np.float32]:
        """Score tiles as the runtime does, and measure the pace."""
        return self.submit(tiles)()

    def submit(self, tiles: Tiles) -> Callable[[], NDArray[np.float32]]:
        """Begin to score tiles as the runtime does, and measure the pace."""
        if self._began is None:
            self._began = time.perf_counter(), time.process_time()
        begin, cpu = self._began
        if self._keep is not None and len(self._keep) < KEPT_CALLS:
            self._keep.append(tiles.copy())
        finish = self._runtime.submit(tiles)

        def told() -> NDArray[np.float32]:
            maps = finish()
            self._tiles += len(tiles)
            spent, worked = time.perf_counter() - begin, time.process_time() - cpu
            self.pace = Pace(self._tiles / spent, 1000 * worked / self._tiles)
            return maps

        return told


def _ignore(event: Event) -> None:
    del event
