"""This module runs the network on the processor with torch, one tile at a time, where OpenVINO is missing."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.engines.engine import Engine, MakeModule, channels_of


class TorchEngine(Engine):
    """This engine makes one module per number of channels, when first needed.

    Args:
        make: makes the module.
        dtype: number format that trunk and restoration compute in.
        threads: cores to use; None for all of them where waiting threads sleep (OMP_WAIT_POLICY=PASSIVE, set before
            torch is imported), else one: threads that spin while they wait become very slow as soon as a window or
            the camera needs a core.
    """

    def __init__(self, make: MakeModule, dtype: torch.dtype, threads: int | None) -> None:
        passive = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
        self._threads = threads or ((os.cpu_count() or 1) if passive else 1)
        self._make = make
        self._dtype = dtype
        self._modules: dict[int, nn.Module] = {}

    def prepare(self, channels: int) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        if channels not in self._modules:
            module = self._make(channels, self._dtype, True)
            self._modules[channels] = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        channels = channels_of(pictures)
        self.prepare(channels)
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        module, given, made = self._modules[channels], torch.from_numpy(pictures), torch.from_numpy(out)
        for place in range(len(pictures)):
            made[place : place + 1] = module(given[place : place + 1])

    def close(self) -> None:
        """Do what :class:`model.engines.engine.Engine` says."""
        self._modules.clear()
