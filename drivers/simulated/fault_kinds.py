"""This module defines what can go wrong in a stream of blocks, fault by fault, and keeps the truth about every line."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from drivers.camera import LineBlock
from drivers.simulated.loom import Turn

FAULT_NAMES = (
    "lost-lines",
    "short-block",
    "duplicate-block",
    "late-block",
    "jitter",
    "unplug",
    "reverse",
    "encoder-slip",
    "clock-step",
)
_MOST_TURNS = 400


class Effect(StrEnum):
    """An effect says what a fault did to lines."""

    LOST = "lost"  # due by the encoder, never delivered
    GONE = "gone"  # passed while the camera was unplugged
    LATE = "late"  # delivered, but after their successors
    REPEATED = "repeated"  # delivered again
    DELAYED = "delayed"  # delivered in order, some time after they were ready
    STEPPED = "stepped"  # capture time is wrong


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A fault event says what ``fault`` did to lines ``[first_line, end_line)``, in encoder numbers as delivered."""

    fault: str
    effect: Effect
    first_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class FaultTruth:
    """The fault truth lists, in order, what was done on purpose, by a late reader (``overrun``) or frames
    (``overlap``)."""

    events: tuple[FaultEvent, ...]

    def of(self, *effects: Effect) -> tuple[FaultEvent, ...]:
        """Return the events with one of the effects."""
        return tuple(event for event in self.events if event.effect in effects)

    def count(self, *effects: Effect) -> int:
        """Return the lines in all such events; a line counts as often as it was hit."""
        return sum(event.end_line - event.first_line for event in self.of(*effects))

    def lines(self, *effects: Effect) -> set[int]:
        """Return the distinct lines hit by any of the effects."""
        return {line for event in self.of(*effects) for line in range(event.first_line, event.end_line)}


class Log:
    """A log collects events and joins those that touch."""

    def __init__(self) -> None:
        self.events: list[FaultEvent] = []

    def add(self, fault: str, effect: Effect, first_line: int, end_line: int) -> None:
        if end_line <= first_line:
            return
        last = self.events[-1] if self.events else None
        if last and (last.fault, last.effect, last.end_line) == (fault, effect, first_line):
            self.events[-1] = replace(last, end_line=end_line)
        else:
            self.events.append(FaultEvent(fault, effect, first_line, end_line))


class Schedule:
    """A schedule says when a fault strikes: at random, on cloth never seen before.

    First within ``every_lines``, then on average once per ``rarity * every_lines``.
    """

    overlapping = False
    """This is True for frames, which show some cloth seen before along with the new."""

    def __init__(self, fault: str, seed: int, every_lines: int, rarity: int = 1) -> None:
        self.rng = np.random.default_rng([seed, zlib.crc32(fault.encode())])
        self._every = every_lines * rarity
        self._next = self.rng.uniform(0.25, 0.75) * every_lines
        self._highest = 0

    def strikes(self, block: LineBlock) -> bool:
        """Return True if the fault strikes within this block."""
        is_new = (block.end_line - 1 if self.overlapping else block.first_line) >= self._highest
        self._highest = max(self._highest, block.end_line)
        if not is_new or block.end_line <= self._next:
            return False
        self._next = block.end_line + self.rng.uniform(0.5, 1.5) * self._every
        return True


def fault_turns(seed: int, every_lines: int, back_lines: int, total_lines: int | None) -> tuple[Turn, ...]:
    """Return reverses of ``back_lines``, on average every two ``every_lines``: the loom's part of ``reverse``."""
    rng = np.random.default_rng([seed, zlib.crc32(b"reverse")])
    turns: list[Turn] = []
    at_line = max(rng.uniform(0.25, 0.75) * every_lines, 1.5 * back_lines)
    while len(turns) < _MOST_TURNS and (total_lines is None or at_line < total_lines):
        turns.append(Turn(round(at_line), back_lines))
        at_line += 2 * back_lines + rng.uniform(1.0, 3.0) * every_lines
    return tuple(turns)


class Fault:
    """A fault changes the stream of blocks; this one changes nothing."""

    name = ""
    rarity = 1

    def __init__(self, seed: int, every_lines: int, log: Log) -> None:
        self.schedule = Schedule(self.name, seed, every_lines, self.rarity)
        self.rng = self.schedule.rng
        self.log = log

    def feed(self, block: LineBlock) -> list[LineBlock]:
        """Return what is delivered in place of ``block``."""
        return [block]

    def flush(self) -> list[LineBlock]:
        """Return what is still held back when the cloth ends."""
        return []


class LostLines(Fault):
    """A burst of lines is missing; the block it begins in is delivered in front of and behind it."""

    name = "lost-lines"
    _first = 0
    _end = 0

    def feed(self, block: LineBlock) -> list[LineBlock]:
        if self.schedule.strikes(block) and self._end == 0:
            self._first = block.first_line + int(self.rng.integers(block.lines))
            self._end = self._first + int(self.rng.integers(10, 300))
        first, end = max(self._first, block.first_line), min(self._end, block.end_line)
        if first >= end:
            return [block]
        self.log.add(self.name, Effect.LOST, first, end)
        if end == self._end:
            self._end = 0
        return [*_part(block, block.first_line, first), *_part(block, end, block.end_line)]


