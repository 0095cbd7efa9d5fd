"""This thread checks every block of one camera against the encoder and hands new lines on to scoring.

Nothing is dropped silently: the ledger is told at once of lines that do not come, come twice or do not fit.  The camera
itself is read in a thread of its own (:mod:`drivers.grabber`), so a camera that hangs looks to the line like silence.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from enum import Enum
from typing import Any

from drivers.camera import Camera, CameraError, CameraGoneError, EncoderReading, EndOfClothError, LineBlock
from drivers.grabber import START_LIMIT_S, STOP_LIMIT_S, Grabber
from drivers.standstill import AWAKE
from drivers.supervision import READ_TIMEOUT_S, RetryPauses, settle, start_within
from station.contract import UninspectedReason
from station.line.acquiring.block_check import CaptureClock, check_shape
from station.line.acquiring.encoder import Encoder
from station.line.acquiring.feed_watch import FeedMonitor
from station.line.acquiring.overload import OverloadGate
from station.line.acquiring.roll_span import RollSpan
from station.line.channel import Channel
from station.line.flow import Chunk, EndOfRun
from station.line.ledger import LineLedger
from station.line.notices import Notices, Notify

LAST_LINES_S = 1.0
LAST_IMAGE_S = 20.0
"""A camera that waits may be in the middle of a large image when the end of the roll is asked for."""

AFTERMATH_S = 2.0
"""What is lost so soon after this computer stood still is no fault of the camera's."""

LAST_STOP_LIMIT_S = 10.0
"""A camera that never hung may take this long to stop at the end of the roll."""


class Mode(Enum):
    """The mode says what the thread is asked to do."""

    RUN = "run"
    PAUSE = "pause"
    FINISH = "finish"
    ABORT = "abort"


