"""The thread that owns the device: the next rows are made ready while the scorer is at those before, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from station.line.channel import Channel
from station.line.errors import LineError
from station.line.flow import Chunk, EndOfRun, ScoredRow
from station.line.gauges import Gauges
from station.line.scoring.inference import Inference
from tests.rigs.line import LONG, DeviationScorer, cloth, new_tiler, recipe

WIDTH = 4000
"""18 tiles a row: more than a call waits for."""

Maps = NDArray[np.float32]


class NextReject(DeviationScorer):
    """Begins calls at once and keeps a diary."""

    is_async = True

    def __init__(self) -> None:
        super().__init__()
        self.diary: list[str] = []
        self.calls = 0

    def submit(self, tiles: NDArray[np.uint8]) -> Callable[[], Maps]:
        self.calls += 1
        number = self.calls
        self.diary.append(f"begin {number}")

        def finish() -> Maps:
            self.diary.append(f"end {number}")
            return self.infer(tiles)

        return finish


class Done(NextReject):
    """Has judged when a call has begun."""

    is_async = False


class Nonsense(NextReject):
    """The second call's maps are not numbers."""

    def infer(self, tiles: NDArray[np.uint8]) -> Maps:
        return super().infer(tiles) * np.float32(np.nan if self.diary[-1] == "end 2" else 1)


def blocks_of(lines: int, size: int = 128) -> Channel[Chunk | EndOfRun]:
    """Cloth that is all there, and its end; a run ends in the middle."""
    pixels = cloth(lines, WIDTH)
    blocks: Channel[Chunk | EndOfRun] = Channel(1000)
    for first in range(0, lines, size):
        if first == lines // size // 2 * size:
            blocks.put(EndOfRun())
        blocks.put(Chunk(pixels[first : first + size], first, 0, None))
    blocks.close()
    return blocks


def scored(scorer: DeviationScorer, blocks: Channel[Chunk | EndOfRun]) -> list[ScoredRow | EndOfRun]:
    rows: Channel[ScoredRow | EndOfRun] = Channel(1000)
    Inference(scorer, new_tiler(recipe(), width_px=WIDTH), blocks, rows, Gauges()).run()
    return list(iter(partial(rows.get, 0.0), None))


def test_the_next_call_begins_before_the_one_before_is_awaited_and_no_third() -> None:
    scorer = NextReject()
    rows = scored(scorer, blocks_of(1600))
    calls = scorer.calls
    assert calls == sum(isinstance(row, ScoredRow) for row in rows) > 5
    pairs = [word for n in range(2, calls + 1) for word in (f"begin {n}", f"end {n - 1}")]
    assert scorer.diary == ["begin 1", *pairs, f"end {calls}"]


def test_rows_and_scores_are_those_of_a_scorer_that_cannot_begin() -> None:
    ahead, plain = scored(NextReject(), blocks_of(1600)), scored(DeviationScorer(), blocks_of(1600))
    assert [type(step) for step in ahead] == [type(step) for step in plain]
    assert sum(isinstance(step, EndOfRun) for step in ahead) == 2
    for one, other in zip(ahead, plain, strict=True):
        if isinstance(one, ScoredRow) and isinstance(other, ScoredRow):
            assert (one.row.run_line, one.row.first) == (other.row.run_line, other.row.first)
            np.testing.assert_array_equal(one.maps, other.maps)


def test_what_is_under_way_is_handed_on_though_no_more_cloth_comes() -> None:
    blocks: Channel[Chunk | EndOfRun] = Channel(10)
    rows: Channel[ScoredRow | EndOfRun] = Channel(10)
    inference = Inference(NextReject(), new_tiler(recipe(), width_px=WIDTH), blocks, rows, Gauges())
    thread = threading.Thread(target=inference.run, daemon=True)
    thread.start()
    blocks.put(Chunk(cloth(256, WIDTH), 0, 0, None))
    assert isinstance(rows.get(LONG), ScoredRow)
    blocks.close()
    thread.join(LONG)
    assert not thread.is_alive()


def test_a_call_that_fails_while_the_next_is_under_way_is_told_and_none_is_abandoned() -> None:
    scorer = Nonsense()
    with pytest.raises(LineError, match="teach this fabric again"):
        scored(scorer, blocks_of(1600))
    assert scorer.diary == ["begin 1", "begin 2", "end 1", "begin 3", "end 2", "end 3"]


def test_a_scorer_that_does_not_go_on_alone_is_handed_on_from_at_once() -> None:
    scorer = Done()
    scored(scorer, blocks_of(1600))
    assert scorer.tiles > 100
    assert scorer.calls == 0
