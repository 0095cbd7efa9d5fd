"""How fast is this machine: the whole line against the bare model."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from model.runtime import Runtime
from station import demo
from station.control import Event
from station.line.inspection import Inspection
from station.recipe import Recipe


def bench(seconds: float, pairs: int, seed: int, device: str) -> dict[str, object]:
    """The line against the bare model, in interleaved pairs on pre-rendered cloth in memory."""
    network, recipe = demo.shipped_model()
    cloth = demo.rendered_cloth(seed, metres=4.0)
    runtime = Runtime(network, device=device)
    try:
        tiles = _tiles_of(cloth, runtime.tile_px)
        runtime.infer(tiles)
        bare: list[float] = []
        line: list[float] = []
        for _ in range(pairs):
            bare.append(_bare_rate(runtime, tiles, seconds / 2))
            line.append(_line_rate(runtime, recipe, cloth, seconds / 2))
        model_rate, line_rate = float(np.median(bare)), float(np.median(line))
        ratios = [of_line / of_model for of_line, of_model in zip(line, bare, strict=True)]
        return {
            "tiles_per_second": line_rate,
            "model_tiles_per_second": model_rate,
            "overhead": 1 - float(np.median(ratios)),
            "device": runtime.device,
            "precision": runtime.precision,
            "encoder": recipe.encoder,
            "pairs": pairs,
        }
    finally:
        runtime.close()


def _tiles_of(cloth: NDArray[np.uint8], tile_px: int) -> NDArray[np.uint8]:
    left = demo.WEB_PX[0]
    columns = [cloth[:tile_px, x : x + tile_px] for x in range(left, demo.WEB_PX[1] - tile_px, tile_px)]
    return np.ascontiguousarray(np.stack(columns))


def _bare_rate(runtime: Runtime, tiles: NDArray[np.uint8], seconds: float) -> float:
    done, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        runtime.infer(tiles)
        done += len(tiles)
    return done / spent


def _line_rate(runtime: Runtime, recipe: Recipe, cloth: NDArray[np.uint8], seconds: float) -> float:
    counted = CountingScorer(runtime)
    inspection = Inspection(MemoryCamera(cloth), counted, recipe, roll=None, on_event=_ignore)
    started = time.perf_counter()
    inspection.start()
    time.sleep(seconds)
    done, spent = counted.tiles, time.perf_counter() - started
    inspection.abort()
    if inspection.failure is not None:
        raise inspection.failure
    return done / spent


class CountingScorer:
    """A scorer that counts the tiles that went through it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.tile_px = runtime.tile_px
        self.cell_px = runtime.cell_px
        self.tiles = 0

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As the runtime."""
        maps = self._runtime.infer(tiles)
        self.tiles += len(tiles)
        return maps


def _ignore(event: Event) -> None:
    del event
