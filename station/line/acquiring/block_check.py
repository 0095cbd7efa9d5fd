"""This module checks what can be wrong with a block on its own: its shape or its time."""

from __future__ import annotations

import time

import numpy as np

from drivers.camera import Camera, LineBlock, announced_shape
from station.line.errors import LineError


def check_shape(block: LineBlock, camera: Camera) -> None:
    """Check that the block's lines are what the camera announced.  Raises LineError if not."""
    shape = block.pixels.shape[1:]
    expected = announced_shape(camera)
    if shape != expected or block.pixels.dtype != np.uint8:
        raise LineError(
            f"Camera {block.camera_id} sent lines of shape {shape} ({block.pixels.dtype}) where {expected} (uint8) "
            "was announced; check the camera's settings and start again."
        )


class CaptureClock:
    """The clock rejects impossible capture times: a camera clock that stepped must not distort the latency."""

    def __init__(self) -> None:
        self._last_ns = 0

    def checked_ns(self, captured_ns: int) -> int:
        """Return the time of capture (monotonic), or now if it is before the last one or in the future.

        Call it for blocks with new lines only: those come in order.
        """
        now = time.monotonic_ns()
        self._last_ns = captured_ns if self._last_ns <= captured_ns <= now else now
        return self._last_ns
