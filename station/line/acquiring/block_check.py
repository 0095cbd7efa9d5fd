"""What is wrong with a block in itself: its shape, or its time."""

from __future__ import annotations

import time

import numpy as np

from drivers.camera import Camera, LineBlock, announced_shape
from station.line.errors import LineError


def check_shape(block: LineBlock, camera: Camera) -> None:
    """Raises LineError if the block's lines are not what the camera announced."""
    shape = block.pixels.shape[1:]
    expected = announced_shape(camera)
    if shape != expected or block.pixels.dtype != np.uint8:
        raise LineError(
            f"Camera {block.camera_id} sent lines of shape {shape} ({block.pixels.dtype}) where {expected} (uint8) "
            "was announced; check the camera's settings and start again."
        )


class CaptureClock:
    """Knows a time of capture that cannot be right: latency must not follow a camera's clock that stepped."""

    def __init__(self) -> None:
        self._last_ns = 0

    def checked_ns(self, captured_ns: int) -> int:
        """The time of capture (monotonic), or now if it is before the last one or in the future.

        To be asked for blocks with new lines only: those come in order.
        """
        now = time.monotonic_ns()
        self._last_ns = captured_ns if self._last_ns <= captured_ns <= now else now
        return self._last_ns
