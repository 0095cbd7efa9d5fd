"""This module injects faults into another camera's blocks, by name and at places that a seed chooses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import Protocol, TypeVar, runtime_checkable

from drivers.camera import Camera, CameraError, CameraGoneError, EncoderReading, EndOfClothError, LineBlock
from drivers.simulated.fault_kinds import (
    FAULT_NAMES,
    ClockStep,
    DuplicateBlock,
    Effect,
    EncoderSlip,
    Fault,
    FaultEvent,
    FaultTruth,
    Jitter,
    LateBlock,
    Log,
    LostLines,
    ShortBlock,
    Unplug,
    fault_turns,
)

__all__ = ["FAULT_NAMES", "FRAME_FAULT_NAMES", "Effect", "FaultEvent", "FaultTruth", "FaultyCamera", "fault_turns"]

FRAME_FAULT_NAMES = ("duplicate-block", "jitter", "unplug", "reverse", "clock-step")
"""An area camera can have these faults of whole frames.  What others lose, the next frame would show again."""

_Kind = TypeVar("_Kind", bound=Fault)


@runtime_checkable
class _Coasts(Protocol):
    """A camera that coasts has a machine that can run on without it."""

    def coast(self) -> None:
        """Turn the camera off while the machine runs on."""


class FaultyCamera(Camera):
    """A faulty camera delivers what another camera delivers, but less, more or later than it should.

    Args:
        camera: the camera that delivers; its cloth begins at line 0.
        faults: names from :data:`FAULT_NAMES`.  ``reverse`` is the loom's own: only the simulated one has it.
        seed: same seed, same faults at the same lines.
        every_lines: mean distance between two faults of a kind.
        gone_s: how long ``unplug`` takes; None: 3 s at a running loom, 0.3 s where the cloth waits.
        frames: its blocks are frames of an area camera, which overlap; what they repeat is reported as ``overlap``.

    Raises:
        CameraError: unknown fault, or one that frames cannot have.
    """

    def __init__(
        self,
        camera: Camera,
        faults: Iterable[str],
        seed: int,
        *,
        every_lines: int = 4000,
        gone_s: float | None = None,
        frames: bool = False,
    ) -> None:
        self._names = set(faults)
        unknown = sorted(self._names - set(FAULT_NAMES))
        if unknown:
            raise CameraError(f"There is no fault named '{unknown[0]}': choose one of {', '.join(FAULT_NAMES)}.")
        barred = sorted(self._names - set(FRAME_FAULT_NAMES)) if frames else []
        if barred:
            raise CameraError(
                f"An area camera cannot have the fault '{barred[0]}': choose one of {', '.join(FRAME_FAULT_NAMES)}."
            )
        self._seed = seed
        self._every_lines = every_lines
        self._frames = frames
        self._camera = camera
        self._gone_s = gone_s if gone_s is not None else (0.3 if camera.waits else 3.0)
        self._log = Log()
        self._slip = self._make(EncoderSlip)
        self._unplug = self._make(Unplug)
        self._jitter = self._make(Jitter)
        stages = [self._make(kind) for kind in (LostLines, ShortBlock, DuplicateBlock, LateBlock, ClockStep)]
        self._stages: list[Fault] = [stage for stage in (self._slip, *stages) if stage is not None]
        self._outbox: deque[tuple[float, LineBlock]] = deque()
        self._highest = 0
        self._gap = ("overrun", Effect.LOST)
        self._gone_until: float | None = None

    @property
    def camera_id(self) -> str:
        """Return the name of the camera."""
        return self._camera.camera_id

    @property
    def width_px(self) -> int:
        """Return the number of pixels across."""
        return self._camera.width_px

    @property
    def channels(self) -> int:
        """Return 1 (grey) or 3 (RGB)."""
        return self._camera.channels

    @property
    def waits(self) -> bool:
        """Return the same as the camera that delivers."""
        return self._camera.waits

    def start(self) -> None:
        """Start the camera.  Raises CameraGoneError while it is unplugged."""
        if self._gone_until is not None and time.monotonic() < self._gone_until:
            raise self._gone()
        self._gone_until = None
        self._camera.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the next block.  Raises as the camera does, and CameraGoneError from an unplug until ``start``."""
        deadline = time.monotonic() + timeout_s
        while True:
            if self._outbox:
                ready_s, block = self._outbox[0]
                time.sleep(max(min(ready_s, deadline) - time.monotonic(), 0.0))
                if ready_s > time.monotonic():
                    return None
                self._outbox.popleft()
                return block
            if self._gone_until is not None:
                raise self._gone()
            self._fetch(max(deadline - time.monotonic(), 0.0))
            if not self._outbox and self._gone_until is None and time.monotonic() >= deadline:
                return None

    def encoder(self) -> EncoderReading:
        """Return where the machine is, as a slipping encoder sees it."""
        reading = self._camera.encoder()
        return EncoderReading(reading.due_line + self._offset, reading.lines_per_s)

    def stop(self) -> None:
        """Stop the camera.  One that is unplugged at a running loom is off already, and the loom runs on."""
        if self._gone_until is None or not self._runs_on:
            self._camera.stop()

    def truth(self) -> FaultTruth:
        """Return what was done so far; while the camera is gone, up to now."""
        events, due_line = list(self._log.events), self._camera.encoder().due_line
        if self._gap[1] is Effect.GONE and due_line > self._highest:
            events.append(FaultEvent(*self._gap, self._highest + self._offset, due_line + self._offset))
        return FaultTruth(tuple(events))

    def encoder_line(self, cloth_line: int) -> int:
        """Return the number the encoder gives a cloth line, slips included."""
        return cloth_line if self._slip is None else self._slip.encoder_line(cloth_line)

    def cloth_line(self, encoder_line: int) -> int:
        """Invert ``encoder_line``; numbers that a slip left out map to the line behind them."""
        return encoder_line if self._slip is None else self._slip.cloth_line(encoder_line)

    @property
    def _offset(self) -> int:
        return 0 if self._slip is None else self._slip.offset

    @property
    def _runs_on(self) -> bool:
        return isinstance(self._camera, _Coasts) and not self._camera.waits

    def _make(self, kind: type[_Kind]) -> _Kind | None:
        if kind.name not in self._names:
            return None
        fault = kind(self._seed, self._every_lines, self._log)
        fault.schedule.overlapping = self._frames
        return fault

    def _gone(self) -> CameraGoneError:
        return CameraGoneError(f"Camera {self.camera_id} is gone (unplugged); check its cable, it is tried again.")

    def _fetch(self, timeout_s: float) -> None:
        """Pass one block from the camera through all faults into the outbox."""
        try:
            block = self._camera.read(timeout_s)
        except EndOfClothError:
            self._flush()
            if not self._outbox:
                raise
            return
        if block is None:
            return
        if self._unplug is not None and self._unplug.schedule.strikes(block):
            self._vanish(self._unplug, block)
            return
        self._watch(block)
        blocks = [block]
        for stage in self._stages:
            blocks = [out for given in blocks for out in stage.feed(given)]
        self._post(blocks)

    def _post(self, blocks: Iterable[LineBlock]) -> None:
        for block in blocks:
            delay_s = 0.0 if self._jitter is None else self._jitter.delay_s(block)
            after_s = self._outbox[-1][0] if self._outbox else time.monotonic()
            self._outbox.append((after_s + delay_s, block))

    def _flush(self) -> None:
        """Deliver at the end of the cloth what is held back, and count what never came."""
        self._skipped_to(self._camera.encoder().due_line)
        blocks: list[LineBlock] = []
        for stage in self._stages:
            blocks = [out for given in blocks for out in stage.feed(given)] + stage.flush()
        self._post(blocks)

    def _watch(self, block: LineBlock) -> None:
        """Note what the camera itself left out or repeats."""
        self._skipped_to(block.first_line)
        again = min(block.end_line, self._highest)
        why = "overlap" if self._frames and block.end_line > self._highest else "reverse"
        self._log.add(why, Effect.REPEATED, block.first_line + self._offset, again + self._offset)
        self._highest = max(self._highest, block.end_line)

    def _skipped_to(self, line: int) -> None:
        if line > self._highest:
            self._log.add(*self._gap, self._highest + self._offset, line + self._offset)
            self._highest = line
        self._gap = ("overrun", Effect.LOST)

    def _vanish(self, unplug: Unplug, block: LineBlock) -> None:
        """Make the camera vanish from this block on; where cloth waits, some of it passes at once."""
        self._gone_until = time.monotonic() + self._gone_s
        self._gap = (unplug.name, Effect.GONE)
        if isinstance(self._camera, _Coasts) and not self._camera.waits:
            self._camera.coast()
            return
        passed, enough = block.lines, int(unplug.rng.integers(300, 1200))
        while passed < enough:
            try:
                lost = self._camera.read(1.0)
            except EndOfClothError:
                return
            if lost is None:
                return
            passed += lost.lines