class ShortBlock(Fault):
    """A buffer comes incomplete: its last lines are missing."""

    name = "short-block"

    def feed(self, block: LineBlock) -> list[LineBlock]:
        if not self.schedule.strikes(block) or block.lines < 2:
            return [block]
        end = block.first_line + int(self.rng.integers(1, block.lines))
        self.log.add(self.name, Effect.LOST, end, block.end_line)
        return _part(block, block.first_line, end)


class DuplicateBlock(Fault):
    """A block is delivered twice."""

    name = "duplicate-block"

    def feed(self, block: LineBlock) -> list[LineBlock]:
        if not self.schedule.strikes(block):
            return [block]
        self.log.add(self.name, Effect.REPEATED, block.first_line, block.end_line)
        return [block, block]


class LateBlock(Fault):
    """A block is overtaken by its successor.  The very last block has none, so it is not late."""

    name = "late-block"
    _held: LineBlock | None = None

    def feed(self, block: LineBlock) -> list[LineBlock]:
        held = self._held
        self._held = None
        strikes = self.schedule.strikes(block)
        if held is not None:
            if block.first_line < held.end_line:  # no successor but a repeat
                return [held, block]
            self.log.add(self.name, Effect.LATE, held.first_line, held.end_line)
            return [block, held]
        if strikes:
            self._held = block
            return []
        return [block]

    def flush(self) -> list[LineBlock]:
        held = self._held
        self._held = None
        return [] if held is None else [held]


class ClockStep(Fault):
    """The camera's clock is seconds off for some blocks."""

    name = "clock-step"
    _left = 0
    _step_ns = 0

    def feed(self, block: LineBlock) -> list[LineBlock]:
        if self.schedule.strikes(block) and self._left == 0:
            self._left = int(self.rng.integers(3, 12))
            self._step_ns = round(self.rng.uniform(1, 10) * 1e9) * (1 if self.rng.random() < 0.5 else -1)
        if self._left == 0:
            return [block]
        self._left -= 1
        self.log.add(self.name, Effect.STEPPED, block.first_line, block.end_line)
        return [replace(block, captured_ns=max(block.captured_ns + self._step_ns, 0))]


class EncoderSlip(Fault):
    """The encoder counts some ticks too many at once, without a line trigger: line numbers jump ahead for good.

    No cloth is missing, but by the encoder, the only reference, lines were due that never came: ``LOST``.
    """

    name = "encoder-slip"

    def __init__(self, seed: int, every_lines: int, log: Log) -> None:
        super().__init__(seed, every_lines, log)
        self.slips: list[tuple[int, int]] = []  # (cloth line, ticks too many)

    @property
    def offset(self) -> int:
        """Return the encoder line less the cloth line now."""
        return sum(slip for _, slip in self.slips)

    def feed(self, block: LineBlock) -> list[LineBlock]:
        if self.schedule.strikes(block):
            slip = int(self.rng.integers(4, 40))
            first = block.first_line + self.offset
            self.slips.append((block.first_line, slip))
            self.log.add(self.name, Effect.LOST, first, first + slip)
        return [replace(block, first_line=block.first_line + self.offset)]

    def encoder_line(self, cloth_line: int) -> int:
        """Return the encoder line of a cloth line.

        A cloth line is what the encoder would say had it never slipped.
        """
        return cloth_line + sum(slip for at_line, slip in self.slips if at_line <= cloth_line)

    def cloth_line(self, encoder_line: int) -> int:
        """Invert ``encoder_line``; lines that never were map to the one behind them."""
        offset = 0
        for at_line, slip in self.slips:
            if encoder_line < at_line + offset + slip:
                return min(encoder_line - offset, at_line)
            offset += slip
        return encoder_line - offset


class Jitter(Fault):
    """Some blocks come later than they were ready, in order."""

    name = "jitter"
    _left = 0

    def delay_s(self, block: LineBlock) -> float:
        """Return how long this block is held back."""
        if self.schedule.strikes(block):
            self._left = int(self.rng.integers(3, 9))
        if self._left == 0:
            return 0.0
        self._left -= 1
        self.log.add(self.name, Effect.DELAYED, block.first_line, block.end_line)
        return float(self.rng.uniform(0.01, 0.15))


class Unplug(Fault):
    """The camera vanishes for a while; rarer than other faults, since much cloth goes by meanwhile."""

    name = "unplug"
    rarity = 4


def _part(block: LineBlock, first_line: int, end_line: int) -> list[LineBlock]:
    """Return the lines ``[first_line, end_line)`` of a block, as no or one block."""
    if end_line <= first_line:
        return []
    pixels = block.pixels[first_line - block.first_line : end_line - block.first_line]
    frame_line = block.frame_line + first_line - block.first_line
    return [replace(block, pixels=pixels, first_line=first_line, frame_line=frame_line)]
