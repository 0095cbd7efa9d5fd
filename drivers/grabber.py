"""This module reads a camera in a thread of its own: a call that never returns costs that thread and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from drivers import abandoned
from drivers.camera import GONE_S, STALL_S, Camera, CameraError, LineBlock
from drivers.standstill import AWAKE

START_LIMIT_S, STOP_LIMIT_S = 30.0, 3.0
"""A camera may take this long to start, and to stop before it is started again; then its thread is abandoned."""

MOST_ABANDONED = 8
"""At most this many threads of one camera may hang; then nothing is asked of it until one of them returns."""

ANSWER_S = 0.1
"""A read may answer this much later than its timeout before it counts as no block."""


class _Worker(threading.Thread):
    """A worker makes one call after another until it gets None."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.calls: SimpleQueue[Callable[[], LineBlock | None] | None] = SimpleQueue()
        self.answers: SimpleQueue[tuple[LineBlock | None, Exception | None]] = SimpleQueue()
        self.start()

    def run(self) -> None:
        while (call := self.calls.get()) is not None:
            try:
                self.answers.put((call(), None))
            except Exception as error:
                self.answers.put((None, error))


class Grabber:
    """A grabber asks a camera for one thing at a time, in its grab thread, and never waits longer than the timeout.

    A thread that hangs in a call is abandoned as soon as something else is asked; a fresh thread then makes that call.
    What the abandoned one would have returned is never seen.  Use a grabber from one thread only.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._worker: _Worker | None = None
        self._asked = ""
        self._asked_s = 0.0
        self._left: list[_Worker] = []

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._camera.camera_id

    @property
    def asked(self) -> str:
        """Return what the camera has not answered yet: start, read, stop, or nothing."""
        return self._asked

    @property
    def unanswered_s(self) -> float:
        """Return for how long the camera has owed an answer while this program ran; 0 if it owes none."""
        return AWAKE.now() - self._asked_s if self._asked else 0.0

    @property
    def hangs(self) -> bool:
        """Return True if a read, which asks for a moment only, has gone unanswered so long that the driver hangs.

        This does not ask the encoder, which may hang behind the same driver and seem to stand.
        """
        return self._asked == "read" and self.unanswered_s > GONE_S

    @property
    def hung(self) -> bool:
        """Return True if an abandoned thread still hangs."""
        self._left = [worker for worker in self._left if worker.is_alive()]
        return bool(self._left)

    def silence(self, unseen_s: float) -> str:
        """Say why the camera is given up: cloth passed unseen for so long, or the camera does not answer."""
        name = f"Camera {self._camera.camera_id}"
        if self.unanswered_s > STALL_S:
            return f"{name} has not answered for {self.unanswered_s:.1f} s"
        return f"{name} has sent nothing for {unseen_s:.1f} s although cloth moves"

    def start(self) -> None:
        """Ask the camera to start; :meth:`answered` says when it has.

        Raises:
            CameraError: so many threads hang in the camera that no further one is started.
        """
        if self.hung and len(self._left) >= MOST_ABANDONED:
            raise CameraError(
                f"Camera {self._camera.camera_id} does not answer at all; unplug it, or restart the program."
            )
        self._ask("start", self._camera.start)

    def stop(self) -> None:
        """Ask the camera to stop; :meth:`answered` says when it has."""
        self._ask("stop", self._camera.stop)

    def answered(self, timeout_s: float) -> bool:
        """Return True once no answer is owed any more, within ``timeout_s``.  Raises what the camera raised."""
        self._answer(timeout_s)
        return not self._asked

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block, or None if none came within ``timeout_s`` or soon after; a late read goes on.

        Raises what the camera's ``read`` raises.
        """
        if self._asked != "read":
            self._ask("read", lambda: self._camera.read(timeout_s))
        return self._answer(timeout_s + ANSWER_S)

    def close(self) -> None:
        """End the thread, or abandon it if it hangs."""
        self._dismiss()

    def _ask(self, what: str, call: Callable[[], LineBlock | None]) -> None:
        if self._asked:
            self._dismiss()
        if self._worker is None:
            self._worker = _Worker(f"line-grab-{self._camera.camera_id}")
        self._asked_s = AWAKE.now()  # first, so that a thread that sees ``_asked`` also sees since when
        self._asked = what
        self._worker.calls.put(call)

    def _answer(self, timeout_s: float) -> LineBlock | None:
        if self._worker is None or not self._asked:
            return None
        try:
            block, error = self._worker.answers.get(timeout=timeout_s)
        except Empty:
            return None
        self._asked = ""
        if error is not None:
            raise error
        return block

    def _dismiss(self) -> None:
        worker = self._worker
        self._worker = None
        if worker is None:
            return
        worker.calls.put(None)
        if self._asked:
            self._asked = ""
            self._left.append(worker)
            abandoned.abandon(worker)
