"""This module runs a taught network: it chooses device and precision and gives tiles to the device's engine.

Every device has an engine of its own (:mod:`model.engines`); all run the network as :mod:`model.engines.fused` arranges
it, with reduced precision only in trunk and restoration and the measure in float32.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Literal, assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.engines.cuda import CUDAEngine
from model.engines.engine import Engine, MakeModule
from model.engines.fused import FromPictures, Fused, What
from model.engines.torch_cpu import TorchEngine
from model.errors import ModelError
from model.mfrnet import MFRNet
from model.scorer import CELL_PX, TILE_PX, TileScorer

try:
    from model.engines import openvino_cpu as openvino
except ImportError:  # a platform without OpenVINO's wheels: torch takes over
    openvino = None  # type: ignore[assignment]

Device = Literal["cuda", "openvino", "torch"]
"""A network runs on one of these; each has an engine."""
DEVICES = ("auto", "cpu", "cuda", "openvino", "torch")
PRECISIONS = ("auto", "f32", "bf16", "f16")
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def as_batch(tiles: NDArray[np.uint8]) -> Tensor:
    """Turn tiles, uint8 ``[N, h, w]`` or ``[N, h, w, 3]``, into a tensor, uint8 ``[N, 1 or 3, h, w]``."""
    batch = torch.from_numpy(np.ascontiguousarray(tiles))
    return batch.unsqueeze(1) if batch.ndim == 3 else batch.permute(0, 3, 1, 2).contiguous()


def choose_device(device: str) -> Device:
    """Return the device that a name means: ``cuda``, ``openvino`` or ``torch``.

    The last two run on the processor; ``cpu`` means the faster one that is installed.

    Raises:
        ModelError: there is no such device.
    """
    match device:
        case "cuda":
            if not torch.cuda.is_available():
                raise ModelError("This machine has no usable CUDA device: choose 'auto' or 'cpu'.")
            return "cuda"
        case "openvino":
            if openvino is None:
                raise ModelError("OpenVINO is not installed: install openvino, or choose 'torch'.")
            return "openvino"
        case "torch":
            return "torch"
        case "auto" if torch.cuda.is_available():
            return "cuda"
        case "auto" | "cpu":
            return "openvino" if openvino is not None else "torch"
        case _:
            raise ModelError(f"There is no device '{device}': choose one of {', '.join(DEVICES)}.")


def choose_precision(precision: str, device: Device) -> str:
    """Return the precision meant on a device from :func:`choose_device`; ``auto`` is the fastest its hardware has.

    On torch's CPU, bf16 runs on every processor but is fast only where there are instructions for it.

    Raises:
        ModelError: there is no such precision, or the device does not compute in it.
    """
    if precision not in PRECISIONS:
        raise ModelError(f"There is no precision '{precision}': choose one of {', '.join(PRECISIONS)}.")
    able = precisions_of(device)
    if precision == "auto":
        return able[0]
    if precision not in able:
        raise ModelError(f"This machine's '{device}' does not compute in {precision}: choose {' or '.join(able)}.")
    return precision


def precisions_of(device: Device) -> list[str]:
    """Return the precisions a device's hardware computes in; ``auto`` chooses the first."""
    match device:
        case "cuda":
            has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
            return ["bf16", "f16", "f32"] if has_bf16 else ["f16", "f32"]
        case "openvino":
            return ["bf16", "f32"] if "BF16" in openvino.capabilities() else ["f32"]
        case "torch":
            return ["bf16", "f32"] if _has_bf16_instructions() else ["f32", "bf16"]
        case _:
            assert_never(device)


def _has_bf16_instructions() -> bool:
    able: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch cannot say
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def make_engine(make: MakeModule, device: Device, precision: str, threads: int | None = None) -> Engine:
    """Return an engine for a module on a chosen device and in a chosen precision."""
    match device:
        case "cuda":
            return CUDAEngine(make, DTYPES[precision])
        case "openvino":
            return openvino.OpenVINOEngine(make, precision, threads)
        case "torch":
            return TorchEngine(make, DTYPES[precision], threads)
        case _:
            assert_never(device)


def arranged(network: MFRNet, what: What) -> MakeModule:
    """Return a function that makes the modules that read a network's maps or features."""

    def make(channels: int, dtype: torch.dtype, single: bool) -> nn.Module:
        return FromPictures(Fused(network, channels, dtype, single=single), what)

    return make


