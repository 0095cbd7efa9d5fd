"""This module renders cloth in a process of its own and hands it over through a ring of blocks in shared memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.shared_memory import SharedMemory
from multiprocessing.synchronize import Lock, Semaphore
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError
from drivers.simulated.cloth import Cloth
from drivers.simulated.loom import Loom, Span, SpanPlan
from drivers.simulated.ring import FINISHED, RUNNING, TOLD_TO_STOP, OwnMemory, Ring, RingShape

_START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class ClothSettings:
    """These settings are everything that makes one cloth."""

    style: str
    width_px: int
    mm_per_px: float
    seed: int
    web_px: tuple[int, int] | None
    flaws_per_m: float
    disturbances: bool
    seams: tuple[int, ...] = ()
    recall_lines: int = 0

    def weave(self) -> Cloth:
        """Return the cloth.  Raises CameraError."""
        return Cloth(
            self.style,
            width_px=self.width_px,
            mm_per_px=self.mm_per_px,
            seed=self.seed,
            web_px=self.web_px,
            flaws_per_m=self.flaws_per_m,
            disturbances=self.disturbances,
            seams=self.seams,
            recall_lines=self.recall_lines,
        )


@dataclass(frozen=True)
class RenderJob:
    """A render job says what a renderer must do.

    Attributes:
        cloth: what to render.
        plan: which lines, in which order.
        shape: the ring's size.
        start_index: first span.
        at_s: loom time to begin at.
        frame_falloff: share of light an area camera loses at the first and the last line of its frame.
    """

    cloth: ClothSettings
    plan: SpanPlan
    shape: RingShape
    start_index: int = 0
    at_s: float = 0.0
    frame_falloff: float = 0.0

    def loom(self) -> Loom | None:
        """Return the running loom; None if the camera waits for its reader."""
        return None if self.plan.profile is None else Loom(self.plan.profile, at_s=self.at_s)

    def picture(self, cloth: Cloth, span: Span) -> NDArray[np.uint8]:
        """Return what the camera sees of ``cloth`` in a span: uint8 ``[lines, width]``."""
        lines = span.end_line - span.first_line
        pixels = cloth.render(span.first_line, lines)
        if self.plan.frame_lines is None or not self.frame_falloff:
            return pixels
        # the newest line is the frame's last, also where a frame is not full yet
        off_axis = (np.arange(self.plan.frame_lines, dtype=np.float32) + 0.5) / self.plan.frame_lines * 2 - 1
        gain = 1 - np.float32(self.frame_falloff) * off_axis[-lines:, None] ** 2
        return np.rint(pixels * gain).astype(np.uint8)


class _BareProcess(SpawnProcess):
    """A bare process is spawned without running the caller's main module again.

    Spawning imports ``__main__`` anew so that its functions can be found.  The renderer needs none of them, and a main
    without a guard would start itself over and over.
    """

    _swap = threading.Lock()

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _BareProcess._swap:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = types.ModuleType("__main__")
            try:
                with _signals_blocked():
                    return SpawnProcess._Popen(process_obj)
            finally:
                sys.modules["__main__"] = main


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block Ctrl+C and SIGTERM meanwhile, for what this thread spawns too: a terminal and a service send them to all of
    a program's processes, and only the first is to leave by itself."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Renderer:
    """A renderer is the rendering process and its ring, as their owner sees them.

    Blocks of a running loom are overwritten, read or not; without one the renderer waits for the reader.

    Args:
        job: what to render.
        cancelled: called while the first block is awaited; once true, the start is given up.

    Raises:
        CameraError: no process or no memory available, cancelled, or no first block within a minute.
    """

    def __init__(self, job: RenderJob, cancelled: Callable[[], bool] = lambda: False) -> None:
        shape = job.shape
        context: SpawnContext = multiprocessing.get_context("spawn")
        try:
            own = OwnMemory(shape.total_bytes)
            memory = own.memory
            self._memory = memory
        except OSError as error:
            raise CameraError(
                f"The simulated camera found no {shape.total_bytes >> 20} MiB of shared memory ({error.strerror}); "
                "close other programs or make /dev/shm larger."
            ) from error
        with own.named():
            lock = context.Lock()
            self._filled = context.Semaphore(0)
            self._free = context.Semaphore(0)
        self.ring = Ring(memory, shape, lock)
        self.ring.clear(job.start_index, job.at_s)
        self._process = _BareProcess(
            target=render, args=(memory.name, lock, self._filled, self._free, job), name="cloth renderer", daemon=True
        )
        self._end = weakref.finalize(self, _end_renderer, self._process, self.ring, own, self._free)
        try:
            self._process.start()
            self._await_first(job.start_index, cancelled)
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise CameraError(f"The simulated camera's renderer cannot be started ({error.strerror}).") from error
            raise

    @property
    def memory_name(self) -> str:
        """Return the name of the shared memory."""
        return self._memory.name

    @property
    def pid(self) -> int | None:
        """Return the process id of the renderer."""
        return self._process.pid

    def wait(self, seconds: float) -> None:
        """Wait for the next block to be rendered, at most ``seconds``.  Raises CameraError if the renderer died."""
        if not self._filled.acquire(timeout=max(min(seconds, 0.1), 0.0)):
            self._check()

    def ask(self) -> None:
        """Signal the renderer that the reader has moved on."""
        self._free.release()

    def stop(self) -> None:
        """End the process and free the memory.  May be called twice."""
        self._end()

    def _check(self) -> None:
        with self.ring.locked() as header:
            error = bytes(header["error"]).decode("utf-8", "replace")
            running = int(header["state"]) == RUNNING
        if error:
            raise CameraError(error)
        if running and not self._process.is_alive():
            raise CameraError(
                f"The simulated camera's renderer ended by itself (code {self._process.exitcode}); start it again."
            )

    def _await_first(self, start_index: int, cancelled: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            with self.ring.locked() as header:
                if header["rendered"] > start_index or header["state"] != RUNNING:
                    return
            if cancelled():
                raise CameraError("The simulated camera was stopped before it gave a picture; start it again.")
            if time.monotonic() > deadline:
                raise CameraError("The simulated camera's renderer gave no picture within a minute; is the CPU busy?")
            self.wait(0.1)


def _end_renderer(process: SpawnProcess, ring: Ring, own: OwnMemory, free: Semaphore) -> None:
    """End the renderer, by force if need be, then free the memory: in this order, or its pages would come back."""
    ring.header[0]["state"] = TOLD_TO_STOP
    free.release()
    try:
        if process.pid is not None:
            process.join(STOP_TIMEOUT_S)
            if process.is_alive():
                process.kill()  # it has nothing to tidy, and hears no other signal
                process.join(STOP_TIMEOUT_S)
            if not process.is_alive():  # a killed one may still take its time
                process.close()
    finally:
        ring.close()
        own.free()


def render(memory_name: str, lock: Lock, filled: Semaphore, free: Semaphore, job: RenderJob) -> None:
    """Run the renderer's process: fill the ring until told to stop, the cloth ends or the parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # its parent hears them, and says when to end
    cv2.setNumThreads(1)
    try:
        memory = SharedMemory(memory_name)
    except FileNotFoundError:
        return  # the owner gave up meanwhile
    ring = Ring(memory, job.shape, lock, gives_up=_is_left)  # its reader may be stopped for a while
    try:
        _fill(ring, filled, free, job)
    except Exception as error:
        with ring.locked() as header:
            header["error"] = f"The simulated camera's renderer failed: {error}".encode()[:800]
        filled.release()
    finally:
        ring.close()


