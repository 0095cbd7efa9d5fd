"""This module measures how fast this machine is: the whole line compared with the model alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bare_trunk import make_trunk
from model.encoder import load_encoder
from model.long import LongLearner
from model.long.look import LEVELS
from model.mfrnet import MFRNet, MFRNetConfig, blank, broad_config
from model.runtime import Runtime, make_engine
from model.scorer import BROAD_SIZES, FINE
from station import demo
from station.commands.bench.paces import Call, Pace, bare_pace, line_pace, long_pace, tiles_of, trunk_pace
from station.commands.bench.processor import processor
from station.line.scoring.inference import BATCH_TILES
from station.recipe import Recipe
from station.recipe.looks import BROAD_OVERLAP_PX, LONG, BroadLook, LongLookLimits, look_name

CLOTH_M = 4.0
NEVER_REACHED = 1e6
FINE_OVERLAP_PX: int = Recipe.model_fields["overlap_px"].default


def bench(
    seconds: float,
    pairs: int,
    seed: int,
    device: str,
    encoder: str = "light",
    weights: Path | None = None,
) -> dict[str, object]:
    """Compare the line with the model alone, in interleaved pairs on pre-rendered cloth with flaws in memory.

    Both judge the same tiles in calls of the same size: those of the line are kept and played back to the model.  They
    take turns in going first; in each pair the fine look alone and the bare VGG16 trunk run too.  ``light`` is the
    shipped demo model; other encoders, and the looks beside the fine one, run untaught, as the model's speed does not
    depend on what was learnt, and find nothing.

    Args:
        seconds: duration of one pair of line and model.

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
    recipe = with_looks(network, recipe, cloth)
    runtime = Runtime(network, device=device)
    trunk = make_engine(make_trunk, runtime.device, runtime.precision)
    try:
        runtime.prepare()
        calls: list[Call] = []
        line_pace(runtime, recipe, cloth, seconds / 2, calls)
        paces: dict[str, list[Pace]] = {name: [] for name in ("line", "model", "fine", "trunk")}
        measured: dict[str, Callable[[], Pace]] = {
            "line": lambda: line_pace(runtime, recipe, cloth, seconds / 2),
            "model": lambda: bare_pace(runtime, calls, seconds / 2),
            "fine": lambda: bare_pace(runtime, calls, seconds / 4, (FINE,)),
            "trunk": lambda: trunk_pace(trunk, calls, seconds / 4),
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
            "tiles_per_call": float(np.mean([tiles_of(call) for call in calls])),
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


def with_looks(network: MFRNet, recipe: Recipe, cloth: NDArray[np.uint8]) -> Recipe:
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
    spent = {look_name(FINE): 1 / bare_pace(runtime, calls, seconds, (FINE,)).rate}
    for size in runtime.broad:
        if any(of == size for call in calls for of, _ in call):
            spent[look_name(size)] = 1 / bare_pace(runtime, calls, seconds, (size,)).rate
    if recipe.long is not None:
        spent[look_name(LONG)] = long_pace(runtime, recipe, cloth, seconds)
    return {name: round(one / sum(spent.values()), 4) for name, one in spent.items()}


def model_rate(runtime: Runtime, channels: int, seconds: float) -> float:
    """Measure for some seconds how many tiles of the fine look per second a model judges, in calls as full as the
    line's, with as many tiles of its broad looks as the same cloth has."""
    runtime.prepare(channels)
    rng = np.random.default_rng(0)
    sides = (runtime.tile_px, runtime.tile_px, *((3,) if channels == 3 else ()))
    call: Call = [
        (size, rng.integers(90, 160, (count, *sides), np.uint8)) for size, count in _tiles_of_looks(runtime).items()
    ]
    bare_pace(runtime, [call], 0.0)  # the first calls are slower
    return bare_pace(runtime, [call], seconds).rate


def _tiles_of_looks(runtime: Runtime) -> dict[int, int]:
    """Return how many tiles each look has of cloth that is a full call of the fine one, by size."""
    step = runtime.tile_px - FINE_OVERLAP_PX
    counts = {FINE: BATCH_TILES}
    for size in runtime.broad:
        counts[size] = max(1, round(BATCH_TILES * (step / (size * (runtime.tile_px - BROAD_OVERLAP_PX))) ** 2))
    return counts


def _network(encoder: str, weights: Path | None) -> tuple[MFRNet, Recipe]:
    shipped, recipe = demo.shipped_model()
    if encoder == recipe.encoder and weights is None:
        return shipped, recipe
    network = blank(MFRNetConfig(), load_encoder(encoder, weights), 0).eval()
    return network, recipe.model_copy(update={"encoder": encoder})


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))
