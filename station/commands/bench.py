"""This module measures how fast this machine is: the whole line compared with the model alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.memory import MemoryCamera
from model.bare_trunk import make_trunk
from model.encoder import load_encoder
from model.engines.engine import Engine
from model.long import LongLearner, LongLook, LongScorer
from model.long.look import LEVELS
from model.mfrnet import MFRNet, MFRNetConfig, blank, broad_config
from model.runtime import Runtime, make_engine
from model.scorer import BROAD_SIZES, FINE, TileScorer
from station import demo
from station.contract import Event, StationError
from station.line.columns import spread_columns
from station.line.inspection import Inspection
from station.line.scoring.inference import BATCH_TILES
from station.processor import processor
from station.recipe import Recipe
from station.recipe.looks import BroadLook, LongLookLimits

CLOTH_M = 4.0
NEVER_REACHED = 1e6
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


def bench(
    seconds: float,
    pairs: int,
    seed: int,
    device: str,
    encoder: str = "light",
    weights: Path | None = None,
    *,
    looks: bool = True,
) -> dict[str, object]:
    """Compare the line with the model alone, in interleaved pairs on pre-rendered cloth with flaws in memory.

    Both judge the same tiles in calls of the same size: those of the line are kept and played back to the model.  They
    take turns in going first; in each pair the fine look alone and the bare VGG16 trunk run too.  ``light`` is the
    shipped demo model; other encoders, and the looks beside the fine one, run untaught, as the model's speed does not
    depend on what was learnt, and find nothing.

    Args:
        seconds: duration of one pair of line and model.
        looks: whether all looks run, or the fine one alone.

    Returns:
        rates as medians over the pairs, in tiles of the fine look; ``overhead``, the share of the model's rate alone
        that the line loses, as median, lowest and highest of the pairs; processor time per tile, which a busy machine
        disturbs least; ``looks``, each look's share of the time; ``defects`` that the line reported in all pairs.

    Raises:
        ModelError: the device or the encoder's weights are missing.
        StationError: the machine is so slow that no tile was judged in time.
    """
    network, recipe = _network(encoder, weights)
    cloth = demo.rendered_cloth(seed, CLOTH_M, demo.FLAWS_PER_M)
    if looks:
        recipe = _with_looks(network, recipe, cloth)
    runtime = Runtime(network, device=device)
    trunk = make_engine(make_trunk, runtime.device, runtime.precision)
    try:
        runtime.prepare()
        calls: list[Call] = []
        _line_pace(runtime, recipe, cloth, seconds / 2, calls)
        paces: dict[str, list[Pace]] = {name: [] for name in ("line", "model", "fine", "trunk")}
        measured: dict[str, Callable[[], Pace]] = {
            "line": lambda: _line_pace(runtime, recipe, cloth, seconds / 2),
            "model": lambda: _bare_pace(runtime, calls, seconds / 2),
            "fine": lambda: _bare_pace(runtime, calls, seconds / 4, (FINE,)),
            "trunk": lambda: _trunk_pace(trunk, calls, seconds / 4),
        }
        for pair in range(pairs):
            for name in measured if pair % 2 else reversed(measured):
                paces[name].append(measured[name]())
        lost = [1 - of_line.rate / of_model.rate for of_line, of_model in _by_turns(paces, "line", "model")]
        return {
            "tiles_per_second": _median(pace.rate for pace in paces["line"]),
            "model_tiles_per_second": _median(pace.rate for pace in paces["model"]),
            "overhead": _median(lost),
            "overhead_lowest": min(lost),
            "overhead_highest": max(lost),
            "cpu_ms_per_tile": _median(pace.cpu_ms for pace in paces["line"]),
            "model_cpu_ms_per_tile": _median(pace.cpu_ms for pace in paces["model"]),
            "looks": _shares(runtime, recipe, cloth, calls, seconds / 4),
            "ratio_to_fine": _median(one.rate / fine.rate for one, fine in _by_turns(paces, "model", "fine")),
            "bare_trunk_tiles_per_second": _median(pace.rate for pace in paces["trunk"]),
            "ratio_to_trunk": _median(one.rate / bare.rate for one, bare in _by_turns(paces, "model", "trunk")),
            "defects": sum(pace.defects for pace in paces["line"]),
            "tiles_per_call": float(np.mean([_tiles_of(call) for call in calls])),
            "device": runtime.device,
            "precision": runtime.precision,
            "encoder": recipe.encoder,
            "processor": processor(),
            "pairs": pairs,
        }
    finally:
        trunk.close()
        runtime.close()


def _by_turns(paces: dict[str, list[Pace]], one: str, other: str) -> Iterator[tuple[Pace, Pace]]:
    return zip(paces[one], paces[other], strict=True)


def _with_looks(network: MFRNet, recipe: Recipe, cloth: NDArray[np.uint8]) -> Recipe:
    """Give a network every look that a teach-in would; return the recipe by which they look and reject nothing."""
    broad = []
    for size in BROAD_SIZES:
        network.broad[size] = blank(broad_config(network.config), network.encoder, 0).eval()
        broad.append(BroadLook(size=size, threshold=NEVER_REACHED))
    learner = LongLearner(cloth.shape[1], recipe.mm_per_px)
    learner.see(cloth, *demo.WEB_PX)
    look = learner.learned()
    if look is None:
        return recipe.model_copy(update={"broad": tuple(broad)})
    network.long = look.to_arrays()
    limits = (NEVER_REACHED,) * len(LEVELS)
    long = LongLookLimits(warp=limits, weft=limits)
    return recipe.model_copy(update={"broad": tuple(broad), "long": long})


def _shares(
    runtime: Runtime, recipe: Recipe, cloth: NDArray[np.uint8], calls: list[Call], seconds: float
) -> dict[str, float]:
    """Return each look's share of the time, each measured by itself."""
    spent = {"fine": 1 / _bare_pace(runtime, calls, seconds, (FINE,)).rate}
    for size in runtime.broad:
        if any(of == size for call in calls for of, _ in call):
            spent[f"broad {size}"] = 1 / _bare_pace(runtime, calls, seconds, (size,)).rate
    if recipe.long is not None:
        spent["long"] = _long_pace(runtime, recipe, cloth, seconds)
    return {name: round(one / sum(spent.values()), 4) for name, one in spent.items()}


