"""What the picture is worth: whether cloth moves, and whether the camera shows it."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.camera import EncoderReading
from station.control import FeedState

STALL_S = 0.5
"""Without a block for this long (or for two blocks' time, if longer) the picture is not live."""

DEAD_S = 5.0
"""A camera stalled for this long (or for ten blocks' time) is given up and started again."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What is known of the camera.

    Attributes:
        started_s: when the camera was last started (monotonic), 0 before.
        last_block_s: when the newest block came since then, None before the first.
        due_at_block: the encoder's due line when either last happened.
        block_lines: lines of that block.
        gone, ended, holding: the device vanished · the cloth has ended · a block waits for room in the queue.
    """

    started_s: float = 0.0
    last_block_s: float | None = None
    due_at_block: int = 0
    block_lines: int = 0
    gone: bool = False
    ended: bool = False
    holding: bool = False

    def state(self, reading: EncoderReading, now_s: float) -> FeedState:
        """What the screen may say of the picture, by the encoder's present word."""
        if self.ended:
            return FeedState.ENDED
        if self.gone:
            return FeedState.GONE
        if self.holding:
            return FeedState.LIVE
        if not self.started_s and self.last_block_s is None:
            return FeedState.NO_PICTURE
        silent = self.silent_s(now_s) > self._patience_s(reading, STALL_S, 2)
        # Only new cloth without pictures is a fault of the camera: in reverse no line is due.
        if silent and reading.due_line > self.due_at_block:
            return FeedState.STALLED
        if self.last_block_s is None:
            return FeedState.NO_PICTURE
        return FeedState.STOPPED if silent or not reading.lines_per_s else FeedState.LIVE

    def dead(self, reading: EncoderReading, now_s: float) -> bool:
        """True if the camera has shown nothing for so long, while cloth passed, that it must be started again."""
        return (
            self.state(reading, now_s) is FeedState.STALLED
            and reading.lines_per_s > 0
            and self.silent_s(now_s) > self._patience_s(reading, DEAD_S, 10)
        )

    def silent_s(self, now_s: float) -> float:
        """Seconds without a block."""
        return now_s - (self.started_s if self.last_block_s is None else self.last_block_s)

    def _patience_s(self, reading: EncoderReading, least_s: float, blocks: int) -> float:
        speed = abs(reading.lines_per_s)
        return max(least_s, blocks * self.block_lines / speed) if speed else least_s
