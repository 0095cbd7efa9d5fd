"""Runs a taught network: device, precision, batching.

On a CPU the whole graph runs in OpenVINO: one tile a request, requests in parallel (throughput mode), which is faster
than larger batches and suffers least from neighbours on the same cores.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.errors import ModelError
from model.mfrnet import CELL_PX, TILE_PX, MFRNet

try:
    import openvino
except ImportError:  # a platform without wheels: torch does it
    openvino = None

DEVICES = ("auto", "cpu", "cuda", "openvino", "torch")
PRECISIONS = ("auto", "f32", "bf16", "f16")
CUDA_BATCH = 32


def as_batch(tiles: NDArray[np.uint8]) -> Tensor:
    """uint8 ``[N, h, w]`` or ``[N, h, w, 3]`` -> uint8 ``[N, 1 or 3, h, w]``."""
    batch = torch.from_numpy(np.ascontiguousarray(tiles))
    return batch.unsqueeze(1) if batch.ndim == 3 else batch.permute(0, 3, 1, 2).contiguous()


class Engine(Protocol):
    """Something that runs one module on uint8 ``[N, C, 256, 256]``."""

    def run(self, batch: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Fill ``out``, one entry per tile; waits without the GIL."""

    def close(self) -> None:
        """Free what it holds."""


