"""This module runs the network on a CUDA card, in two lanes: one lane copies while the other computes.

A lane has a stream, page-locked buffers on the host, buffers on the card and one CUDA graph per batch size.  All of it
is made once; a batch then costs one copy in, one launch and one copy out, and nothing is allocated.  The pictures of
one call are shared among all lanes: a line's call is smaller than the largest batch.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.engines.engine import Engine, MakeModule, channels_of
from model.errors import ModelError
from model.scorer import TILE_PX

BATCH = 32
LANES = 2
SIZES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""These batch sizes get a graph; a batch in between runs in the next larger one, its last places idle."""

LEAST = 8
"""So few pictures are not split among lanes: every launch has its cost."""

WARM_UP = 3
"""This many runs come before a graph is recorded: in the first ones libraries choose their algorithms and allocate
their workspaces."""


class CUDAEngine(Engine):
    """This engine makes one module and its lanes per number of channels, when first needed.

    Args:
        make: makes the module.
        dtype: number format that trunk and restoration compute in.
        batch: most pictures in one launch.

    ``prepare`` and ``run`` raise ModelError when the card's memory is too small.
    """

    def __init__(self, make: MakeModule, dtype: torch.dtype, batch: int = BATCH) -> None:
        self._make = make
        self._dtype = dtype
        self._batch = batch
        self._lanes: dict[int, list[CUDALane]] = {}

    def prepare(self, channels: int) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        with torch.inference_mode(), enough_memory():
            for lane in self._lanes_for(channels):
                lane.record_all()

    def run(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        with torch.inference_mode(), enough_memory():
            lanes = self._lanes_for(channels_of(pictures))
            take_turns(lanes, pictures, out, batch_for(len(pictures), len(lanes), self._batch))

    def _lanes_for(self, channels: int) -> list[CUDALane]:
        if channels not in self._lanes:
            shape = (TILE_PX, TILE_PX) if channels == 1 else (TILE_PX, TILE_PX, channels)
            module = self._make(channels, self._dtype, False)
            module = module.to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
            exact = self._dtype == torch.float32
            self._lanes[channels] = [CUDALane(module, shape, self._batch, exact) for _ in range(LANES)]
        return self._lanes[channels]

    def close(self) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        self._lanes.clear()
        torch.cuda.empty_cache()


@contextmanager
def enough_memory() -> Iterator[None]:
    """Report a full card in one sentence.  Raises ModelError."""
    try:
        yield
    except RuntimeError as error:
        if "out of memory" not in str(error) and not isinstance(error, torch.cuda.OutOfMemoryError):
            raise  # a card that was full before torch allocated any of it raises a plain CUDA error
        raise ModelError(
            "The CUDA card has too little free memory for this model: close what else uses it, or choose the device "
            "'cpu'."
        ) from error


class Lane(Protocol):
    """A lane takes one batch at a time."""

    def start(self, pictures: NDArray[np.uint8]) -> None:
        """Start a batch and return at once."""

    def finish(self, out: NDArray[np.float32]) -> None:
        """Wait for the batch that was started, and fill ``out`` with its results."""


def take_turns(lanes: Sequence[Lane], pictures: NDArray[np.uint8], out: NDArray[np.float32], batch: int) -> None:
    """Run pictures through the lanes in turn: while one computes, the next is filled and the one before is emptied.

    If a batch cannot be started, those started before are still finished.
    """
    begun: deque[tuple[Lane, slice]] = deque()
    try:
        for turn, start in enumerate(range(0, len(pictures), batch)):
            if len(begun) == len(lanes):
                _empty(begun, out)
            lane, part = lanes[turn % len(lanes)], slice(start, min(start + batch, len(pictures)))
            lane.start(pictures[part])
            begun.append((lane, part))
    finally:
        while begun:
            _empty(begun, out)


def _empty(begun: deque[tuple[Lane, slice]], out: NDArray[np.float32]) -> None:
    lane, part = begun.popleft()
    lane.finish(out[part])


def batch_for(count: int, lanes: int, most: int) -> int:
    """Return how many of a call's pictures go into one batch: each lane's share, rounded up to the size of a graph, so
    that only the last batch of the call has idle places."""
    share = max(LEAST, math.ceil(count / lanes))
    return next((size for size in sizes_up_to(most) if size >= share), most)


def sizes_up_to(batch: int) -> tuple[int, ...]:
    """Return the batch sizes that get a graph."""
    return (*(size for size in SIZES if size < batch), batch)


class CUDALane:
    """This lane holds one stream with its buffers and graphs.

    Args:
        module: on the card, shared by all lanes.
        shape: of one picture.
        batch: most pictures at a time.
        exact: whether float32 must be float32, not TF32.
    """

    def __init__(self, module: nn.Module, shape: tuple[int, ...], batch: int, exact: bool) -> None:
        self._module = module
        self._batch = batch
        self._exact = exact
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        # waiting for it sleeps and does not spin
        self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        self._given = torch.zeros((batch, *shape), dtype=torch.uint8, device="cuda")
        self._staged = torch.zeros((batch, *shape), dtype=torch.uint8, pin_memory=True)
        self._made = torch.zeros((batch, *module(self._given[:1]).shape[1:]), device="cuda")
        self._result = torch.zeros(self._made.shape, pin_memory=True)
        self._into = self._staged.numpy()
        self._from = self._result.numpy()
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle()
        torch.cuda.synchronize()

    def record_all(self) -> None:
        """Record every batch size now, the largest first: the others then use its memory."""
        for size in reversed(sizes_up_to(self._batch)):
            self._graph(size)

    def start(self, pictures: NDArray[np.uint8]) -> None:
        """Do what :class:`Lane` says."""
        count = len(pictures)
        np.copyto(self._into[:count], pictures)
        graph = self._graph(next(size for size in sizes_up_to(self._batch) if size >= count))
        with torch.cuda.stream(self._stream):
            self._given[:count].copy_(self._staged[:count], non_blocking=True)
            graph.replay()
            self._result[:count].copy_(self._made[:count], non_blocking=True)
            self._done.record()

    def finish(self, out: NDArray[np.float32]) -> None:
        """Do what :class:`Lane` says."""
        self._done.synchronize()
        np.copyto(out, self._from[: len(out)])

    def _graph(self, size: int) -> torch.cuda.CUDAGraph:
        """Return the graph of one batch size, recorded when first needed.

        The graphs of a lane share memory: they never run at the same time, and the last step of each copies its result
        out of it.
        """
        if size not in self._graphs:
            graph = torch.cuda.CUDAGraph()
            with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=not self._exact):
                with torch.cuda.stream(self._stream):
                    for _ in range(WARM_UP):
                        self._compute(size)
                self._stream.synchronize()
                with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                    self._compute(size)
            self._graphs[size] = graph
        return self._graphs[size]

    def _compute(self, size: int) -> None:
        self._made[:size].copy_(self._module(self._given[:size]))
