"""This module joins several neighbouring cameras across one web into one wide camera."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Mapping, Sequence

from drivers.camera import (
    STALL_S,
    Camera,
    CameraError,
    CameraGoneError,
    EncoderReading,
    EndOfClothError,
    LineBlock,
    OutputLines,
)
from drivers.joined.alignment import Aligner, Joint, check_fit, lay_out
from drivers.joined.notices import JoinedNotices
from drivers.joined.reader import CameraReader, ReaderState
from drivers.notice import Notice, Severity
from drivers.standstill import AWAKE

LATE_START_S = 10.0
"""Once one camera delivers, the others are waited for this long; they join when they come."""

OUT_OF_STEP_S = 5.0
"""A camera that sends old lines for this long is no longer late: it counts them from another place."""

LOOK_S = 0.05


class JoinedCamera(Camera):
    """A joined camera makes one picture of ``cameras`` that overlap, left to right; each is read in its own thread.

    Lines belong together by their encoder line numbers; the pictures are cut at the joints as described in
    :mod:`drivers.joined.alignment`.  The joined camera takes the leftmost camera's columns and line numbers.

    One camera gone or late does not stop the others: what it should have shown is blind in the blocks
    (``LineBlock.blind_px``) until it is back.  A neighbour's block waits for a late camera for two blocks' time or
    ``STALL_S``, if that is longer, beyond what the cloth needs from one camera to the next; a standing machine is no
    reason to give up waiting.  A camera that sends nothing for ``GONE_S`` although cloth moves, vanishes or fails is
    started again until it is back.  Only when all are gone does ``read`` raise CameraGoneError.  Where the cameras wait
    for the line, they wait for each other too, and only one that is gone is not waited for.

    Args:
        cameras: two or more, from left to right; used by nothing else.
        joints: one between each two neighbours.
        camera_id: name of the joined camera in blocks.

    Raises:
        CameraError: the cameras do not fit together.
    """

    def __init__(self, cameras: Sequence[Camera], joints: Sequence[Joint], *, camera_id: str = "joined") -> None:
        check_fit(cameras)
        self._cameras = tuple(cameras)
        self._camera_id = camera_id
        self.parts = lay_out([camera.width_px for camera in cameras], joints)
        self._changed = threading.Condition()
        self._stopping = threading.Lock()
        self._notices = JoinedNotices(self._cameras, self.parts)
        self._readers: list[CameraReader] = []
        self._aligner = self._new_aligner()
        self._late: dict[int, int | None] = {}
        self._late_s: dict[int, float] = {}
        self._stood_s = 0.0
        self._has_run = False
        self._is_over = False
        self._first_due = 0

    @property
    def camera_id(self) -> str:
        """Return the name of the joined camera."""
        return self._camera_id

    @property
    def width_px(self) -> int:
        """Return the number of pixels across all cameras, shared columns counted once."""
        return self.parts[-1].end_px

    @property
    def channels(self) -> int:
        """Return 1 (grey) or 3 (RGB), the same for all."""
        return self._cameras[0].channels

    @property
    def waits(self) -> bool:
        """Return whether the cameras wait for the line, the same for all."""
        return self._cameras[0].waits

    @property
    def joints_px(self) -> tuple[int, ...]:
        """Return the columns at which another camera's picture begins."""
        return tuple(part.first_px for part in self.parts[1:])

    @property
    def serial(self) -> str:
        """Return the serial numbers of all cameras that have one: with another camera, the joined one is another."""
        return "+".join(camera.serial for camera in self._cameras if camera.serial)

    @property
    def mm_per_px(self) -> float | None:
        """Return the scale, if a camera knows it."""
        return next((scale for camera in self._cameras if (scale := camera.mm_per_px) is not None), None)

    @property
    def total_lines(self) -> int | None:
        """Return the lines in all if every camera's cloth is finite, else None."""
        totals = [camera.total_lines for camera in self._cameras]
        ends = [total + part.offset_lines for total, part in zip(totals, self.parts, strict=True) if total is not None]
        return max(ends) if len(ends) == len(totals) else None

    @property
    def output_lines(self) -> OutputLines | None:
        """Return the output lines of the leftmost camera that has any."""
        return next((lines for camera in self._cameras if (lines := camera.output_lines) is not None), None)

    def start(self) -> None:
        """Start all cameras and return when they deliver, or some do and the others are late.

        Raises:
            CameraGoneError: none is there.
            CameraError: at the first start, also if any camera cannot be used for a reason other than being gone.
        """
        self.stop()
        if not self.waits:  # blocks already read from a camera that waits are still to be delivered
            self._aligner = self._new_aligner()
        self._is_over = False
        with contextlib.suppress(CameraError):
            self._first_due = self.encoder().due_line
        with self._changed:
            self._readers = [self._reader(number) for number in range(len(self._cameras))]
            self._await_start()
            if not self._readers:
                raise CameraGoneError(f"Camera {self._camera_id} was stopped while it started.")
        faults = [reader.fault for reader in self._readers if reader.fault is not None]
        wrong = [fault for fault in faults if not isinstance(fault, CameraGoneError)]
        if len(faults) == len(self._readers) or (wrong and not self._has_run):
            self.stop()
            raise (wrong or faults)[0]
        self._has_run = True
        self._notices.tell_of_own_counts()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next joined block, or None if none came within ``timeout_s``.

        Raises:
            EndOfClothError: the cloth of all cameras that are there has ended.
            CameraGoneError: all cameras are gone.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                self._welcome_back()
                block = self._aligner.pull(self._awaited(), self._gone())
                if block is not None:
                    self._changed.notify_all()
                    self._notices.tell_lost(block)
                    return block
                self._raise_if_over()
                if self._give_up_waiting():
                    continue
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, LOOK_S))

    def encoder(self) -> EncoderReading:
        """Return the line that has passed all cameras, from the first one that knows where the machine is."""
        reading = self._machine()
        due = reading.due_line + min(part.offset_lines for part in self.parts)
        asked = self._asked_line()
        return EncoderReading(due if asked is None else min(due, asked), reading.lines_per_s)

    @property
    def trouble(self) -> str:
        """Say in a sentence which cameras show nothing now; '' while all do."""
        out = [self._cameras[number].camera_id for number in self._gone()]
        return f"No picture from camera {' and '.join(out)}: its part of the web is not inspected." if out else ""

    def take_notices(self) -> list[Notice]:
        """Return the notices about single cameras since the last call."""
        return self._notices.take()

    def apply_overrides(self, overrides: Mapping[str, float]) -> tuple[str, ...]:
        """Have each camera take the overrides as far as it can; what one never takes becomes a notice."""
        for camera in self._cameras:
            if unknown := camera.apply_overrides(overrides):
                text = f"Camera {camera.camera_id} takes no settings from a recipe, so not {', '.join(unknown)}."
                self._notices.notify(Severity.WARNING, text)
        return ()

    def stop(self) -> None:
        """Stop all cameras.  Never raises; one that hangs is abandoned with its thread."""
        with self._stopping:  # a start does not begin before the cameras were released
            with self._changed:
                readers = self._readers
                self._readers = []
                self._late.clear()
                for reader in readers:
                    reader.end()
                self._changed.notify_all()
            for reader in readers:
                reader.join()

    def _new_aligner(self) -> Aligner:
        return Aligner(self.parts, self._camera_id, self.channels)

    def _reader(self, number: int) -> CameraReader:
        aligner = self._aligner

        def take(block: LineBlock) -> None:
            aligner.push(number, block, AWAKE.now())

        def has_room(lines: int) -> bool:
            return aligner.has_room(number, lines, AWAKE.now())

        return CameraReader(self._cameras[number], take, has_room, self._changed, self._notices.waiting)

    def _await_start(self) -> None:
        """Wait until every camera delivers or has failed, but for late ones only for a limited time."""

        def is_decided() -> bool:
            return all(reader.state is not ReaderState.STARTING for reader in self._readers)

        while not is_decided():
            if any(reader.state is ReaderState.LIVE for reader in self._readers) and not self.waits:
                self._changed.wait_for(is_decided, LATE_START_S)
                return
            self._changed.wait(LOOK_S)

    def _awaited(self) -> list[int]:
        return [n for n, reader in enumerate(self._readers) if reader.state is ReaderState.LIVE and n not in self._late]

    def _gone(self) -> list[int]:
        """Return the cameras that should show something and do not."""
        states = (ReaderState.OUT, ReaderState.STARTING)
        return [n for n, reader in enumerate(self._readers) if reader.state in states or n in self._late]

    def _raise_if_over(self) -> None:
        states = {reader.state for reader in self._readers}
        if states & {ReaderState.LIVE, ReaderState.STARTING}:
            return
        if ReaderState.ENDED in states:
            self._is_over = True
            raise EndOfClothError("The cloth is at its end.")
        fault = next((reader.fault for reader in self._readers if reader.fault is not None), None)
        if fault is not None:
            raise CameraGoneError(str(fault)) from fault

    def _give_up_waiting(self) -> bool:
        """Stop waiting for a camera that has kept its neighbours waiting too long.  Returns True if there is one."""
        held = None if self.waits else self._aligner.held(self._awaited())
        if held is None:
            return False
        since_s, lines, missing = held
        now, speed = AWAKE.now(), self._speed()
        if speed <= 0:
            self._stood_s = now
            return False
        late = [
            number
            for number in missing
            if now - max(since_s, self._stood_s, self._readers[number].since_s)
            > max(STALL_S, 2 * lines / speed) + self._aligner.extra_lines(number) / speed
        ]
        for number in late:
            self._late[number] = self._aligner.front(number)
            self._late_s[number] = now
            self._notices.tell_late(number)
        return bool(late)

    def _welcome_back(self) -> None:
        """Wait again for a late camera that shows something new."""
        now, speed = AWAKE.now(), max(self._speed(), 0.0) if self._late else 0.0
        for number, front_then in list(self._late.items()):
            if self._readers[number].state is ReaderState.OUT:
                del self._late[number]  # a gone camera is no longer only late; once back it is waited for
                continue
            front, next_line = self._aligner.front(number), self._aligner.next_line
            if front is None or front == front_then or next_line is None:
                continue
            if front >= next_line - STALL_S * speed:
                del self._late[number]
                self._notices.notify(Severity.INFO, f"Camera {self._cameras[number].camera_id} keeps up again.")
            elif speed <= 0:
                self._late_s[number] = max(now, self._late_s[number])  # the rest of its block waits for cloth
            elif now - self._late_s[number] > OUT_OF_STEP_S:
                self._late_s[number] = math.inf
                self._notices.tell_out_of_step(number, next_line - front)

    def _machine(self) -> EncoderReading:
        """Return an encoder's reading, of a camera that keeps up if there is one.  Raises CameraError."""
        for camera in [*(self._cameras[number] for number in self._awaited()), *self._cameras]:
            try:
                return camera.encoder()
            except CameraError as error:
                silent = error
        raise silent

    def _asked_line(self) -> int | None:
        """Return how far cloth was asked of cameras that wait: what is read ahead is not due yet."""
        if not self.waits or self._is_over:
            return None
        return self._first_due if self._readers and self._aligner.next_line is None else self._aligner.next_line

    def _speed(self) -> float:
        try:
            return self._machine().lines_per_s
        except CameraError:
            return 0.0