class Runtime(TileScorer):
    """A runtime runs a taught network on a device.  It is used from one thread at a time.

    Args:
        network: in evaluation mode; the runtime works on a copy.
        device: ``auto`` (CUDA if there, else OpenVINO, else torch), or one of these.
        precision: ``auto`` (as :func:`choose_precision`), ``f32``, ``bf16`` or ``f16``.
        threads: CPU cores to use; None for all (torch: one, unless OMP_WAIT_POLICY is PASSIVE).

    Attributes:
        tile_px, cell_px: sides of a tile and of a map's cell in px.
        edge_drop: how far the score falls where features differ half as much, as at a flaw's edge, where the network
            sees half of it: the squared error falls to a quarter.  The structure term is bounded, so near a flaw it
            says that there is one, not how much of it, and hardly falls.
        point_spread_px: how wide a point looks where the score has fallen so far: a cell and a half of the grid, with
            either encoder.
        device, precision: those chosen.
        broad: runtimes of the network's broad looks, on the same device.
        long, pattern: what the network's long look learned, and what is known of the cloth's repeat.
        is_async: whether the device works on submitted tiles while the caller does other things.

    Raises:
        ModelError: the device is missing or does not compute in this precision, or a name is unknown.
    """

    tile_px = TILE_PX
    cell_px = CELL_PX
    point_spread_px = 12.0

    def __init__(
        self, network: MFRNet, device: str = "auto", precision: str = "auto", threads: int | None = None
    ) -> None:
        if threads is not None and not 1 <= threads <= (os.cpu_count() or 1):
            raise ModelError(f"{threads} threads are impossible here: choose 1 to {os.cpu_count() or 1}.")
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        measure = network.measure
        self.edge_drop = math.log(4) * float(measure.shares.flatten()[0]) / float(measure.spread.flatten()[0])
        engine = make_engine(arranged(network, "maps"), self.device, self.precision, threads)
        self.is_async = engine.is_async
        self._engine: Engine | None = engine
        self._broad = {size: Runtime(one, device, precision, threads) for size, one in network.broad.items()}
        self.broad = self._broad
        self.long = network.long
        self.pattern = network.pattern

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return raw anomaly maps: call :meth:`submit` and wait for it."""
        return self.submit(tiles)()

    def submit(self, tiles: NDArray[np.uint8]) -> Callable[[], NDArray[np.float32]]:
        """Begin to judge tiles; return a function that waits for the raw anomaly maps and returns them.

        OpenVINO works on its own meanwhile, and further calls may begin; other devices finish before this returns.  The
        caller may keep the maps; tiles that are not contiguous are copied first.  OpenVINO reads tiles in place (they
        must not change until the maps are there) and writes straight into the maps; CUDA copies through buffers made
        once, on the host and on the card; torch allocates every step's tensors and copies each map.

        Args:
            tiles: uint8 ``[N, 256, 256]`` (grey) or ``[N, 256, 256, 3]`` (RGB); N may be 0.

        Returns:
            A function that returns float32 ``[N, 64, 64]``, above 0; good cloth lies below about 1.

        Raises:
            ModelError: wrong shape or type, the runtime is closed, or the device's memory is too small.
        """
        side = (TILE_PX, TILE_PX)
        if tiles.dtype != np.uint8 or tiles.shape[1:] not in (side, (*side, 3)):
            raise ModelError(
                f"Tiles of {tiles.dtype} {tiles.shape} cannot be judged; give uint8 tiles of {TILE_PX} px."
            )
        cells = TILE_PX // CELL_PX
        maps = np.empty((len(tiles), cells, cells), np.float32)
        wait = self._open_engine().start(np.ascontiguousarray(tiles), maps)

        def finish() -> NDArray[np.float32]:
            wait()
            return maps

        return finish

    def prepare(self, channels: int = 1) -> None:
        """Compile for grey (1) or colour (3) tiles now; otherwise the first tiles take seconds longer."""
        self._open_engine().prepare(channels)
        for one in self._broad.values():
            one.prepare(channels)

    def _open_engine(self) -> Engine:
        if self._engine is None:
            raise ModelError("This model runtime is closed: open a new one.")
        return self._engine

    def close(self) -> None:
        """Free the device.  This may be called twice."""
        for one in self._broad.values():
            one.close()
        if self._engine is not None:
            self._engine.close()
            self._engine = None


class FeatureReader:
    """A reader gives the features that training restores, in the device's own precision.

    Args:
        device: as for :class:`Runtime`.

    Raises:
        ModelError: there is no such device.
    """

    def __init__(self, network: MFRNet, device: str = "auto") -> None:
        chosen = choose_device(device)
        self._shape = (network.aggregator.width, TILE_PX // 8, TILE_PX // 8)
        self._engine = make_engine(arranged(network, "features"), chosen, choose_precision("auto", chosen))

    def read(self, tiles: NDArray[np.uint8]) -> Tensor:
        """Return features, float32 ``[N, D, 32, 32]`` on the CPU, of uint8 tiles as :meth:`Runtime.infer`."""
        out = np.empty((len(tiles), *self._shape), np.float32)
        self._engine.run(np.ascontiguousarray(tiles), out)
        return torch.from_numpy(out)

    def close(self) -> None:
        """Free the device's graph."""
        self._engine.close()