class OpenVINOEngine:
    """The module as one OpenVINO graph per number of channels, made when first needed.

    Args:
        module: from uint8 ``[1, C, 256, 256]`` to one float tensor ``[1, …]``.
        precision: ``f32``, ``bf16`` or ``f16``.
        threads: cores to use, None for all.
    """

    def __init__(self, module: nn.Module, precision: str, threads: int | None) -> None:
        self._module = module
        self._settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self._queues: dict[int, Any] = {}

    def run(self, batch: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """As :class:`Engine`."""
        queue = self._queue(batch.shape[1])

        def keep(request: Any, place: int) -> None:
            out[place] = request.get_output_tensor(0).data[0]

        queue.set_callback(keep)
        for place in range(len(batch)):
            queue.start_async({0: openvino.Tensor(batch[place : place + 1], shared_memory=True)}, place)
        queue.wait_all()

    def _queue(self, channels: int) -> Any:
        if channels not in self._queues:
            shape = [1, channels, TILE_PX, TILE_PX]
            example = torch.zeros(shape, dtype=torch.uint8)
            with torch.inference_mode():
                model = openvino.convert_model(self._module, example_input=example, input=[shape])
            compiled = openvino.Core().compile_model(model, "CPU", self._settings)
            self._queues[channels] = openvino.AsyncInferQueue(compiled)
        return self._queues[channels]

    def close(self) -> None:
        """As :class:`Engine`."""
        self._queues.clear()


class TorchEngine:
    """The module in torch: on CUDA in batches, on the CPU tile by tile in one thread."""

    def __init__(self, module: nn.Module, device: str, precision: str, threads: int | None) -> None:
        self._device, self._threads = device, threads or 1
        self._dtype = {"bf16": torch.bfloat16, "f16": torch.float16}.get(precision, torch.float32)
        self._module = module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._batch = CUDA_BATCH if device == "cuda" else 1

    @torch.inference_mode()
    def run(self, batch: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """As :class:`Engine`."""
        if self._device == "cpu" and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        reduced = self._dtype != torch.float32
        with torch.autocast(self._device, self._dtype, enabled=reduced):
            for start in range(0, len(batch), self._batch):
                part = torch.from_numpy(batch[start : start + self._batch]).to(self._device, non_blocking=True)
                out[start : start + self._batch] = self._module(part).float().cpu().numpy()

    def close(self) -> None:
        """As :class:`Engine`."""
        if self._device == "cuda":
            self._module.cpu()
            torch.cuda.empty_cache()


def choose_device(device: str) -> str:
    """The device meant: ``cuda``, ``openvino`` or ``torch`` (CPU; ``cpu`` is the faster of the two that is there).

    Raises:
        ModelError: there is no such device.
    """
    if device not in DEVICES:
        raise ModelError(f"There is no device '{device}': choose one of {', '.join(DEVICES)}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("This machine has no usable CUDA device: choose 'auto' or 'openvino'.")
    if device == "openvino" and openvino is None:
        raise ModelError("OpenVINO is not installed: install openvino, or choose 'torch'.")
    if device not in ("auto", "cpu"):
        return device
    if device == "auto" and torch.cuda.is_available():
        return "cuda"
    return "openvino" if openvino is not None else "torch"


def choose_precision(precision: str, device: str) -> str:
    """The precision meant: bf16 where the device computes in it, else f32.  Raises ModelError for unknown names."""
    if precision not in PRECISIONS:
        raise ModelError(f"There is no precision '{precision}': choose one of {', '.join(PRECISIONS)}.")
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "f16"
    if device == "openvino":
        able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if "BF16" in able else "f32"
    return "f32"


def make_engine(module: nn.Module, device: str, precision: str, threads: int | None = None) -> Engine:
    """An engine for a module on a chosen device."""
    if device == "openvino":
        return OpenVINOEngine(module.eval(), precision, threads)
    return TorchEngine(module.eval(), "cuda" if device == "cuda" else "cpu", precision, threads)


class Runtime:
    """A taught network on a device.  Used from one thread at a time.

    Args:
        network: in evaluation mode; the runtime may move it to its device.
        device: ``auto`` (CUDA if there, else OpenVINO, else torch), or one of these.
        precision: ``auto`` (bf16 where the device has it), ``f32``, ``bf16`` or ``f16``.
        threads: CPU cores to use, None for all.

    Attributes:
        tile_px, cell_px: sides of a tile and of a map's cell in px.
        device, precision: those chosen.

    Raises:
        ModelError: the device is not there, or a name is unknown.
    """

    tile_px: int = TILE_PX
    cell_px: int = CELL_PX

    def __init__(
        self, network: MFRNet, device: str = "auto", precision: str = "auto", threads: int | None = None
    ) -> None:
        if threads is not None and not 1 <= threads <= (os.cpu_count() or 1):
            raise ModelError(f"{threads} threads are impossible here: choose 1 to {os.cpu_count() or 1}.")
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        self._engine: Engine | None = make_engine(network, self.device, self.precision, threads)

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw anomaly maps.

        Args:
            tiles: uint8 ``[N, 256, 256]`` (grey) or ``[N, 256, 256, 3]`` (RGB); N may be 0.

        Returns:
            float32 ``[N, 64, 64]``, above 0; good cloth lies below about 1.

        Raises:
            ModelError: wrong shape or type, or the runtime is closed.
        """
        side = (TILE_PX, TILE_PX)
        if tiles.dtype != np.uint8 or tiles.shape[1:] not in (side, (*side, 3)):
            raise ModelError(
                f"Tiles of {tiles.dtype} {tiles.shape} cannot be judged; give uint8 tiles of {TILE_PX} px."
            )
        if self._engine is None:
            raise ModelError("This model runtime is closed: open a new one.")
        cells = TILE_PX // CELL_PX
        maps = np.empty((len(tiles), cells, cells), np.float32)
        if len(tiles):
            self._engine.run(as_batch(tiles).numpy(), maps)
        return maps

    def prepare(self, channels: int = 1) -> None:
        """Compile for grey (1) or colour (3) tiles now; else the first :meth:`infer` takes seconds longer."""
        shape = (1, TILE_PX, TILE_PX) if channels == 1 else (1, TILE_PX, TILE_PX, channels)
        self.infer(np.zeros(shape, np.uint8))

    def close(self) -> None:
        """Free the device.  May be called twice."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


class _Reading(nn.Module):
    """Trunk and aggregation as a module of their own."""

    def __init__(self, network: MFRNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: Tensor) -> Tensor:
        return self.network.features(tiles)


class FeatureReader:
    """Reads the features that training restores, on the fastest device, at f32 or the device's own precision."""

    def __init__(self, network: MFRNet) -> None:
        device = choose_device("auto")
        self._shape = (network.aggregator.width, TILE_PX // 8, TILE_PX // 8)
        module = _Reading(network)
        self._engine = make_engine(module, device, choose_precision("auto", device))

    def read(self, tiles: NDArray[np.uint8]) -> Tensor:
        """uint8 tiles as :meth:`Runtime.infer` -> float32 ``[N, D, 32, 32]`` on the CPU."""
        out = np.empty((len(tiles), *self._shape), np.float32)
        self._engine.run(as_batch(tiles).numpy(), out)
        return torch.from_numpy(out)

    def close(self) -> None:
        """Free the device's graph."""
        self._engine.close()
