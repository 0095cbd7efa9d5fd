"""This module judges whether the picture is live: whether cloth moves, and whether the camera shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drivers.camera import GONE_S, STALL_S, EncoderReading
from station.contract import FeedState

LOOK_S = 0.25
"""One look adds at most this to the time in which cloth passed unseen: during a longer pause between looks, cloth that
was seen before may have passed (forward again after a reverse), or this program may have slept."""


@dataclass(frozen=True, slots=True)
class FeedMonitor:
    """The monitor keeps what is known about the camera's feed.

    Attributes:
        started: whether the camera was started.
        last_block_s: when the newest block came since then (monotonic), None before the first.
        block_lines: lines of that block.
        due_line: the encoder's due line when last looked at.
        looked_s: when new cloth was last due, or the machine seen standing.
        unseen_s: for how long cloth has passed since the newest block; time at standstill does not count.
        gone, ended, holding: the device vanished · the cloth has ended · a block waits for room in the queue.
    """

    started: bool = False
    last_block_s: float | None = None
    block_lines: int = 0
    due_line: int = 0
    looked_s: float = 0.0
    unseen_s: float = 0.0
    gone: bool = False
    ended: bool = False
    holding: bool = False

    def opened(self, reading: EncoderReading, now_s: float, *, started: bool) -> FeedMonitor:
        """Note that the camera is being started (or was): cloth is expected to be seen from here on."""
        return replace(
            self,
            started=started,
            last_block_s=None,
            due_line=reading.due_line,
            looked_s=now_s,
            unseen_s=0.0,
            gone=self.gone and not started,
        )

    def took(self, lines: int, reading: EncoderReading, now_s: float) -> FeedMonitor:
        """Note that a block came."""
        return replace(
            self,
            last_block_s=now_s,
            block_lines=lines,
            due_line=reading.due_line,
            looked_s=now_s,
            unseen_s=0.0,
            gone=False,
        )

    def looked(self, reading: EncoderReading, now_s: float) -> FeedMonitor:
        """Note that no block came.  Call it several times a second: it counts the time in which new cloth was due."""
        if reading.due_line > self.due_line:
            passed_s = min(now_s - self.looked_s, LOOK_S)
            return replace(self, due_line=reading.due_line, looked_s=now_s, unseen_s=self.unseen_s + max(passed_s, 0.0))
        return self if reading.lines_per_s > 0 else replace(self, looked_s=now_s)

    def state(self, reading: EncoderReading, now_s: float) -> FeedState:
        """Return what the screen may say of the picture, given the encoder's present reading."""
        if self.ended:
            return FeedState.ENDED
        if self.gone or self.lost(reading):
            return FeedState.GONE
        if self.holding:
            return FeedState.LIVE
        # Only new cloth without pictures is a fault of the camera: at standstill or in reverse, no line is due.
        if reading.lines_per_s > 0 and self.unseen_s > self._patience_s(reading, STALL_S):
            return FeedState.STALLED
        if self.last_block_s is None:
            return FeedState.NO_PICTURE
        silent = now_s - self.last_block_s > self._patience_s(reading, STALL_S)
        # While the machine runs forward over cloth that was already seen, no line is due either.
        idle = reading.lines_per_s < 0 or not self.unseen_s
        # Blocks that still come prove an encoder wrong that says the machine stands: its link may be broken.
        return FeedState.STOPPED if silent and (idle or not reading.lines_per_s) else FeedState.LIVE

    def lost(self, reading: EncoderReading) -> bool:
        """Say whether so much cloth has passed unseen that the camera must be started again."""
        return not self.holding and reading.lines_per_s > 0 and self.unseen_s > self._patience_s(reading, GONE_S)

    def _patience_s(self, reading: EncoderReading, least_s: float) -> float:
        speed = abs(reading.lines_per_s)
        return max(least_s, 2 * self.block_lines / speed) if speed else least_s
