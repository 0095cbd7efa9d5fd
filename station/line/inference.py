"""The thread that owns one device: web edges, shading, tiles and the network's scores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from station.line.channel import Channel, Closed
from station.line.errors import LineError
from station.line.gauges import Gauges
from station.line.tiling import Chunk, EndOfRun, Tiler, TileRow, cut_tiles

EARLY_S = 0.5
EARLY_REST = 4.0
"""Early rows come this far apart at least, in seconds and in multiples of the time one takes."""

BATCH_TILES = 16
"""Rows that wait are scored together up to about so many tiles: fewer pauses between calls, little added delay."""


class TileScorer(Protocol):
    """What judges tiles (:class:`model.runtime.Runtime`).

    May have what sizes are measured by: ``half_drop``, by so much the score falls where half as much stands out, as at
    a flaw's edge (else boxes span whole regions), and ``point_px``, how wide a point looks at that height (else 0).
    """

    @property
    def tile_px(self) -> int:
        """Side of a tile in px."""

    @property
    def cell_px(self) -> int:
        """Side of a map's cell in px."""

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw scores, float32 ``[N, cells, cells]``, of uint8 ``[N, tile, tile]`` or ``[N, tile, tile, 3]``."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRow:
    """A tile row and its raw maps, float32 ``[tiles, cells, cells]``."""

    row: TileRow
    maps: NDArray[np.float32]


class Inference:
    """Reads ``blocks``, writes ``rows``; ``run``, the thread's body, returns when ``blocks`` is closed and empty."""

    def __init__(
        self,
        scorer: TileScorer,
        tiler: Tiler,
        blocks: Channel[Chunk | EndOfRun],
        rows: Channel[ScoredRow | EndOfRun],
        gauges: Gauges,
        *,
        prompt: bool = False,
    ) -> None:
        """``prompt``: while cloth is slow, judge the newest lines about twice a second without waiting for whole rows.
        Where a row lies then depends on the time, so it is off for a camera that waits, whose roll can be repeated."""
        self._scorer, self._tiler = scorer, tiler
        self._blocks, self._rows, self._gauges = blocks, rows, gauges
        self._prompt = prompt
        self._last_s = 0.0
        self._busy_s = 0.0

    def warm_up(self, channels: int) -> None:
        """Let a scorer that can prepare do so: devices compile at the first call, which must not cost cloth."""
        prepare = getattr(self._scorer, "prepare", None)
        if prepare is not None:
            prepare(channels)

    def run(self) -> None:
        """Score until the blocks end.  Raises whatever the scorer raises, and LineError."""
        waiting: list[TileRow | EndOfRun] = []
        tiles = 0
        while True:
            # With rows in hand, take only what is already there.
            try:
                item = self._blocks.get(0.0 if waiting else None)
            except Closed:
                break
            if item is not None:
                for step in self._steps(item):
                    waiting.append(step)
                    tiles += len(step.columns) if isinstance(step, TileRow) else 0
                    if tiles >= BATCH_TILES:
                        self._flush(waiting)
                        tiles = 0
                if not waiting and (row := self._early_row()) is not None:
                    waiting.append(row)
            elif waiting:
                self._flush(waiting)
                tiles = 0
        waiting += self._tiler.end_run()
        self._flush(waiting)

    def _steps(self, item: Chunk | EndOfRun) -> Iterator[TileRow | EndOfRun]:
        return self._tiler.push(item) if isinstance(item, Chunk) else self._tiler.end_run()

    def _early_row(self) -> TileRow | None:
        """A row before its time, if nothing else waits and the last one is long enough ago."""
        rest_s = max(EARLY_S, EARLY_REST * self._busy_s)
        if not self._prompt or self._blocks.fill > 0 or time.monotonic() - self._last_s < rest_s:
            return None
        return self._tiler.early_row()

    def _flush(self, waiting: list[TileRow | EndOfRun]) -> None:
        """Score what waits, hand it on in order, and clear the list."""
        begin_s = time.monotonic()
        rows = [step for step in waiting if isinstance(step, TileRow) and len(step.columns)]
        maps = self._score(rows)
        for step in waiting:
            if isinstance(step, TileRow):
                scores = maps.pop(0) if len(step.columns) else np.zeros((0, 0, 0), np.float32)
                self._rows.put(ScoredRow(step, scores))
            else:
                self._rows.put(step)
        waiting.clear()
        self._last_s = time.monotonic()
        self._busy_s = self._last_s - begin_s

    def _score(self, rows: list[TileRow]) -> list[NDArray[np.float32]]:
        if not rows:
            return []
        self._gauges.begin()
        parts = [cut_tiles(row, self._scorer.tile_px, self._scorer.cell_px) for row in rows]
        tiles = parts[0] if len(parts) == 1 else np.concatenate(parts)
        maps = self._scorer.infer(tiles)
        cells = self._scorer.tile_px // self._scorer.cell_px
        if maps.shape != (len(tiles), cells, cells) or not np.isfinite(maps).all():
            raise LineError(
                f"For {len(tiles)} tiles the model gave maps of shape {maps.shape} or values that are not numbers; "
                "teach this fabric again."
            )
        return np.split(maps, np.cumsum([len(row.columns) for row in rows])[:-1])
