"""This module measures paces: of the line, of the model alone, of one look and of the bare trunk."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from model.engines.engine import Engine
from model.long import LongLook, LongScorer
from model.runtime import Runtime
from model.scorer import FINE, TileScorer
from station import demo
from station.contract import Event, StationError
from station.line.columns import spread_columns
from station.line.inspection import Inspection
from station.recipe import Recipe

PATIENCE_S = 60.0
"""The bench waits this much longer if the first call takes longer than it should."""

KEPT_CALLS = 16
"""This many calls of the line are kept and played back to the model alone."""

Tiles = NDArray[np.uint8]
Call = list[tuple[int, Tiles]]
"""The line asks for the tiles of several looks at once, each named by its size."""


@dataclass(frozen=True)
class Pace:
    """A pace holds tiles per second, processor time per tile over all threads, and the number of defects reported."""

    rate: float
    cpu_ms: float
    defects: int = 0


def long_pace(runtime: Runtime, recipe: Recipe, cloth: NDArray[np.uint8], seconds: float) -> float:
    """Return the seconds that the long look takes for the cloth of one tile of the fine look."""
    assert recipe.long is not None
    scorer = LongScorer(LongLook.from_arrays(runtime.long), recipe.long.limits(), cloth.shape[1])
    step = runtime.tile_px - recipe.overlap_px
    left, right = demo.WEB_PX
    tiles = len(spread_columns(left, right, runtime.tile_px, recipe.overlap_px, runtime.cell_px))
    begin, rows = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        first = rows * step % (len(cloth) - step)
        scorer.push(cloth[first : first + step], left, right, rows * step)
        rows += 1
    return (time.perf_counter() - begin) / (rows * tiles)


def bare_pace(runtime: Runtime, calls: list[Call], seconds: float, sizes: tuple[int, ...] = ()) -> Pace:
    """Measure the model alone, or only its looks of these sizes, in tiles of the fine look; as in the line, the next
    call begins before the previous one is awaited."""
    scorers = {FINE: runtime, **runtime.broad}

    def begun(call: Call) -> list[Callable[[], NDArray[np.float32]]]:
        return [scorers[size].submit(tiles) for size, tiles in call if not sizes or size in sizes]

    begin, cpu = time.perf_counter(), time.process_time()
    under_way, turn, done = begun(calls[0]), 1, tiles_of(calls[0])
    while time.perf_counter() < begin + seconds:
        following = begun(calls[turn % len(calls)])
        done += tiles_of(calls[turn % len(calls)])
        for wait in under_way:
            wait()
        under_way, turn = following, turn + 1
    for wait in under_way:
        wait()
    spent, worked = time.perf_counter() - begin, time.process_time() - cpu
    return Pace(done / spent, 1000 * worked / done)


def trunk_pace(trunk: Engine, calls: list[Call], seconds: float) -> Pace:
    """Measure the bare trunk on the fine look's tiles."""
    begin, cpu, done = time.perf_counter(), time.process_time(), 0
    fine = itertools.cycle([tiles for call in calls for size, tiles in call if size == FINE])
    while not done or time.perf_counter() < begin + seconds:
        tiles = next(fine)
        trunk.run(tiles, np.empty((len(tiles), 32, 32), np.float32))
        done += len(tiles)
    spent, worked = time.perf_counter() - begin, time.process_time() - cpu
    return Pace(done / spent, 1000 * worked / done)


def tiles_of(call: Call) -> int:
    return sum(len(tiles) for size, tiles in call if size == FINE)


def line_pace(
    runtime: Runtime, recipe: Recipe, cloth: NDArray[np.uint8], seconds: float, keep: list[Call] | None = None
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


class _Around(TileScorer):
    """This scorer is another with something done beside; ``keep`` takes the tiles of the line's first calls."""

    def __init__(self, scorer: TileScorer, keep: list[Call] | None) -> None:
        self._scorer = scorer
        self._keep = keep
        self.edge_drop = scorer.edge_drop
        self.point_spread_px = scorer.point_spread_px
        self.is_async = scorer.is_async

    @property
    def tile_px(self) -> int:
        """Give the scorer's tile size."""
        return self._scorer.tile_px

    @property
    def cell_px(self) -> int:
        """Give the scorer's cell size."""
        return self._scorer.cell_px

    def prepare(self, channels: int) -> None:
        """Prepare the scorer."""
        self._scorer.prepare(channels)

    def infer(self, tiles: Tiles) -> NDArray[np.float32]:
        """Score tiles as the scorer does: call :meth:`submit` and wait for it."""
        return self.submit(tiles)()


class WatchedScorer(_Around):
    """This scorer measures the pace from the beginning of the first call to the end of the last one, and can keep the
    tiles of the first calls."""

    def __init__(self, runtime: Runtime, keep: list[Call] | None = None) -> None:
        super().__init__(runtime, keep)
        self.long = runtime.long
        self.broad = {size: _Beside(one, size, keep) for size, one in runtime.broad.items()}
        self.pace = Pace(0.0, 0.0)
        self._tiles = 0
        self._began: tuple[float, float] | None = None

    def submit(self, tiles: Tiles) -> Callable[[], NDArray[np.float32]]:
        """Begin to score tiles as the runtime does, and measure the pace."""
        if self._began is None:
            self._began = time.perf_counter(), time.process_time()
        begin, cpu = self._began
        if self._keep is not None and len(self._keep) < KEPT_CALLS:
            self._keep.append([(FINE, tiles.copy())])
        finish = self._scorer.submit(tiles)

        def told() -> NDArray[np.float32]:
            maps = finish()
            self._tiles += len(tiles)
            spent, worked = time.perf_counter() - begin, time.process_time() - cpu
            self.pace = Pace(self._tiles / spent, 1000 * worked / self._tiles)
            return maps

        return told


class _Beside(_Around):
    """This scorer of a broad look keeps its tiles with the line's call that they came with."""

    def __init__(self, scorer: TileScorer, size: int, keep: list[Call] | None) -> None:
        super().__init__(scorer, keep)
        self._size = size

    def submit(self, tiles: Tiles) -> Callable[[], NDArray[np.float32]]:
        if self._keep and len(self._keep) < KEPT_CALLS:
            self._keep[-1].append((self._size, tiles.copy()))
        return self._scorer.submit(tiles)


def _ignore(event: Event) -> None:
    del event
