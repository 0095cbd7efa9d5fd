"""This module keeps one of several cameras going: it starts it, hands on its blocks, and starts it again when lost."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from enum import Enum

from drivers.camera import (
    GONE_S,
    Camera,
    CameraError,
    CameraGoneError,
    EncoderReading,
    EndOfClothError,
    LineBlock,
    announced_shape,
)
from drivers.grabber import START_LIMIT_S, STOP_LIMIT_S, Grabber
from drivers.notice import Notice, Severity
from drivers.standstill import AWAKE
from drivers.supervision import READ_TIMEOUT_S, RetryPauses, settle, start_within

LOG = logging.getLogger("drivers.joined")


class ReaderState(Enum):
    """A reader state says how one camera of several is."""

    STARTING = "starting"
    LIVE = "live"
    OUT = "out"
    ENDED = "ended"


class CameraReader:
    """A reader reads ``camera`` in a thread of its own from now on until :meth:`end`.

    Args:
        camera: used by this reader only, except for its encoder.
        take: receives each block; called with ``changed`` held.
        has_room: says whether this many lines may be handed on now; called with ``changed`` held.
        changed: notified when a block was handed on or the state has changed; guards both.
        notices: receives notices of loss and return.
    """

    def __init__(
        self,
        camera: Camera,
        take: Callable[[LineBlock], None],
        has_room: Callable[[int], bool],
        changed: threading.Condition,
        notices: deque[Notice],
    ) -> None:
        self._camera = camera
        self._take = take
        self._has_room = has_room
        self._changed = changed
        self._notices = notices
        self._grabber = Grabber(camera)
        self._end = threading.Event()
        self._pauses = RetryPauses()
        self._is_dropping = False
        self._is_told_lost = False
        self.state = ReaderState.STARTING
        self.since_s = AWAKE.now()
        self.fault: CameraError | None = None
        self._thread = threading.Thread(target=self._run, name=f"line-camera-{camera.camera_id}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ask the reader to end; returns at once."""
        self._end.set()

    def join(self) -> None:
        """Wait until the reader has ended, which is soon even if the camera hangs."""
        self._thread.join()

    def _run(self) -> None:
        delay_s = 0.0
        try:
            while not self._end.wait(delay_s):
                try:
                    if not self._open():
                        return
                    self._set(ReaderState.LIVE)
                    self._read_on()
                except EndOfClothError:
                    self._set(ReaderState.ENDED)
                    return
                except CameraError as error:
                    self._lose(error)
                except Exception as error:
                    LOG.exception("Camera %s failed", self._camera.camera_id)
                    self._lose(CameraError(f"Camera {self._camera.camera_id} failed: {error}"))
                delay_s = self._pauses.next_s()
        finally:
            self._let_go()
            self._grabber.close()

    def _open(self) -> bool:
        """Start the camera.  Returns False if asked to end meanwhile.  Raises CameraError."""
        return start_within(START_LIMIT_S, self._grabber, is_ending=self._end.is_set, ending_limit_s=STOP_LIMIT_S)

    def _read_on(self) -> None:
        watch = _Watch(self._camera.encoder())
        while not self._end.is_set() or self._is_loading():
            block = self._grabber.read(READ_TIMEOUT_S)
            if block is not None and block.lines:
                self._check_shape(block)
                self._pauses.reset()
                watch.came(self._camera.encoder(), block.lines)
                self._hand_on(block)
            elif not self._camera.waits and (self._grabber.hangs or watch.is_gone(self._camera.encoder())):
                raise CameraGoneError(f"{self._grabber.silence(watch.unseen_s)}.")

    def _is_loading(self) -> bool:
        """Return whether a waiting camera is loading a picture, not for too long; stopped now, it would skip it."""
        return self._camera.waits and self._grabber.asked == "read" and self._grabber.unanswered_s < STOP_LIMIT_S

    def _check_shape(self, block: LineBlock) -> None:
        camera, shape = self._camera, block.pixels.shape[1:]
        expected = announced_shape(camera)
        if shape != expected:
            raise CameraError(
                f"Camera {camera.camera_id} sent lines of shape {shape} where {expected} was announced; check its "
                "settings."
            )

    def _hand_on(self, block: LineBlock) -> None:
        with self._changed:
            while self._camera.waits and not self._has_room(block.lines) and not self._end.is_set():
                self._changed.wait(READ_TIMEOUT_S)
            if self._is_told_lost:
                self._is_told_lost = False
                self._notify(Severity.INFO, f"Camera {self._camera.camera_id} is back.", ends=self._gone)
            if self._camera.waits or self._has_room(block.lines):
                self._take(block)
                self._is_dropping = False
                self._changed.notify_all()
            elif not self._is_dropping:
                self._is_dropping = True
                name = self._camera.camera_id
                self._notify(Severity.WARNING, f"Camera {name}: nobody takes its blocks; lines are left out.")

    def _lose(self, error: CameraError) -> None:
        if self._end.is_set():
            return
        if not self._is_told_lost:  # else it started again, but showed nothing
            self._is_told_lost = True
            text = f"{str(error).rstrip('.')}. Its part of the web is not inspected; trying again."
            self._notify(Severity.WARNING, text, begins=self._gone)
        self._set(ReaderState.OUT, error)
        self._let_go()

    @property
    def _gone(self) -> str:
        """The state of a camera that is gone, by which its notices belong together."""
        return f"camera {self._camera.camera_id} gone"

    def _notify(self, severity: Severity, text: str, begins: str = "", ends: str = "") -> None:
        self._notices.append(Notice(severity, text, begins, ends))

    def _let_go(self) -> None:
        """Stop the camera, without waiting for one that hangs."""
        settle(5 * READ_TIMEOUT_S, self._grabber)
        self._grabber.stop()
        settle(STOP_LIMIT_S, self._grabber)

    def _set(self, state: ReaderState, fault: CameraError | None = None) -> None:
        with self._changed:
            self.state = state
            self.fault = fault
            self.since_s = AWAKE.now()
            self._changed.notify_all()


class _Watch:
    """A watch notices a camera that sends nothing although cloth moves."""

    def __init__(self, reading: EncoderReading) -> None:
        self.unseen_s = 0.0
        self.came(reading, 0)

    def came(self, reading: EncoderReading, lines: int) -> None:
        """Take note that a block of this many lines came."""
        self._since_s = AWAKE.now()
        self._due_line = reading.due_line
        self._lines = lines

    def is_gone(self, reading: EncoderReading) -> bool:
        """Take note that no block came; return True once too much cloth has passed since the last one."""
        now = AWAKE.now()
        if reading.lines_per_s <= 0 or reading.due_line <= self._due_line:
            self._since_s = now
            return False
        self.unseen_s = now - self._since_s
        return self.unseen_s > max(GONE_S, 2 * self._lines / reading.lines_per_s)
