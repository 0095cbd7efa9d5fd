"""This module defines what an engine does and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

MakeModule = Callable[[int, torch.dtype, bool], nn.Module]
"""Such a function makes the module an engine runs: for pictures of 1 or 3 channels, computing in a dtype, for one at a
time or for batches.  The module takes uint8 ``[N, 256, 256]`` or ``[N, 256, 256, 3]`` and gives one float32 tensor
``[N, …]``."""


Wait = Callable[[], None]


class Engine(Protocol):
    """An engine runs one module on one device.  It is used from one thread at a time.

    Attributes:
        is_async: whether the engine works on started calls while the caller does other things.
    """

    is_async: bool = False

    def prepare(self, channels: int) -> None:
        """Get ready for pictures of 1 or 3 channels; otherwise the first :meth:`run` takes seconds longer."""

    def run(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Fill ``out``, one entry per picture, and wait without the GIL.

        Args:
            pictures: uint8 ``[N, 256, 256]`` or ``[N, 256, 256, 3]``, contiguous; read in place.
            out: float32 ``[N, …]``, contiguous.
        """

    def start(self, pictures: NDArray[np.uint8], out: NDArray[np.float32]) -> Wait:
        """Do as :meth:`run`, but where the engine works on its own return at once.

        The function returned waits until ``out`` is full.  Until then both arrays belong to the engine, and further
        calls may begin.
        """
        self.run(pictures, out)
        return lambda: None

    def close(self) -> None:
        """Free what the engine holds."""


def channels_of(pictures: NDArray[np.uint8]) -> int:
    """Return 1 (grey) or 3 (RGB)."""
    return 1 if pictures.ndim == 3 else pictures.shape[3]
