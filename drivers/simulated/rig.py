"""This module simulates the rig without any fault: a loom, its cloth, and a line-scan or area camera above it."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera, CameraError, EncoderReading, EndOfClothError, LineBlock
from drivers.delivery import DeliveryRate
from drivers.simulated.loom import BLOCK_SECONDS, Loom, Span
from drivers.simulated.process import Renderer, RenderJob

_PACE_WINDOW_S = 1.0

log = logging.getLogger("drivers.simulated")


class SimulatedRig(Camera):
    """A simulated rig is a camera over a renderer's ring.  The loom stands while the camera is stopped.

    Args:
        job: what to render; the rig moves its start on as cloth goes by.
        camera_id: name of the camera in blocks.
    """

    def __init__(self, job: RenderJob, camera_id: str) -> None:
        self._job = job
        self._camera_id = camera_id
        self._switch = threading.Lock()  # one start or stop at a time; the other lock is never held for long
        self._lock = threading.RLock()
        self._stops = 0  # how many calls wait to stop what is being started
        self._renderer: Renderer | None = None
        self._loom: Loom | None = None
        self._rate = DeliveryRate()
        self._pace: deque[tuple[float, int, float]] = deque()
        self._spans: Iterator[Span] = job.plan.spans()
        self._span = next(self._spans, None)
        self._taken = 0  # line after the last block delivered or lost
        self._delivered = 0
        self._coasting = False

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._camera_id

    @property
    def width_px(self) -> int:
        """Return the number of pixels across."""
        return self._job.cloth.width_px

    @property
    def channels(self) -> int:
        """Return 1 (grey)."""
        return 1

    @property
    def waits(self) -> bool:
        """Return True without a speed."""
        return self._job.plan.profile is None

    @property
    def renderer_pid(self) -> int | None:
        """Return the process id of the renderer while started."""
        renderer = self._renderer
        return None if renderer is None else renderer.pid

    @property
    def memory_name(self) -> str | None:
        """Return the name of the shared memory while started."""
        renderer = self._renderer
        return None if renderer is None else renderer.memory_name

    def start(self) -> None:
        """Start the renderer and return when its first block is there.

        Raises:
            CameraError: it cannot be started, or was stopped meanwhile.
        """
        with self._switch:
            if self._renderer is not None:
                return
            with self._lock:
                self._pass_over()
                job = self._job
            renderer = Renderer(job, cancelled=lambda: self._stops > 0)
            with self._lock:
                self._loom = job.loom()
                self._renderer = renderer

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block; skip blocks overwritten before they were read (the line numbers show it).

        Raises:
            EndOfClothError: the cloth is at its end.
            CameraError: the renderer died.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                renderer, span = self._renderer, self._span
                if renderer is None:
                    return None
                if span is None and self._taken == self._job.plan.total_lines:
                    self._rate.clear()
                    raise EndOfClothError(f"The simulated cloth is at its end, after {self._taken} lines.")
                ready, wait_s = (False, timeout_s) if span is None else self._state(renderer, span)
                pixels = self._take(renderer, span) if ready and span is not None else None
            if span is not None and pixels is not None:
                return self._deliver(span, pixels)
            if ready:
                continue
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            self._sleep(renderer, min(remaining, wait_s))

    def encoder(self) -> EncoderReading:
        """Return the highest line the cloth has reached, and its speed."""
        with self._lock:
            loom = self._loom
            if loom is None:
                return EncoderReading(self._delivered, self._rate.lines_per_s())
            self._follow(loom)
            reading = loom.reading()
            due = max(reading.due_line, self._delivered)
            total = self._job.plan.total_lines
            if total is not None and due >= total:
                return EncoderReading(total, 0.0)
            standing = self._renderer is None and not self._coasting
            return EncoderReading(due, 0.0 if standing else self._speed(loom, due, reading.lines_per_s))

    def stop(self) -> None:
        """End the renderer; the loom stands.  A start under way is given up.  Never raises."""
        self._end(coasting=False)

    def coast(self) -> None:
        """End the renderer as if the camera were unplugged: a loom with a speed runs on unseen."""
        self._end(coasting=True)

    def _end(self, coasting: bool) -> None:
        with self._lock:
            self._stops += 1
        with self._switch:
            with self._lock:
                self._stops -= 1
                renderer = self._renderer
                self._renderer = None
                if self._loom is not None:
                    # A renderer that died holding the ring does not answer: then the loom is where it was last known.
                    with contextlib.suppress(CameraError):
                        self._follow(self._loom, renderer)
                    self._loom.limit_s = math.inf if coasting else self._loom.now_s()
                self._coasting = coasting and self._loom is not None
                self._rate.clear()
                self._pace.clear()
            if renderer is not None:
                try:
                    renderer.stop()
                except Exception:
                    log.exception("The renderer of camera %s did not end as it should.", self._camera_id)

    def _pass_over(self) -> None:
        """Move the start to where the loom stands; what passed while it coasted is gone."""
        if self._loom is None:
            return
        at_s = self._loom.now_s()
        while self._coasting and self._span is not None and self._span.ready_s <= at_s:
            self._advance(self._span)
        start_index = self._job.start_index if self._span is None else self._span.index
        self._job = replace(self._job, at_s=at_s, start_index=start_index)
        self._coasting = False

    def _state(self, renderer: Renderer, span: Span) -> tuple[bool, float]:
        """Return whether ``span`` may be taken now (or is lost already), and else about how long it will be."""
        with renderer.ring.locked() as header:
            rendered = int(header["rendered"]) > span.index
        if self._loom is None or not rendered:
            return rendered, BLOCK_SECONDS
        self._follow(self._loom, renderer)
        wait_s = span.ready_s - self._loom.now_s()
        return wait_s <= 0, max(wait_s, 0.001)

    def _take(self, renderer: Renderer, span: Span) -> NDArray[np.uint8] | None:
        with renderer.ring.locked() as header:
            pixels = renderer.ring.take(span.index, span.end_line - span.first_line)
            header["read_next"] = span.index + 1
        renderer.ask()
        self._advance(span)
        self._job = replace(self._job, start_index=span.index + 1)
        return pixels

    def _advance(self, span: Span) -> None:
        """Go on from ``span``, taken or lost; there is no next one at the end, or if the loom stands for ever."""
        self._taken = max(self._taken, span.end_line)
        self._span = next(self._spans, None)

    def _deliver(self, span: Span, pixels: NDArray[np.uint8]) -> LineBlock:
        with self._lock:
            lines = max(span.end_line - self._delivered, 0)
            self._delivered += lines
            captured_s = time.monotonic() if self._loom is None else self._loom.clock_at(span.ready_s)
        self._rate.add(lines)
        frame_lines = self._job.plan.frame_lines or 0
        return LineBlock(
            pixels=pixels,
            first_line=span.first_line,
            ticks_per_line=1.0,
            captured_ns=round(captured_s * 1e9),
            camera_id=self._camera_id,
            frame_line=max(0, frame_lines - len(pixels)),  # the first frames show only what has come into view
            frame_lines=frame_lines,
        )

    def _sleep(self, renderer: Renderer, seconds: float) -> None:
        try:
            if self._loom is None:
                renderer.wait(seconds)
            else:
                time.sleep(min(seconds, 0.02))
                renderer.wait(0.0)
        except CameraError:
            if self._renderer is renderer:  # else it was stopped meanwhile
                raise

    def _follow(self, loom: Loom, renderer: Renderer | None = None) -> None:
        if (renderer := renderer or self._renderer) is None:
            return
        with renderer.ring.locked() as header:
            if header["origin_s"]:
                loom.follow(float(header["origin_s"]), float(header["held_s"]), float(header["limit_s"]))

    def _speed(self, loom: Loom, due: int, nominal: float) -> float:
        """Return the profile's speed, or the mean of the last second if the loom was held back in it."""
        now = time.monotonic()
        self._pace.append((now, due, loom.held_s))
        while now - self._pace[0][0] > _PACE_WINDOW_S:
            self._pace.popleft()
        then, due_then, held_then = self._pace[0]
        if loom.held_s == held_then and not loom.is_held:
            return nominal
        return (due - due_then) / max(now - then, 0.1)
