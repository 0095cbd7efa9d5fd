"""This thread owns one device: it finds web edges, corrects shading, cuts tiles and gets the network's scores."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from model.scorer import FINE, TileScorer
from station.line.channel import Channel, Closed
from station.line.errors import LineError
from station.line.flow import Chunk, EndOfRun, Judged, LongSteps, Maps, ScoredRow, TileRow
from station.line.gauges import Gauges
from station.line.scoring.broad import BroadRows
from station.line.scoring.cloth_watch import ClothWatch
from station.line.scoring.long import LongRows
from station.line.scoring.tiling import Tiler, cut_tiles

EARLY_S = 0.5
EARLY_REST = 4.0
"""Early rows come at least this far apart, in seconds and in multiples of the time that one takes."""

BATCH_TILES = 16
"""Waiting rows are scored together up to about this many tiles: fewer pauses between calls, little added delay."""


Step = TileRow | EndOfRun | LongSteps


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call holds the rows that the scorers are working on, with the ends of runs between them.

    ``finish``: for each look, by its size, the function that waits for the maps of its rows.
    """

    steps: list[Step]
    finish: dict[int, Callable[[], Maps]]
    began_s: float

    def rows_of(self, size: int) -> list[TileRow]:
        """Return the rows of one look that have tiles."""
        return _with_tiles(self.steps, size)


class Inference:
    """The inference reads ``blocks`` and writes ``rows``.

    ``run``, the body of the thread, returns when ``blocks`` is closed and empty.
    """

    def __init__(
        self,
        scorer: TileScorer,
        tiler: Tiler,
        blocks: Channel[Chunk | EndOfRun],
        rows: Channel[Judged],
        gauges: Gauges,
        *,
        broad: Sequence[BroadRows] = (),
        long: LongRows | None = None,
        watch: ClothWatch | None = None,
        prompt: bool = False,
    ) -> None:
        """Connect the scorer and the queues; ``broad`` makes the rows of its broad looks, ``long`` scores by the
        long look, ``watch`` sees every row before it is scored.

        ``prompt``: while cloth is slow, judge the newest lines about twice a second without waiting for whole rows.
        The place of a row then depends on time, so it is off for a camera that waits, whose roll can be repeated.
        """
        self._scorers = {FINE: scorer, **scorer.broad}
        self._scorer = scorer
        self._broad = broad
        self._long = long
        self._tiler = tiler
        self._blocks = blocks
        self._rows = rows
        self._gauges = gauges
        self._watch = watch
        self._prompt = prompt
        self._is_async = scorer.is_async
        self._under_way: deque[_Call] = deque()
        self._last_s = 0.0
        self._busy_s = 0.0

    def warm_up(self, channels: int) -> None:
        """Let the scorer prepare, which must not cost any cloth."""
        self._scorer.prepare(channels)

    def run(self) -> None:
        """Score until the blocks end.  Raises whatever the scorer raises, and LineError."""
        if self._watch is not None:
            self._watch.begin()
        try:
            self._run()
        finally:  # after a fault: no call of this roll may still run when the scorer begins the next one
            for finish in [one for call in self._under_way for one in call.finish.values()]:
                with suppress(Exception):
                    finish()
            if self._watch is not None:
                self._watch.end()

    def _run(self) -> None:
        waiting: list[Step] = []
        tiles = 0
        while True:
            # With rows waiting or being scored, take only items that are already there.
            try:
                item = self._blocks.get(0.0 if waiting or self._under_way else None)
            except Closed:
                break
            if item is not None:
                for step in self._steps(item):
                    waiting.append(step)
                    tiles += len(step.columns) if isinstance(step, TileRow) and step.size == FINE else 0
                    if tiles >= BATCH_TILES:
                        self._score(waiting)
                        waiting, tiles = [], 0
                if not waiting and not self._under_way and (row := self._early_row()) is not None:
                    waiting += self._with_broad([row])
            elif waiting:
                self._score(waiting)
                waiting, tiles = [], 0
            elif self._under_way:
                self._hand_on()
        self._score([*waiting, *self._with_broad(self._tiler.end_run())])
        while self._under_way:
            self._hand_on()

    def _steps(self, item: Chunk | EndOfRun) -> Iterator[Step]:
        return self._with_broad(self._tiler.push(item) if isinstance(item, Chunk) else self._tiler.end_run())

    def _with_broad(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield the steps of the fine look, each row followed by what it completes for the broad looks; these end
        their runs first."""
        for step in steps:
            if isinstance(step, EndOfRun):
                for one in self._broad:
                    yield from one.end_run()
                yield from self._long.end_run() if self._long is not None else ()
            yield step
            if isinstance(step, TileRow):
                for one in self._broad:
                    yield from one.push(step)
                yield from self._long.push(step) if self._long is not None else ()

    def _early_row(self) -> TileRow | None:
        """Return a row early, if nothing else waits and the last one is long enough ago."""
        rest_s = max(EARLY_S, EARLY_REST * self._busy_s)
        if not self._prompt or self._blocks.fill > 0 or time.monotonic() - self._last_s < rest_s:
            return None
        return self._tiler.early_row()

    def _score(self, steps: list[Step]) -> None:
        """Begin to score rows.  At most one earlier call may still be running."""
        began_s = time.monotonic()
        for step in steps:
            if self._watch is not None and isinstance(step, TileRow) and step.size == FINE:
                self._watch.see(step)
        call = _Call(steps, {}, began_s)
        self._under_way.append(call)
        for size, scorer in self._scorers.items():
            rows = call.rows_of(size)
            if not rows:
                continue
            if size == FINE:
                self._gauges.begin()
            parts = [cut_tiles(row, scorer.tile_px, scorer.cell_px) for row in rows]
            tiles = parts[0] if len(parts) == 1 else np.concatenate(parts)
            call.finish[size] = scorer.submit(tiles) if self._is_async else partial(scorer.infer, tiles)
        while len(self._under_way) > (1 if self._is_async else 0):
            self._hand_on()

    def _hand_on(self) -> None:
        """Wait for the oldest call, and hand its steps on in order."""
        call = self._under_way.popleft()
        maps = {size: self._split(finish(), call.rows_of(size)) for size, finish in call.finish.items()}
        for step in call.steps:
            if isinstance(step, TileRow):
                self._rows.put(ScoredRow(step, maps[step.size].pop(0) if len(step.columns) else _no_maps()))
            else:
                self._rows.put(step)
        before_s = self._last_s
        self._last_s = time.monotonic()
        self._busy_s = self._last_s - max(call.began_s, before_s)
        tiles = sum(len(row.columns) for row in call.rows_of(FINE))
        is_full = tiles >= BATCH_TILES and (bool(self._under_way) or not self._is_async)
        self._gauges.scored(tiles, self._busy_s, is_full=is_full)

    def _split(self, maps: Maps, rows: list[TileRow]) -> list[Maps]:
        counts = [len(row.columns) for row in rows]
        cells = self._scorer.tile_px // self._scorer.cell_px
        if maps.shape != (sum(counts), cells, cells) or not np.isfinite(maps).all():
            raise LineError(
                f"For {sum(counts)} tiles the model gave maps of shape {maps.shape} or values that are not numbers; "
                "teach this fabric again."
            )
        return np.split(maps, np.cumsum(counts)[:-1])


def _with_tiles(steps: list[Step], size: int) -> list[TileRow]:
    return [step for step in steps if isinstance(step, TileRow) and step.size == size and len(step.columns)]


def _no_maps() -> Maps:
    return np.zeros((0, 0, 0), np.float32)