class Acquisition:
    """The acquisition reads ``camera`` into ``blocks`` until it is asked to stop.

    ``run`` is the body of the thread; everything else may be called from any thread.
    """

    def __init__(
        self,
        camera: Camera,
        ledger: LineLedger,
        blocks: Channel[Chunk | EndOfRun],
        notify: Notify,
        *,
        due_line: int | None = None,
    ) -> None:
        """Take ``due_line``, the encoder's due line when the roll was opened; None: take the first one read here."""
        self._camera = camera
        self._ledger = ledger
        self._blocks = blocks
        self._notices = Notices(notify)
        self._mode = Mode.RUN
        self._wake = threading.Condition()
        self._finish_s: float | None = None
        self._gap = UninspectedReason.LOST_BY_CAMERA
        self._encoder = Encoder(camera)
        self._span = RollSpan(self._encoder, ledger, due_line, camera)
        self._gate = OverloadGate(blocks, ledger, waits=camera.waits)
        self._clock = CaptureClock()
        self._grabber = Grabber(camera)
        self._stood_still = AWAKE.last
        self._awake_again_s = -math.inf
        self.feed = FeedMonitor()

    def ask(self, mode: Mode) -> None:
        """Change the mode; FINISH and ABORT are final."""
        with self._wake:
            if self._mode in (Mode.RUN, Mode.PAUSE) or mode is Mode.ABORT:
                self._mode = mode
            self._wake.notify_all()

    @property
    def mode(self) -> Mode:
        """Say what the thread is asked to do."""
        return self._mode

    @property
    def origin_line(self) -> int | None:
        """Give the encoder line that is line 0 of the roll, None before any cloth of the roll is known."""
        return self._span.origin

    @property
    def cloth_lines(self) -> int:
        """Count the roll's lines if all of the camera's cloth were played; 0 where that is endless or not known."""
        total = self._camera.total_lines
        if self._span.start is None:
            self._encoder.read()
        start = self._span.start
        return 0 if total is None or start is None else max(0, total - start)

    def encoder(self, max_age_s: float = 0.0) -> EncoderReading:
        """Read the encoder, see :meth:`station.line.acquiring.encoder.Encoder.read`."""
        return self._encoder.read(max_age_s)

    def stand_by(self, ready: threading.Event) -> None:
        """Wait until ``ready`` is set, which must happen; cloth that passes until then is counted as uninspected."""
        self._encoder.read()
        while True:
            is_ready = ready.wait(READ_TIMEOUT_S)
            if not self._camera.waits:
                if self._mode is Mode.FINISH:
                    self._may_finish()
                self._span.give_up(self._encoder.read(), UninspectedReason.MODEL_NOT_READY)
            if is_ready:
                return

    def run(self) -> None:
        """Read until the cloth ends or the mode asks for the end.  Raises CameraError, LineError."""
        with AWAKE.watching():
            try:
                if not self._ending and self._connect():
                    while self._step():
                        pass
                self._last_lines()
            finally:
                limit_s = STOP_LIMIT_S if self._grabber.hung or self._mode is Mode.ABORT else LAST_STOP_LIMIT_S
                self._settle(limit_s)
                self._let_go(limit_s)
                self._grabber.close()

    @property
    def _ending(self) -> bool:
        return self._mode in (Mode.FINISH, Mode.ABORT)

    def _connect(self) -> bool:
        try:
            return self._open()
        except CameraGoneError as error:
            return self._reconnect(error)

    def _open(self) -> bool:
        """Start the camera.  Returns False if asked to end meanwhile.  Raises CameraError, also if it never answers."""
        self.feed = self.feed.opened(self._encoder.read(), time.monotonic(), started=False)
        is_started = start_within(
            math.inf if self._camera.waits else START_LIMIT_S,
            self._grabber,
            is_ending=lambda: self._ending,
            ending_limit_s=STOP_LIMIT_S,
            look=lambda: self._look(self._encoder.read()),  # cloth that passes now may yet be in the first blocks
        )
        if not is_started:
            return False
        self.feed = self.feed.opened(self._encoder.read(), time.monotonic(), started=True)
        return True

    def _let_go(self, limit_s: float) -> None:
        """Stop the camera.  A call still running in it is abandoned, and so is a stop that takes longer."""
        self._grabber.stop()
        self._settle(limit_s)

    def _settle(self, limit_s: float) -> None:
        """Let the camera answer; cloth that passes a lost camera meanwhile is reported to the ledger."""

        def look() -> None:
            if self.feed.gone:
                self._span.give_up(self._encoder.read(), UninspectedReason.CAMERA_GONE)

        settle(limit_s, self._grabber, look)

    def _step(self) -> bool:
        """Read once.  Returns False when there is nothing more to read."""
        mode = self._mode
        if mode is Mode.ABORT or (mode is Mode.FINISH and self._may_finish()):
            return False
        if mode is Mode.PAUSE and self._camera.waits and not self._grabber.asked:
            self._wait_paused()
            return True
        try:
            block = self._grabber.read(READ_TIMEOUT_S)
        except EndOfClothError:
            self._pass_on_notices()
            self._update(ended=True)
            return False
        except CameraGoneError as error:
            self._pass_on_notices()
            return self._reconnect(error)
        self._pass_on_notices()
        self._look_for_standstill()
        reading = self._encoder.read()
        if block is not None and block.lines:
            self._take(block, reading)
            self._span.due(reading)
        else:
            self._look(reading)
            if not self._camera.waits and (self._grabber.hangs or self.feed.lost(reading)):
                return self._reconnect(CameraGoneError(self._grabber.silence(self.feed.unseen_s)))
        return True

    def _pass_on_notices(self) -> None:
        """Pass on the camera's own notices; a joined camera, for example, reports on its single cameras."""
        for notice in self._camera.take_notices():
            self._notices.pass_on(notice)

    def _look_for_standstill(self) -> None:
        """Tell once that this computer stood still, and blame neither camera nor model for what it costs."""
        AWAKE.tick()
        still = AWAKE.last
        if still is not None and still is not self._stood_still:
            self._stood_still = still
            self._awake_again_s = still.ended_s
            self._notices.stood_still(still.seconds, waits=self._camera.waits)
            if self._gap is UninspectedReason.LOST_BY_CAMERA:
                self._gap = UninspectedReason.STOOD_STILL

    @property
    def _is_just_awake(self) -> bool:
        return time.monotonic() - self._awake_again_s < AFTERMATH_S

    def _look(self, reading: EncoderReading) -> None:
        """Compare with the encoder, as no block came: was cloth due?"""
        self.feed = self.feed.looked(reading, time.monotonic())
        self._span.due(reading)

    def _wait_paused(self) -> None:
        self._blocks.offer(EndOfRun())
        with self._wake:
            self._wake.wait_for(lambda: self._mode is not Mode.PAUSE)

    def _may_finish(self) -> bool:
        """Say whether the roll may end: it ends at the line due when asked for, and lines may still be on their way."""
        waits, now = self._camera.waits, time.monotonic()
        if self._finish_s is None:
            self._finish_s = now + (LAST_IMAGE_S if waits else LAST_LINES_S)
            if not waits:
                self._span.end_here()
        return (not self._grabber.asked if waits else self._span.is_taken) or now >= self._finish_s

    def _last_lines(self) -> None:
        """Account for lines that were due and will not come any more."""
        if self._mode is Mode.ABORT:
            return
        reading = self._encoder.read()
        is_gone = self.feed.gone or self.feed.lost(reading)
        self._span.give_up(reading, UninspectedReason.CAMERA_GONE if is_gone else self._gap)

    def _take(self, block: LineBlock, reading: EncoderReading) -> None:
        check_shape(block, self._camera)
        self.feed = self.feed.took(block.lines, reading, time.monotonic())
        self._notices.back(self._camera.camera_id)
        first = self._span.came(block.first_line)
        self._span.skip_unseen(block.first_line, self._gap)
        end = first + block.lines
        if self._mode is Mode.PAUSE and not self._camera.waits:
            if self._gap is not UninspectedReason.PAUSED:
                self._blocks.offer(EndOfRun())
            self._ledger.discard(first, end, UninspectedReason.PAUSED)
            self._gap = UninspectedReason.PAUSED
            return
        lost = first - self._ledger.taken
        if lost > 0 and self._gap is UninspectedReason.LOST_BY_CAMERA:
            self._notices.lost(block.camera_id, lost, first)
        new = self._ledger.arrive(first, end, self._gap)
        self._gap = UninspectedReason.STOOD_STILL if self._is_just_awake else UninspectedReason.LOST_BY_CAMERA
        if new is not None:
            known = new[0] - first
            self._hand_on(
                Chunk(
                    pixels=block.pixels[known:],
                    first_line=new[0],
                    captured_ns=self._captured_ns(block),
                    piece=block.piece,
                    blind_px=block.blind_px,
                    blind_reason=_why_blind(block),
                    frame_line=block.frame_line + known,
                    frame_lines=block.frame_lines,
                )
            )

    def _hand_on(self, chunk: Chunk) -> None:
        self._update(holding=self._camera.waits)
        if self._gate.hand_on(chunk) and not self._is_just_awake:
            self._notices.overload(chunk.first_line)
        self._update(holding=False)

    def _reconnect(self, loss: CameraGoneError) -> bool:
        """Try to get the camera back.  Returns False if asked to end meanwhile."""
        self._update(gone=True)
        self._notices.gone(str(loss))
        self._let_go(STOP_LIMIT_S)
        self._blocks.offer(EndOfRun())
        self._gap = UninspectedReason.CAMERA_GONE
        pauses = RetryPauses()
        while True:
            with self._wake:
                if self._wake.wait_for(lambda: self._ending, pauses.next_s()):
                    return False
            self._span.give_up(self._encoder.read(), UninspectedReason.CAMERA_GONE)
            try:
                if not self._open():
                    return False
            except CameraGoneError:
                continue
            except CameraError as error:
                self._notices.does_not_start(str(error))
                continue
            return True

    def _captured_ns(self, block: LineBlock) -> int:
        captured_ns = self._clock.checked_ns(block.captured_ns)
        if captured_ns != block.captured_ns:
            self._notices.clock_stepped(block.camera_id)
        return captured_ns

    def _update(self, **changes: Any) -> None:
        self.feed = replace(self.feed, **changes)


def _why_blind(block: LineBlock) -> UninspectedReason:
    return UninspectedReason.CAMERA_GONE if block.is_camera_gone else UninspectedReason.LOST_BY_CAMERA
