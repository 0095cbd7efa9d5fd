"""This module puts several simulated cameras above one loom: each sees some columns of the same cloth."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivers.camera import Camera, CameraError, EncoderReading, LineBlock
from drivers.simulated.faults import FaultyCamera
from drivers.simulated.rig import SimulatedRig

BLOCKS_WAITING = 32
NARROWEST_PX = 64


@dataclass(frozen=True, slots=True)
class View:
    """A view is a camera that sees columns ``[first_px, end_px)`` of the cloth's picture; ``faults`` are its own."""

    camera_id: str
    first_px: int
    end_px: int
    faults: tuple[str, ...] = ()


class SimulatedView(FaultyCamera):
    """A simulated view is one of several simulated cameras, with its own faults."""

    def __init__(
        self, camera: Camera, faults: Sequence[str], seed: int, every_lines: int, *, frames: bool, mm_per_px: float
    ) -> None:
        super().__init__(camera, faults, seed, every_lines=every_lines, frames=frames)
        self._mm_per_px = mm_per_px

    @property
    def mm_per_px(self) -> float:
        """Return the scale of both axes."""
        return self._mm_per_px


def open_views(rig: SimulatedRig, views: Sequence[View]) -> list[Camera]:
    """Return a camera for each view.  They own the rig from now on: it runs while one of them does.

    Raises:
        CameraError: a view that does not lie within the picture.
    """
    for view in views:
        if not 0 <= view.first_px <= view.end_px - NARROWEST_PX <= rig.width_px - NARROWEST_PX:
            raise CameraError(
                f"Camera {view.camera_id} cannot view columns {view.first_px} to {view.end_px} of a cloth picture of "
                f"{rig.width_px} px; both must lie within it, at least {NARROWEST_PX} px apart."
            )
    shared = _SharedRig(rig, views)
    return [_RigView(shared, number) for number in range(len(views))]


class _SharedRig:
    """A shared rig hands every block of one rig to all views; a view that finds none waiting fetches the next for all.

    Cloth that waits is held for the slowest view, started or not; only started views see cloth that runs on.
    """

    def __init__(self, rig: SimulatedRig, views: Sequence[View]) -> None:
        self.rig = rig
        self.views = tuple(views)
        self._changed = threading.Condition()
        self._fetching = threading.Lock()
        self._queues: list[deque[LineBlock]] = [deque(maxlen=BLOCKS_WAITING) for _ in views]
        self._started: set[int] = set()

    def start(self, number: int) -> None:
        self.rig.start()
        with self._changed:
            self._started.add(number)

    def end(self, number: int, *, coasting: bool) -> None:
        with self._changed:
            self._started.discard(number)
            is_last = not self._started
            if not self.rig.waits:
                self._queues[number].clear()
        if is_last and coasting:
            self.rig.coast()
        elif is_last:
            self.rig.stop()

    def read(self, number: int, timeout_s: float) -> LineBlock | None:
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                if self._queues[number]:
                    self._changed.notify_all()
                    return self._queues[number].popleft()
            left = deadline - time.monotonic()
            if left <= 0 or not self._fetching.acquire(timeout=left):
                return None
            try:
                self._fetch(number, deadline)
            finally:
                self._fetching.release()

    def _fetch(self, number: int, deadline: float) -> None:
        with self._changed:
            if self._queues[number] or not self._changed.wait_for(self._has_room, deadline - time.monotonic()):
                return
        try:
            block = self.rig.read(max(deadline - time.monotonic(), 0.0))
        except CameraError:
            self.rig.stop()  # the next view that starts will start it again
            raise
        if block is None:
            time.sleep(0.001)  # a rig that was stopped answers at once
            return
        with self._changed:
            for other, (view, queue) in enumerate(zip(self.views, self._queues, strict=True)):
                if self.rig.waits or other in self._started:
                    pixels = np.ascontiguousarray(block.pixels[:, view.first_px : view.end_px])
                    queue.append(replace(block, pixels=pixels, camera_id=view.camera_id))

    def _has_room(self) -> bool:
        return not self.rig.waits or all(len(queue) < BLOCKS_WAITING for queue in self._queues)


class _RigView(Camera):
    """A rig view is one view of a shared rig."""

    channels = 1

    def __init__(self, shared: _SharedRig, number: int) -> None:
        self._shared = shared
        self._number = number
        self._view = shared.views[number]

    @property
    def camera_id(self) -> str:
        return self._view.camera_id

    @property
    def width_px(self) -> int:
        return self._view.end_px - self._view.first_px

    @property
    def waits(self) -> bool:
        return self._shared.rig.waits

    def start(self) -> None:
        self._shared.start(self._number)

    def read(self, timeout_s: float) -> LineBlock | None:
        return self._shared.read(self._number, timeout_s)

    def encoder(self) -> EncoderReading:
        return self._shared.rig.encoder()

    def stop(self) -> None:
        self._shared.end(self._number, coasting=False)

    def coast(self) -> None:
        self._shared.end(self._number, coasting=True)