def _fill(ring: Ring, filled: Semaphore, free: Semaphore, job: RenderJob) -> None:
    cloth, loom = job.cloth.weave(), job.loom()
    recent: deque[Span] = deque(maxlen=job.shape.ahead)
    for span in job.plan.spans(job.start_index):
        while not _has_room(ring, span, recent, job.shape, loom):
            free.acquire(timeout=0.01 if loom else 0.25)
            if _is_orphan(ring):
                return
        if _is_orphan(ring):
            return
        pixels = job.picture(cloth, span)
        with ring.locked() as header:
            ring.put(span.index, pixels)
            if loom is not None:
                loom.allow(span.ready_s)
                header["origin_s"] = loom.origin_s
                header["held_s"] = loom.held_s
                header["limit_s"] = loom.limit_s
        recent.append(span)
        filled.release()
    with ring.locked() as header:
        header["state"] = max(header["state"], FINISHED)


def _has_room(ring: Ring, span: Span, recent: deque[Span], shape: RingShape, loom: Loom | None) -> bool:
    """Return whether ``span`` may take its slot: at a running loom, always within the lead; else once it was read."""
    if loom is not None:
        return len(recent) < shape.ahead or recent[0].ready_s <= loom.now_s()
    with ring.locked() as header:
        return span.index - shape.slots < int(header["read_next"])


def _is_orphan(ring: Ring) -> bool:
    return int(ring.header[0]["state"]) == TOLD_TO_STOP or _is_left()


def _is_left() -> bool:
    parent = multiprocessing.parent_process()
    return parent is None or not parent.is_alive()
