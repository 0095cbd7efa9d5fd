"""This module plays a recording as the camera that recorded it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from drivers.camera import CameraGoneError, EncoderReading, EndOfClothError, LineBlock
from drivers.delivery import DeliveryRate
from drivers.notice import Notice, Severity
from drivers.recording.format import What
from drivers.recording.reader import Recording
from drivers.recording.recorded import RecordingsCamera


class RecordedCamera(RecordingsCamera):
    """A recorded camera delivers a recording's blocks bit for bit and in the order in which they came, including lost
    lines, repeats, late blocks and outages.

    At the recorded speed it does not wait for the line: blocks come and the encoder moves and stands as they did, each
    block as old as it was then, and an outage lasts as long.  As fast as possible means that it waits for the line, a
    standing machine costs no time, and after an outage it is back at the next start.

    ``unrecorded`` names lines that passed while recording but are not in the recording; a check of blocks against the
    encoder must not count them as lost by the camera.  ``start`` after ``stop`` goes on where it stopped; the machine
    stands meanwhile.

    Args:
        folder: the recording.
        as_fast_as_possible: else at the recorded speed.
        camera_id: name of the camera and in blocks; None: as recorded, so that its calibrations fit.

    Raises:
        RecordingError: it cannot be read.
    """

    def __init__(self, folder: Path, *, as_fast_as_possible: bool = False, camera_id: str | None = None) -> None:
        recording = Recording(folder)
        super().__init__(recording)
        self._rename = camera_id
        self._waits = as_fast_as_possible
        self._unrecorded = recording.unrecorded
        self._total_lines = recording.end_line
        entries = recording.entries
        self._entries = entries
        # Two threads took the times, so they may be slightly out of order.
        self._times_ns = list(accumulate((entry.at_ns for entry in entries), max))
        self._changed = threading.Condition(threading.RLock())
        self._rate = DeliveryRate()
        self._next = 0
        self._played_ns = self._times_ns[0]
        self._since_ns: int | None = None  # when the recorded time last began to run
        self._is_started = False
        self._is_gone = False
        self._notices = _notices_on(recording)

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._rename or super().camera_id

    @property
    def waits(self) -> bool:
        """Return True if played as fast as possible."""
        return self._waits

    @property
    def total_lines(self) -> int:
        """Return the line number after the last line of the recorded cloth."""
        return self._total_lines

    @property
    def unrecorded(self) -> tuple[tuple[int, int], ...]:
        """Return the lines that passed while recording, but are not in the recording."""
        return self._unrecorded

    def take_notices(self) -> list[Notice]:
        """Return the notices about the recording; once."""
        notices = self._notices
        self._notices = []
        return notices

    def start(self) -> None:
        """Begin, or go on.

        Raises:
            CameraGoneError: the camera was gone here while it was recorded.
        """
        with self._changed:
            if self._is_started:
                return
            if self._is_gone:
                self._come_back()
            elif self._next == 0:
                self._skip_to_first_start()
            self._is_started = True
            self._run_clock()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block, or None if none is due within ``timeout_s``.

        Raises:
            EndOfClothError: all was played.
            CameraGoneError: the camera vanished here while it was recorded.
            RecordingError: the block is damaged, or its file gone.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                if not self._is_started:
                    return None
                if self._next == len(self._entries):
                    self._rate.clear()
                    raise EndOfClothError(f"Recording {self._recording.folder} was played to its end.")
                wait_s = 0.0 if self.waits else (self._times_ns[self._next] - self._now_ns()) / 1e9
                if wait_s > 0:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0:
                        return None
                    self._changed.wait(min(wait_s, left_s))
                    continue
                index = self._take()
            what = self._entries[index].what
            if what is What.BLOCK:
                return self._block(index)
            if what is What.GONE:
                self._vanish(index)

    def encoder(self) -> EncoderReading:
        """Return the encoder's reading as recorded; before the start it stands at the recording's first line."""
        with self._changed:
            if self._next == len(self._entries):
                return EncoderReading(self.total_lines, 0.0)
            if self._next == 0:
                return EncoderReading(self._recording.metadata.origin_line, 0.0)
            last = self._next - 1
            if self.waits:
                return EncoderReading(self._due_line(last), self._rate.lines_per_s())
            newest = max(last, bisect_right(self._times_ns, self._now_ns()) - 1)
            speed = self._entries[newest].reading.lines_per_s if self._since_ns is not None else 0.0
            return EncoderReading(self._due_line(newest), speed)

    def stop(self) -> None:
        """Stop, and with it the recorded time; in an outage it runs on, as the machine did."""
        with self._changed:
            self._is_started = False
            if not self._is_gone:
                self._played_ns = self._now_ns()
                self._since_ns = None
            self._rate.clear()
            self._changed.notify_all()

    def _due_line(self, index: int) -> int:
        return min(self._entries[index].reading.due_line, self.total_lines)

    def _now_ns(self) -> int:
        """Return the recorded time that is now."""
        return self._played_ns + (0 if self._since_ns is None else time.monotonic_ns() - self._since_ns)

    def _run_clock(self) -> None:
        if self._since_ns is None:
            self._since_ns = time.monotonic_ns()

    def _take(self) -> int:
        self._next += 1
        return self._next - 1

    def _skip_to_first_start(self) -> None:
        """Skip what passed before the camera was first started: the cloth waits for the line, too."""
        while self._entries[self._next].what is What.SILENCE and self._next + 1 < len(self._entries):
            self._take()
        if self._entries[self._next].what is What.START:
            self._take()
        self._played_ns = self._times_ns[max(self._next - 1, 0)]
        self._run_clock()
        if self._next < len(self._entries) and self._entries[self._next].what is What.GONE:
            self._vanish(self._take())

    def _vanish(self, index: int) -> None:
        with self._changed:
            self._is_gone = True
        raise CameraGoneError(self._entries[index].text)

    def _come_back(self) -> None:
        """Skip the outage.  Raises CameraGoneError while it lasts."""
        back, last = self._next, len(self._entries)
        while back < last and self._entries[back].what not in (What.START, What.BLOCK):
            back += 1
        until_ns = self._times_ns[min(back, last - 1)]
        if not self.waits and self._now_ns() < until_ns:
            raise CameraGoneError(f"Camera {self.camera_id} was gone here while it was recorded.")
        self._next = back + 1 if back < last and self._entries[back].what is What.START else back
        self._is_gone = False

    def _block(self, index: int) -> LineBlock:
        block = self._recording.load(index).block
        assert block is not None
        self._rate.add(block.lines)
        with self._changed:
            later_ns = (self._since_ns or time.monotonic_ns()) - self._played_ns
        captured_ns = time.monotonic_ns() if self.waits else max(block.captured_ns + later_ns, 0)
        return replace(block, captured_ns=captured_ns, camera_id=self._rename or block.camera_id)


def _notices_on(recording: Recording) -> list[Notice]:
    lacks = []
    if recording.is_cut:
        lacks.append("its oldest cloth was dropped to keep within the disk's bounds")
    missing = sum(end - first for first, end in recording.unrecorded)
    if missing:
        lacks.append(f"{missing} lines of it are not recorded")
    if not recording.is_whole:
        lacks.append("it was broken off and ends with its last whole block")
    if not lacks:
        return []
    return [Notice(Severity.WARNING, f"Recording {recording.folder}: {'; '.join(lacks)}.")]
