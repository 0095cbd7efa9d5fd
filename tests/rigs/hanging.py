"""A camera whose driver never returns: hardware there is no emulator for."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, EncoderReading, LineBlock
from model.scorer import CELL_PX, TILE_PX, TileScorer


class HangingCamera(Camera):
    """Even cloth beside a running loom.  While ``hangs`` names a call (start, read, stop) that call never returns, not
    even when it is named no more, until :meth:`release`; the loom and its encoder run on.

    Args:
        lines_per_s: speed of the loom; may be changed, 0 stands.
    """

    camera_id = "hanging"
    width_px = 256
    channels = 1
    waits = False
    block_lines = 64

    def __init__(self, lines_per_s: float = 2000.0) -> None:
        self.hangs: set[str] = set()
        self.sent: list[tuple[int, int]] = []
        self.calls: list[str] = []
        self.inside: list[threading.Thread] = []  # in a call that hangs
        self._release = threading.Event()
        self._lock = threading.Lock()
        self._speed, self._lines, self._since = lines_per_s, 0.0, time.monotonic()
        self._next = 0

    @property
    def lines_per_s(self) -> float:
        return self._speed

    @lines_per_s.setter
    def lines_per_s(self, speed: float) -> None:
        with self._lock:
            self._lines, self._since = self._due(), time.monotonic()
            self._speed = speed

    def release(self) -> None:
        """Let all hanging calls return, as tests must before they end."""
        self.hangs.clear()
        self._release.set()

    def start(self) -> None:
        self._enter("start")
        self._next = self.encoder().due_line

    def read(self, timeout_s: float) -> LineBlock | None:
        self._enter("read")
        until = time.monotonic() + timeout_s
        while self.encoder().due_line < self._next + self.block_lines:
            if time.monotonic() >= until:
                return None
            time.sleep(0.005)
        first, self._next = self._next, self._next + self.block_lines
        self.sent.append((first, self._next))
        return LineBlock(even(self.block_lines, self.width_px), first, 1.0, time.monotonic_ns(), self.camera_id)

    def encoder(self) -> EncoderReading:
        with self._lock:
            return EncoderReading(int(self._due()), self._speed)

    def stop(self) -> None:
        self._enter("stop")

    def _due(self) -> float:
        return self._lines + self._speed * (time.monotonic() - self._since)

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        if call in self.hangs:
            self.inside.append(threading.current_thread())
            self._release.wait()
            self.inside.remove(threading.current_thread())


class EvenScorer(TileScorer):
    """Finds nothing, at once; hangs for good while told to, where a call that was begun is awaited."""

    tile_px = TILE_PX
    cell_px = CELL_PX
    is_async = True

    def __init__(self) -> None:
        self.hangs = False
        self.release = threading.Event()

    def infer(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.hangs:
            self.release.wait()
        return np.ones((len(tiles), 64, 64), np.float32)


def even(lines: int, width: int) -> NDArray[np.uint8]:
    """Cloth without a thread to be seen."""
    return np.full((lines, width), 120, np.uint8)
