"""This module passes blocks of pixels in shared memory from the process that renders them to their reader."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from multiprocessing.synchronize import Lock
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError

if sys.platform != "win32":
    import fcntl

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


SHARED = Path("/dev/shm")
"""Shared memory and semaphores lie here as files, on systems that show them."""

OWN = "station-"


class OwnMemory:
    """This is shared memory that is known as ours: what a killed program left of it, the next one frees.

    Its file is locked while this process lives, and the semaphores made under :meth:`named` bear its name.

    Raises:
        OSError: there is not so much memory.
    """

    def __init__(self, size: int) -> None:
        self._claim: int | None = None
        name = f"{OWN}{secrets.token_hex(4)}"
        if sys.platform == "win32" or not SHARED.is_dir():
            self.memory = SharedMemory(name, create=True, size=size)
            return
        free_abandoned()
        self._claim = os.open(SHARED / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._claim, fcntl.LOCK_EX)
        os.ftruncate(self._claim, size)
        self.memory = SharedMemory(name)

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Give the semaphores that are made meanwhile the memory's name and a number."""
        settings: dict[str, Any] = getattr(multiprocessing.current_process(), "_config", {})
        before = settings.get("semprefix")
        settings["semprefix"] = f"/{self.memory.name.lstrip('/')}"
        try:
            yield
        finally:
            settings["semprefix"] = before

    def free(self) -> None:
        """Free the memory, which must be closed."""
        self.memory.unlink()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None


def free_abandoned() -> None:
    """Free the memory and the semaphores of programs that were killed together with all of their processes."""
    if sys.platform == "win32":
        return
    for left in SHARED.glob(f"{OWN}*"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its owner lives
            if os.fstat(file.fileno()).st_size:  # else it is just being made
                for one in (*SHARED.glob(f"sem.{left.name}-*"), left):
                    one.unlink(missing_ok=True)


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
    dead.  ``gives_up``: asked whether a lock that is not free for long is given up."""

    def __init__(
        self, memory: SharedMemory, shape: RingShape, lock: Lock, gives_up: Callable[[], bool] = lambda: True
    ) -> None:
        self._memory = memory
        self._lock = lock
        self._gives_up = gives_up
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
        while not self._acquired():
            if self._gives_up():
                raise CameraError(
                    "The simulated camera's renderer died while it held the ring; start the camera again."
                )
        try:
            if self.closed:
                raise CameraError("The simulated camera was stopped; start it again.")
            yield self.header[0]
        finally:
            self._lock.release()

    def _acquired(self) -> bool:
        """Take the lock in two tries: the time of the first one passes even while this process is stopped."""
        return any(self._lock.acquire(timeout=LOCK_TIMEOUT_S / 2) for _ in range(2))

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
        held = self._acquired()
        self.closed = True
        del self.header, self._stamps, self._pixels
        self._memory.close()
        if held:
            self._lock.release()
