"""This module passes blocks of pixels in shared memory from the process that renders them to their reader."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from multiprocessing.synchronize import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError

LOCK_TIMEOUT_S = 3.0
RUNNING, FINISHED, TOLD_TO_STOP = 0, 1, 2
_HEADER = np.dtype(
    [
        ("state", "i8"),
        ("rendered", "i8"),  # index after the last span rendered
        ("read_next", "i8"),  # index of the span the reader wants next
        ("origin_s", "f8"),
        ("held_s", "f8"),
        ("limit_s", "f8"),
        ("error", "S800"),
    ]
)


@dataclass(frozen=True, slots=True)
class RingShape:
    """A ring has ``slots`` blocks of up to ``lines`` x ``width_px`` pixels; ``ahead`` of them may lie in the future."""

    slots: int
    ahead: int
    lines: int
    width_px: int

    @property
    def total_bytes(self) -> int:
        """Return the shared memory needed."""
        return _HEADER.itemsize + 8 * self.slots + self.slots * self.lines * self.width_px


class Ring:
    """A ring holds blocks in shared memory, used under ``lock``; only the stop order needs none: its holder may be
    dead."""

    def __init__(self, memory: SharedMemory, shape: RingShape, lock: Lock) -> None:
        self._memory = memory
        self._lock = lock
        self.closed = False
        buffer = memory.buf
        stamps_at, pixels_at = _HEADER.itemsize, _HEADER.itemsize + 8 * shape.slots
        self.header: NDArray[Any] = np.ndarray((1,), _HEADER, buffer)
        self._stamps: NDArray[np.int64] = np.ndarray((shape.slots,), np.int64, buffer, stamps_at)
        self._pixels: NDArray[np.uint8] = np.ndarray(
            (shape.slots, shape.lines, shape.width_px), np.uint8, buffer, pixels_at
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[Any]:
        """Yield the header, under the lock."""
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise CameraError("The simulated camera's renderer died while it held the ring; start the camera again.")
        try:
            if self.closed:
                raise CameraError("The simulated camera was stopped; start it again.")
            yield self.header[0]
        finally:
            self._lock.release()

    def put(self, index: int, pixels: NDArray[np.uint8]) -> None:
        """Store a block; the lock must be held."""
        slot = index % len(self._stamps)
        self._pixels[slot, : len(pixels)] = pixels
        self._stamps[slot] = index
        self.header[0]["rendered"] = index + 1

    def take(self, index: int, lines: int) -> NDArray[np.uint8] | None:
        """Return a copy of a block, or None if it is not there (any more); the lock must be held."""
        slot = index % len(self._stamps)
        return self._pixels[slot, :lines].copy() if self._stamps[slot] == index else None

    def clear(self, start_index: int, at_s: float) -> None:
        """Empty the ring, for spans from ``start_index`` on."""
        self._stamps[:] = -1
        self.header[0] = (RUNNING, start_index, start_index, 0.0, 0.0, at_s, b"")

    def close(self) -> None:
        """Release the memory, once nobody uses it."""
        held = self._lock.acquire(timeout=LOCK_TIMEOUT_S)
        self.closed = True
        del self.header, self._stamps, self._pixels
        self._memory.close()
        if held:
            self._lock.release()
