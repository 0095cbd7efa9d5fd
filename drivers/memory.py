"""This module plays cloth from memory, over and over, so that a benchmark pays for no rendering or reading."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EncoderReading, EndOfClothError, LineBlock
from drivers.delivery import DeliveryRate


class MemoryCamera(Camera):
    """A memory camera delivers uint8 cloth ``[lines, width]`` or ``[lines, width, 3]`` in blocks, endlessly or not.

    Args:
        cloth: the picture; after its last line comes its first again.
        block_lines: lines per block.
        lines: how many to deliver in all; None: endless.
    """

    camera_id = "memory"
    waits = True

    def __init__(self, cloth: NDArray[np.uint8], *, block_lines: int = 256, lines: int | None = None) -> None:
        if cloth.shape[0] < block_lines:
            raise ValueError(f"cloth of {cloth.shape[0]} lines is shorter than a block of {block_lines}")
        self._cloth = np.ascontiguousarray(cloth)
        self._block_lines = block_lines
        self._total = lines
        self._next = 0
        self._rate = DeliveryRate()

    @property
    def width_px(self) -> int:
        """Return the number of pixels across."""
        return int(self._cloth.shape[1])

    @property
    def channels(self) -> int:
        """Return 1 (grey) or 3 (RGB)."""
        return 1 if self._cloth.ndim == 2 else 3

    def start(self) -> None:
        """Begin again at the first line."""
        self._next = 0

    def read(self, timeout_s: float) -> LineBlock:
        """Return the next block, at once."""
        del timeout_s
        count = self._block_lines
        if self._total is not None:
            count = min(count, self._total - self._next)
        if count <= 0:
            raise EndOfClothError
        place = self._next % len(self._cloth)
        count = min(count, len(self._cloth) - place)
        block = LineBlock(
            pixels=self._cloth[place : place + count],
            first_line=self._next,
            ticks_per_line=1.0,
            captured_ns=time.monotonic_ns(),
            camera_id=self.camera_id,
        )
        self._next += count
        self._rate.add(count)
        return block

    def encoder(self) -> EncoderReading:
        """Return the lines delivered so far, and how fast."""
        return EncoderReading(self._next, self._rate.lines_per_s())

    def stop(self) -> None:
        """Do nothing: there is nothing to free."""
