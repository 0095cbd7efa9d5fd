"""This module runs the network on the processor with OpenVINO: one tile a request, requests in parallel.

That is faster than batches (which spill out of the caches) and than torch, and suffers least from other work on the
same cores.  Each request writes straight into the caller's array and no Python runs when one ends and the next begins,
so that a busy interpreter (line, window, records) never keeps a core waiting.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import nn

from model.engines.engine import Engine, MakeModule, Wait, channels_of
from model.scorer import TILE_PX

REQUESTS = 48
"""One call may have at least this many requests at once.  Those of a larger call wait for its own first ones."""

REQUESTS_PER_STREAM = 2
"""There are at least this many: one computes while the next already waits."""

CALLS = 2
"""The line has this many calls running at once.  Requests are made for all of them beforehand: one that is made later
waits for one that runs."""


class _Graph(NamedTuple):
    """This holds a compiled graph, its idle requests, and how many requests one call has at most."""

    compiled: openvino.CompiledModel
    idle: list[Any]
    most: int


class _Call(NamedTuple):
    """This holds a running call.  The order matters: Python frees the last field first, and a request that is freed
    waits for its computing, which needs the arrays."""

    arrays: tuple[NDArray[np.uint8], NDArray[np.float32]]
    requests: deque[Any]
    graph: _Graph


class OpenVINOEngine(Engine):
    """This engine makes one graph per number of channels, when first needed.

    Args:
        make: makes the module.
        precision: ``f32`` or ``bf16``.
        threads: cores to use, None for all.
    """

    is_async = True

    def __init__(self, make: MakeModule, precision: str, threads: int | None) -> None:
        self._make = make
        self._settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self._graphs: dict[int, _Graph] = {}  # by channels
        self._calls: dict[int, _Call] = {}  # started and not finished
        self._numbers = count()

    def prepare(self, channels: int) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        if channels in self._graphs:
            return
        shape = [1, TILE_PX, TILE_PX] if channels == 1 else [1, TILE_PX, TILE_PX, channels]
        graph = graph_of(self._make(channels, torch.float32, True), shape)
        compiled = openvino.Core().compile_model(graph, "CPU", self._settings)
        streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        most = max(REQUESTS, REQUESTS_PER_STREAM * streams)
        idle = [compiled.create_infer_request() for _ in range(CALLS * most)]
        self._graphs[channels] = _Graph(compiled, idle, most)

    def run(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        self.start(pictures, out)()

    def start(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> Wait:
        """Do what :class:`model.engines.engine.Engine` says."""
        channels = channels_of(pictures)
        self.prepare(channels)
        number = next(self._numbers)
        call = _Call((pictures, out), deque(), self._graphs[channels])
        self._calls[number] = call
        with ExitStack() as undone:
            undone.callback(self._finish, number)
            for place in range(len(pictures)):
                request = _request_for(call)
                request.set_input_tensor(openvino.Tensor(pictures[place : place + 1], shared_memory=True))
                request.set_output_tensor(openvino.Tensor(out[place : place + 1], shared_memory=True))
                request.start_async()
                call.requests.append(request)
            undone.pop_all()
        return partial(self._finish, number)

    def _finish(self, number: int) -> None:
        call = self._calls.get(number)
        if call is None:  # waited for already
            return
        with ExitStack() as waits:  # wait for all, whichever fails: none may go on writing into the caller's array
            waits.callback(self._calls.pop, number, None)  # the engine may be closed meanwhile
            waits.callback(call.graph.idle.extend, call.requests)
            for request in call.requests:
                waits.callback(request.wait)

    def close(self) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        for number in list(self._calls):
            with suppress(RuntimeError):  # the caller of a failed call has given it up
                self._finish(number)
        self._graphs.clear()


def _request_for(call: _Call) -> Any:
    """Return an idle request; a call that has enough of them waits for its own first one."""
    graph = call.graph
    if len(call.requests) >= graph.most:
        request = call.requests.popleft()
        graph.idle.append(request)  # even if it failed
        request.wait()
    return graph.idle.pop() if graph.idle else graph.compiled.create_infer_request()


@torch.inference_mode()
def graph_of(module: nn.Module, shape: list[int]) -> openvino.Model:
    """Turn a module for uint8 pictures of this shape into OpenVINO's graph.

    It takes the steps of ``openvino.convert_model``, which would trace twice and, each time, start a process that
    reports to its maker over the network.
    """
    picture = torch.zeros(shape, dtype=torch.uint8)
    traced = torch.jit.trace(module, picture, strict=False, check_trace=False)  # type: ignore[no-untyped-call]
    reader = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced, example_input=picture)  # must outlive the conversion
    graph = reader.convert(reader.load(decoder))
    graph.reshape(shape)
    return graph


def capabilities() -> list[str]:
    """Return the number formats this processor itself computes in, in OpenVINO's words (``FP32``, ``BF16`` …)."""
    able: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return able
