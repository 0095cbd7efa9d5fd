"""The processor by OpenVINO: one tile a request, requests in parallel.

Faster than batches (which spill out of the caches) and than torch, and it suffers least from neighbours on the same
cores.  Each request writes straight into the caller's array and no Python runs when one begins or ends, so that a busy
interpreter (line, window, records) never keeps a core waiting.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import nn

from model.engines.engine import MakeModule, Wait, channels_of
from model.mfrnet import TILE_PX

REQUESTS_PER_STREAM = 2
"""One computes while the next already waits ..."""

REQUESTS = 48
"""... and at least so many: two calls of a line begin without a wait."""


class OpenVINOEngine:
    """One graph per number of channels, made when first needed.

    Args:
        make: the module.
        precision: ``f32`` or ``bf16``.
        threads: cores to use, None for all.
    """

    def __init__(self, make: MakeModule, precision: str, threads: int | None) -> None:
        self._make = make
        self._settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self._requests: dict[int, deque[Any]] = {}  # by channels; the longest begun first
        self._busy: set[int] = set()  # ids of requests that nobody waited for since they began
        self._calls: dict[int, tuple[list[Any], Any]] = {}  # begun and not finished: their requests and arrays

    def prepare(self, channels: int) -> None:
        """As :class:`model.engines.engine.Engine`."""
        if channels in self._requests:
            return
        shape = [1, TILE_PX, TILE_PX] if channels == 1 else [1, TILE_PX, TILE_PX, channels]
        graph = graph_of(self._make(channels, torch.float32, True), shape)
        compiled = openvino.Core().compile_model(graph, "CPU", self._settings)
        streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        count = max(REQUESTS, REQUESTS_PER_STREAM * streams)
        self._requests[channels] = deque(compiled.create_infer_request() for _ in range(count))

    def run(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """As :class:`model.engines.engine.Engine`."""
        self.start(pictures, out)()

    def start(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> Wait:
        """As :class:`model.engines.engine.Engine`."""
        channels = channels_of(pictures)
        self.prepare(channels)
        requests = self._requests[channels]
        begun: list[Any] = []
        call = id(begun)
        self._calls[call] = begun, (pictures, out)
        with ExitStack() as undone:
            undone.callback(self._finish, call)
            for place in range(len(pictures)):
                request = requests[0]
                if id(request) in self._busy:
                    self._wait(request)
                requests.rotate(-1)
                request.set_input_tensor(openvino.Tensor(pictures[place : place + 1], shared_memory=True))
                request.set_output_tensor(openvino.Tensor(out[place : place + 1], shared_memory=True))
                request.start_async()
                self._busy.add(id(request))
                begun.append(request)
            undone.pop_all()
        return partial(self._finish, call)

    def _finish(self, call: int) -> None:
        begun, _ = self._calls[call]
        with ExitStack() as waits:  # all are awaited, whichever fails: none may write on into the caller's array
            waits.callback(self._calls.pop, call)
            for request in begun:
                waits.callback(self._wait, request)

    def _wait(self, request: Any) -> None:
        self._busy.discard(id(request))
        request.wait()

    def close(self) -> None:
        """As :class:`model.engines.engine.Engine`."""
        for call in list(self._calls):
            with suppress(RuntimeError):  # whose call failed has given it up
                self._finish(call)
        self._requests.clear()


@torch.inference_mode()
def graph_of(module: nn.Module, shape: list[int]) -> openvino.Model:
    """A module for uint8 pictures of this shape as OpenVINO's graph.

    By the steps of ``openvino.convert_model``, which would trace twice and, each time, start a process that tells its
    maker of it over the network.
    """
    picture = torch.zeros(shape, dtype=torch.uint8)
    traced = torch.jit.trace(module, picture, strict=False, check_trace=False)  # type: ignore[no-untyped-call]
    reader = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced, example_input=picture)  # must outlive the conversion
    graph = reader.convert(reader.load(decoder))
    graph.reshape(shape)
    return graph


def capabilities() -> list[str]:
    """What this processor computes in itself, in OpenVINO's words (``FP32``, ``BF16`` …)."""
    able: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return able