def _long_pace(runtime: Runtime, recipe: Recipe, cloth: NDArray[np.uint8], seconds: float) -> float:
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


def model_rate(runtime: Runtime, channels: int, seconds: float) -> float:
    """Measure for some seconds how many tiles per second a model judges, in calls as full as the line's."""
    runtime.prepare(channels)
    shape = (BATCH_TILES, runtime.tile_px, runtime.tile_px, *((3,) if channels == 3 else ()))
    tiles = np.random.default_rng(0).integers(90, 160, shape, np.uint8)
    calls: list[Call] = [[(FINE, tiles)]]
    _bare_pace(runtime, calls, 0.0)  # the first calls are slower
    return _bare_pace(runtime, calls, seconds).rate


def _network(encoder: str, weights: Path | None) -> tuple[MFRNet, Recipe]:
    shipped, recipe = demo.shipped_model()
    if encoder == recipe.encoder and weights is None:
        return shipped, recipe
    network = blank(MFRNetConfig(), load_encoder(encoder, weights), 0).eval()
    return network, recipe.model_copy(update={"encoder": encoder})


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def _bare_pace(runtime: Runtime, calls: list[Call], seconds: float, sizes: tuple[int, ...] = ()) -> Pace:
    """Measure the model alone, or only its looks of these sizes, in tiles of the fine look; as in the line, the next
    call begins before the previous one is awaited."""
    scorers = {FINE: runtime, **runtime.broad}

    def begun(call: Call) -> list[Callable[[], NDArray[np.float32]]]:
        return [scorers[size].submit(tiles) for size, tiles in call if not sizes or size in sizes]

    begin, cpu = time.perf_counter(), time.process_time()
    under_way, turn, done = begun(calls[0]), 1, _tiles_of(calls[0])
    while time.perf_counter() < begin + seconds:
        following = begun(calls[turn % len(calls)])
        done += _tiles_of(calls[turn % len(calls)])
        for wait in under_way:
            wait()
        under_way, turn = following, turn + 1
    for wait in under_way:
        wait()
    spent, worked = time.perf_counter() - begin, time.process_time() - cpu
    return Pace(done / spent, 1000 * worked / done)


def _trunk_pace(trunk: Engine, calls: list[Call], seconds: float) -> Pace:
    """Measure the bare trunk on the fine look's tiles."""
    begin, cpu, done = time.perf_counter(), time.process_time(), 0
    while not done or time.perf_counter() < begin + seconds:
        tiles = next(tiles for size, tiles in calls[done % len(calls)] if size == FINE)
        trunk.run(tiles, np.empty((len(tiles), 32, 32), np.float32))
        done += len(tiles)
    spent, worked = time.perf_counter() - begin, time.process_time() - cpu
    return Pace(done / spent, 1000 * worked / done)


def _tiles_of(call: Call) -> int:
    return sum(len(tiles) for size, tiles in call if size == FINE)


def _line_pace(
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


class WatchedScorer(TileScorer):
    """This scorer measures the pace from the beginning of the first call to the end of the last one, and can keep the
    tiles of the first calls."""

    def __init__(self, runtime: Runtime, keep: list[Call] | None = None) -> None:
        self._runtime = runtime
        self._keep = keep
        self.edge_drop = runtime.edge_drop
        self.point_spread_px = runtime.point_spread_px
        self.is_async = runtime.is_async
        self.long = runtime.long
        self.broad = {size: _Beside(one, size, keep) for size, one in runtime.broad.items()}
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
            self._keep.append([(FINE, tiles.copy())])
        finish = self._runtime.submit(tiles)

        def told() -> NDArray[np.float32]:
            maps = finish()
            self._tiles += len(tiles)
            spent, worked = time.perf_counter() - begin, time.process_time() - cpu
            self.pace = Pace(self._tiles / spent, 1000 * worked / self._tiles)
            return maps

        return told


class _Beside(TileScorer):
    """This scorer of a broad look keeps its tiles with the line's call that they came with."""

    def __init__(self, scorer: TileScorer, size: int, keep: list[Call] | None) -> None:
        self._scorer = scorer
        self._size = size
        self._keep = keep
        self.edge_drop = scorer.edge_drop
        self.point_spread_px = scorer.point_spread_px
        self.is_async = scorer.is_async

    @property
    def tile_px(self) -> int:
        return self._scorer.tile_px

    @property
    def cell_px(self) -> int:
        return self._scorer.cell_px

    def infer(self, tiles: Tiles) -> NDArray[np.float32]:
        return self.submit(tiles)()

    def submit(self, tiles: Tiles) -> Callable[[], NDArray[np.float32]]:
        if self._keep and len(self._keep) < KEPT_CALLS:
            self._keep[-1].append((self._size, tiles.copy()))
        return self._scorer.submit(tiles)


def _ignore(event: Event) -> None:
    del event
