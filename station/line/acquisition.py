"""The thread that reads one camera, holds every block against the encoder and hands new lines to the line.

Nothing is dropped silently: what does not come, comes twice, or does not fit is told to the ledger at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any

import numpy as np

from drivers.camera import (
    FIRST_RETRY_S,
    LONGEST_RETRY_S,
    Camera,
    CameraError,
    CameraGoneError,
    EncoderReading,
    EndOfClothError,
    LineBlock,
)
from station.control import UninspectedReason
from station.line.channel import Channel
from station.line.errors import LineError
from station.line.ledger import LineLedger
from station.line.tiling import Chunk, EndOfRun
from station.line.watch import Feed

READ_TIMEOUT_S = 0.1
LAST_LINES_S = 1.0
NOTICE_INTERVAL_S = 5.0
ROOM_AFTER_OVERLOAD = 0.5
"""After an overload the queue must drain to this before blocks are taken again: few long stretches, not many short."""

Notify = Callable[[str, str], None]
"""Called with severity and text."""


class Mode(Enum):
    """What the thread is asked to do."""

    RUN = "run"
    PAUSE = "pause"
    FINISH = "finish"
    ABORT = "abort"


class Acquisition:
    """Reads ``camera`` into ``blocks`` until told otherwise.  ``run`` is the thread's body; the rest may be called from
    any thread."""

    def __init__(
        self,
        camera: Camera,
        ledger: LineLedger,
        blocks: Channel[Chunk | EndOfRun],
        notify: Notify,
        *,
        due_line: int | None = None,
    ) -> None:
        """``due_line``: the encoder's due line when the roll was opened, None: when it is first read here."""
        self._camera, self._ledger, self._blocks, self._notify = camera, ledger, blocks, notify
        self._mode = Mode.RUN
        self._wake = threading.Condition()
        self._origin: int | None = None
        self._start_due = due_line
        self._finish_line: int | None = None
        self._finish_s = 0.0
        self._gap = UninspectedReason.LOST_BY_CAMERA
        self._noticed: dict[str, float] = {}
        self._reading = EncoderReading(0, 0.0)
        self._read_s = -1.0
        self._overloaded = False
        self._last_captured_ns = 0
        self.feed = Feed()

    def ask(self, mode: Mode) -> None:
        """Change the mode; FINISH and ABORT are for good."""
        with self._wake:
            if self._mode in (Mode.RUN, Mode.PAUSE) or mode is Mode.ABORT:
                self._mode = mode
            self._wake.notify_all()

    @property
    def mode(self) -> Mode:
        """What the thread is asked to do."""
        return self._mode

    @property
    def origin_line(self) -> int | None:
        """The encoder line that is line 0 of the roll, None before any of its cloth is known."""
        return self._origin

    @property
    def cloth_lines(self) -> int:
        """Lines of the roll if all of the camera's cloth were played; 0 where that is endless or not known."""
        total = getattr(self._camera, "total_lines", None)
        if self._origin is None and self._start_due is None:
            self.encoder()
        origin = self._start_due if self._origin is None else self._origin
        return 0 if total is None or origin is None else max(0, int(total) - origin)

    def encoder(self, max_age_s: float = 0.0) -> EncoderReading:
        """The encoder's word, not older than ``max_age_s``; the last one known, standing, if it is silent."""
        if time.monotonic() - self._read_s < max_age_s:
            return self._reading
        try:
            self._reading = self._camera.encoder()
        except CameraError:
            return EncoderReading(self._reading.due_line, 0.0)
        self._read_s = time.monotonic()
        if self._start_due is None:
            self._start_due = self._reading.due_line
        return self._reading

    def stand_by(self, ready: threading.Event) -> None:
        """Return when ``ready`` is set, which must come; cloth that passes until then is told to be uninspected."""
        self.encoder()
        while True:
            is_ready = ready.wait(READ_TIMEOUT_S)
            if not self._camera.waits:
                if self._mode is Mode.FINISH:
                    self._may_finish()
                self._give_up(self._due_line(self.encoder()), UninspectedReason.MODEL_NOT_READY)
            if is_ready:
                return

    def run(self) -> None:
        """Read until the cloth ends or the mode says so.  Raises CameraError, LineError."""
        try:
            if self._mode not in (Mode.FINISH, Mode.ABORT) and self._connect():
                while self._step():
                    pass
            self._last_lines()
        finally:
            self._camera.stop()

    def _connect(self) -> bool:
        try:
            self._camera.start()
        except CameraGoneError as error:
            return self._reconnect(error)
        self._began()
        return True

    def _began(self) -> None:
        due = self.encoder().due_line
        self._update(gone=False, started_s=time.monotonic(), last_block_s=None, due_at_block=due)

    def _step(self) -> bool:
        """Read once.  Returns False when there is nothing more to read."""
        mode = self._mode
        if mode is Mode.ABORT or (mode is Mode.FINISH and self._may_finish()):
            return False
        if mode is Mode.PAUSE and self._camera.waits:
            self._wait_paused()
            return True
        try:
            block = self._camera.read(READ_TIMEOUT_S)
        except EndOfClothError:
            self._update(ended=True)
            return False
        except CameraGoneError as error:
            return self._reconnect(error)
        reading = self.encoder()
        if block is not None and block.lines:
            self._take(block, reading)
        elif not self._camera.waits and self.feed.dead(reading, time.monotonic()):
            silent_s = self.feed.silent_s(time.monotonic())
            text = f"Camera {self._camera.camera_id} has sent nothing for {silent_s:.0f} s although cloth moves"
            return self._reconnect(CameraGoneError(text))
        if self._origin is not None:
            self._ledger.due(self._due_line(reading) - self._origin)
        return True

    def _due_line(self, reading: EncoderReading) -> int:
        """The line the roll reaches to by now; it ends at the one that was due when its end was asked for."""
        return reading.due_line if self._finish_line is None else min(reading.due_line, self._finish_line)

    def _wait_paused(self) -> None:
        self._blocks.offer(EndOfRun())
        with self._wake:
            self._wake.wait_for(lambda: self._mode is not Mode.PAUSE)

    def _may_finish(self) -> bool:
        """A roll ends at the line that was due when its end was asked for: those lines may still be on their way."""
        if self._camera.waits:
            return True
        if self._finish_line is None:
            self._finish_line, self._finish_s = self.encoder().due_line, time.monotonic() + LAST_LINES_S
        taken = self._ledger.taken + self._origin if self._origin is not None else 0
        return self._origin is None or taken >= self._finish_line or time.monotonic() >= self._finish_s

    def _last_lines(self) -> None:
        """Account for lines that were due and will not come."""
        if self._mode is Mode.ABORT:
            return
        reason = UninspectedReason.CAMERA_GONE if self.feed.gone else self._gap
        self._give_up(self._due_line(self.encoder()), reason)

    def _take(self, block: LineBlock, reading: EncoderReading) -> None:
        self._check(block)
        if self._origin is None:
            # What was due before the first block is the roll's, too, and lost.
            due = block.first_line if self._start_due is None else self._start_due
            self._origin = min(due, block.first_line)
        self._update(last_block_s=time.monotonic(), due_at_block=reading.due_line, block_lines=block.lines, gone=False)
        first, end = block.first_line - self._origin, block.end_line - self._origin
        if self._mode is Mode.PAUSE:
            if self._gap is not UninspectedReason.PAUSED:
                self._blocks.offer(EndOfRun())
            self._ledger.discard(first, end, UninspectedReason.PAUSED)
            self._gap = UninspectedReason.PAUSED
            return
        lost = first - self._ledger.taken
        if lost > 0 and self._gap is UninspectedReason.LOST_BY_CAMERA:
            self._notice("lost", "warning", f"Camera {block.camera_id} lost {lost} lines before line {first}.")
        new = self._ledger.arrive(first, end, self._gap)
        self._gap = UninspectedReason.LOST_BY_CAMERA
        if new is not None:
            pixels = block.pixels[new[0] - first :]
            self._hand_on(Chunk(pixels, new[0], self._captured_ns(block), block.piece))

    def _hand_on(self, chunk: Chunk) -> None:
        if self._camera.waits:
            self._update(holding=True)
            self._blocks.put(chunk)
            self._update(holding=False)
        elif (not self._overloaded or self._blocks.fill <= ROOM_AFTER_OVERLOAD) and self._blocks.offer(chunk):
            self._overloaded = False
        else:
            end = chunk.first_line + len(chunk.pixels)
            self._ledger.given_up(chunk.first_line, end, UninspectedReason.OVERLOAD)
            if not self._overloaded:
                self._overloaded = True
                self._notice(
                    "overload",
                    "warning",
                    f"The line is slower than the cloth: lines from {chunk.first_line} on are not inspected. "
                    "Slow the machine down.",
                )

    def _reconnect(self, error: CameraError) -> bool:
        """Try to get the camera back.  Returns False if asked to end meanwhile."""
        self._update(gone=True)
        self._notify("warning", f"{str(error).rstrip('.')}. Cloth that passes now is not inspected; trying again.")
        self._camera.stop()
        self._blocks.offer(EndOfRun())
        self._gap = UninspectedReason.CAMERA_GONE
        delay = FIRST_RETRY_S
        while True:
            with self._wake:
                if self._wake.wait_for(lambda: self._mode in (Mode.FINISH, Mode.ABORT), delay):
                    return False
            delay = min(2 * delay, LONGEST_RETRY_S)
            self._give_up(self.encoder().due_line, UninspectedReason.CAMERA_GONE)
            try:
                self._camera.start()
            except CameraError:
                continue
            self._give_up(self.encoder().due_line, UninspectedReason.CAMERA_GONE)
            self._began()
            self._notify("info", f"Camera {self._camera.camera_id} is back.")
            return True

    def _give_up(self, due_line: int, reason: UninspectedReason) -> None:
        if self._origin is None:
            # No block came yet: the roll then starts where the encoder stood at the start.
            if self._start_due is None or due_line <= self._start_due:
                return
            self._origin = self._start_due
        self._ledger.due(due_line - self._origin)
        self._ledger.skip(due_line - self._origin, reason)

    def _check(self, block: LineBlock) -> None:
        shape = block.pixels.shape[1:]
        expected = (self._camera.width_px,) if self._camera.channels == 1 else (self._camera.width_px, 3)
        if shape != expected or block.pixels.dtype != np.uint8:
            raise LineError(
                f"Camera {block.camera_id} sent lines of shape {shape} ({block.pixels.dtype}) where {expected} (uint8) "
                "was announced; check the camera's settings and start again."
            )

    def _captured_ns(self, block: LineBlock) -> int:
        """The time of capture, or now if the camera's clock stepped: latency must not follow it.

        Blocks with new lines come in order, so a capture before the last one or in the future cannot be right.
        """
        now, captured = time.monotonic_ns(), block.captured_ns
        if not self._last_captured_ns <= captured <= now:
            text = f"The clock of camera {block.camera_id} stepped; its times are not used."
            self._notice("clock", "warning", text)
            captured = now
        self._last_captured_ns = captured
        return captured

    def _notice(self, kind: str, severity: str, text: str) -> None:
        """Tell, but the same kind at most every few seconds: the ledger has the exact figures."""
        now = time.monotonic()
        if now - self._noticed.get(kind, -NOTICE_INTERVAL_S) >= NOTICE_INTERVAL_S:
            self._noticed[kind] = now
            self._notify(severity, text)

    def _update(self, **changes: Any) -> None:
        self.feed = replace(self.feed, **changes)
