"""This module finds the fastest precision in which this machine judges as it does in float32, and what it keeps up
with: on the shipped model with every look that a teach-in gives, by a short run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.runtime import Runtime, choose_device, choose_precision, precisions_of
from model.scorer import TILE_PX
from station import demo
from station.commands.bench.measure import model_rate, with_looks
from station.commands.bench.paces import long_pace
from station.line.pace import fastest_m_per_min

EXACT = "f32"
WEB_M = 1.8
MM_PER_PX = 0.5
"""For a web so wide at this scale the speed is told, whatever fabrics are taught: machines can be compared by it."""

LARGEST = 0.1
TYPICAL = 0.03
BIAS = 0.01
"""In units of the raw score, in which good cloth ends at about 1: so much may the highest score of any tile differ from
float32's, so much the root mean square of these differences may be, and so much their mean."""

CLOTH_M = 1.0
FLAWS_PER_M = 12.0
TURNS = 2
LONG_S = 0.3


@dataclass(frozen=True)
class PrecisionPace:
    """This holds what one precision of this machine's device gives.

    ``largest``, ``typical`` and ``bias`` are the differences from float32 of the highest scores of tiles of good and
    flawed cloth, in raw scores.  ``tiles_per_second`` counts tiles of the fine look, with the other looks' work.
    """

    device: str
    precision: str
    largest: float
    typical: float
    bias: float
    tiles_per_second: float
    m_per_min: float

    @property
    def is_proven(self) -> bool:
        """Say whether it judges as float32 does, within the tolerances of this module."""
        return self.largest <= LARGEST and self.typical <= TYPICAL and abs(self.bias) <= BIAS


@dataclass(frozen=True)
class Precisions:
    """This holds what every precision of this machine gives, and which one ``auto`` takes."""

    paces: tuple[PrecisionPace, ...]
    chosen: str

    @property
    def fastest(self) -> PrecisionPace:
        """Give the fastest of those that are proven; float32 always is."""
        return max((one for one in self.paces if one.is_proven), key=lambda one: one.tiles_per_second)


def differences(maps: NDArray[np.float32], exact: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return by how much the highest scores of maps, ``[N, h, w]``, differ from those of exact maps: at most, as root
    mean square, and in the mean."""
    apart = maps.max((1, 2)).astype(np.float64) - exact.max((1, 2))
    return float(np.abs(apart).max()), float(np.sqrt(np.mean(apart**2))), float(apart.mean())


def tiles_across(cloth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut cloth of the demo into tiles beside each other, uint8 ``[N, 256, 256]``."""
    left, right = demo.WEB_PX
    rows = range(0, len(cloth) - TILE_PX + 1, TILE_PX)
    columns = range(left, right - TILE_PX + 1, TILE_PX)
    return np.stack([cloth[y : y + TILE_PX, x : x + TILE_PX] for y in rows for x in columns])


def measure_precisions(seconds: float, device: str = "auto", only: Sequence[str] = ()) -> Precisions:
    """Compare the precisions that a device computes in, by turns.

    Args:
        seconds: how long each precision is timed, all turns together.
        device: as for :class:`model.runtime.Runtime`.
        only: the precisions to compare beside float32; all that the device's hardware has where empty.

    Raises:
        ModelError: the device is missing.
    """
    chosen = choose_device(device)
    network, recipe = demo.shipped_model()
    cloth = demo.rendered_cloth(0, CLOTH_M, FLAWS_PER_M)
    recipe = with_looks(network, recipe, cloth)
    tiles = tiles_across(cloth)
    names = [EXACT, *(name for name in only or precisions_of(chosen) if name != EXACT)]
    with ExitStack() as opened:
        runtimes = {name: opened.enter_context(closing(Runtime(network, chosen, name))) for name in names}
        apart = {EXACT: (0.0, 0.0, 0.0)}
        if len(names) > 1:
            exact = runtimes[EXACT].infer(tiles)
            apart |= {name: differences(runtimes[name].infer(tiles), exact) for name in names[1:]}
        rates: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(TURNS):
            for name in names if turn % 2 == 0 else reversed(names):
                rates[name].append(model_rate(runtimes[name], 1, seconds / TURNS))
        long_s = 0.0 if recipe.long is None else long_pace(runtimes[EXACT], recipe, cloth, LONG_S)
    web_px = round(WEB_M * 1000 / MM_PER_PX)
    paces = []
    for name in names:
        rate = 1 / (1 / float(np.median(rates[name])) + long_s)
        speed = fastest_m_per_min(rate, web_px, recipe.overlap_px, MM_PER_PX)
        paces.append(PrecisionPace(chosen, name, *apart[name], rate, speed))
    return Precisions(tuple(paces), choose_precision("auto", chosen))
