"""This module drives the loom and its encoder: how far the cloth has come, which lines the camera takes, and when."""

from __future__ import annotations

import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from drivers.camera import CameraError, EncoderReading

BLOCK_SECONDS = 0.1
"""A block is handed over after this time at the latest, so that a crawling loom is still seen at once."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage lasts ``seconds``; speed goes evenly from ``start`` to ``end`` (lines per second; negative: reverse)."""

    seconds: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The loom goes back ``back_lines`` when it has reached ``at_line``, then forward again."""

    at_line: int
    back_lines: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece moves in one direction at ``speed + gain * t`` from ``at_s`` on, and holds what was covered by then."""

    at_s: float
    speed: float
    gain: float
    position: float
    forward: float
    highest: float

    @property
    def runs_forward(self) -> bool:
        return self.speed > 0 or (self.speed == 0 and self.gain > 0)

    def way(self, seconds: float) -> float:
        return self.speed * seconds + self.gain * seconds * seconds / 2


class SpeedProfile:
    """A speed profile gives the cloth's speed in lines over loom time; the last stage's end speed holds for ever.

    Pure and picklable: two processes that hold the same profile agree on everything.

    Args:
        stages: what happens in order; a stop is a stage of speed 0, a creep one of little, a reverse a negative one.

    Raises:
        CameraError: no stage, a negative duration, or a reverse beyond the start of the cloth.
    """

    def __init__(self, stages: Iterable[Stage]) -> None:
        self.stages = tuple(stages)
        if not self.stages or any(stage.seconds < 0 for stage in self.stages):
            raise CameraError("A loom's speed profile needs at least one stage, none of negative duration.")
        self._pieces = _pieces(self.stages)
        self._starts = [piece.at_s for piece in self._pieces]
        self._forwards = [piece.forward for piece in self._pieces]
        if min(piece.position for piece in self._pieces) < -0.5 or self._pieces[-1].speed < 0:
            raise CameraError("A loom cannot reverse beyond the start of its cloth: let it run forward first.")

    @classmethod
    def with_turns(cls, lines_per_s: float, turns: Sequence[Turn], ramp_s: float = 0.25) -> SpeedProfile:
        """Make a profile of one speed, except that near each turn's line the loom stops, goes back and runs on."""
        stages: list[Stage] = []
        position = 0.0
        ramp = lines_per_s * ramp_s / 2
        for turn in turns:
            cruise = max(turn.at_line - ramp - position, 0.0) / lines_per_s
            back_s = turn.back_lines / (lines_per_s / 2)
            stages += [
                Stage(cruise, lines_per_s, lines_per_s),
                Stage(ramp_s, lines_per_s, 0.0),
                Stage(0.2, 0.0, 0.0),
                Stage(back_s, -lines_per_s / 2, -lines_per_s / 2),
                Stage(0.2, 0.0, 0.0),
                Stage(ramp_s, 0.0, lines_per_s),
            ]
            position += cruise * lines_per_s + 2 * ramp - turn.back_lines
        return cls([*stages, Stage(0.0, lines_per_s, lines_per_s)])

    def speed_at(self, loom_s: float) -> float:
        """Return lines per second, negative in reverse."""
        piece = self._piece_at(loom_s)
        return piece.speed + piece.gain * (loom_s - piece.at_s)

    def position_at(self, loom_s: float) -> float:
        """Return the encoder position in lines."""
        piece = self._piece_at(loom_s)
        return piece.position + piece.way(loom_s - piece.at_s)

    def highest_at(self, loom_s: float) -> float:
        """Return the highest position reached so far, in lines."""
        return max(self._piece_at(loom_s).highest, self.position_at(loom_s))

    def forward_at(self, loom_s: float) -> float:
        """Return all lines run forward, seen twice or not: what a forward-only line trigger counts."""
        piece = self._piece_at(loom_s)
        return piece.forward + (piece.way(loom_s - piece.at_s) if piece.runs_forward else 0.0)

    def time_of_forward(self, lines: float) -> float:
        """Return when ``forward_at`` first reaches ``lines``; infinite if never."""
        piece = self._pieces[max(bisect_left(self._forwards, lines) - 1, 0)]
        way = lines - piece.forward
        if way <= 0:
            return piece.at_s
        root = piece.speed * piece.speed + 2 * piece.gain * way
        slope = piece.speed + math.sqrt(max(root, 0.0))
        return piece.at_s + 2 * way / slope if slope > 0 else math.inf

    def turns(self) -> tuple[Turn, ...]:
        """Return the reverses, in whole lines."""
        found: list[Turn] = []
        top: float | None = None
        for piece in self._pieces:
            if piece.runs_forward and top is not None:
                back = math.floor(top) - math.floor(max(piece.position, 0.0))
                found += [Turn(math.floor(top), back)] if back > 0 else []
                top = None
            elif piece.speed < 0 or piece.gain < 0:
                top = piece.position if top is None and not piece.runs_forward else top
        return tuple(found)

    def _piece_at(self, loom_s: float) -> _Piece:
        return self._pieces[max(bisect_right(self._starts, loom_s) - 1, 0)]


def _pieces(stages: Sequence[Stage]) -> list[_Piece]:
    """Cut the stages where the direction changes, add running sums, and close with an endless one."""
    pieces: list[_Piece] = []
    at_s = position = forward = highest = 0.0
    last = stages[-1].end
    for stage in [*_one_way(stages), Stage(math.inf, last, last)]:
        if stage.seconds == 0:
            continue
        gain = (stage.end - stage.start) / stage.seconds
        pieces.append(_Piece(at_s, stage.start, gain, position, forward, highest))
        if math.isinf(stage.seconds):
            break
        way = (stage.start + stage.end) / 2 * stage.seconds
        at_s, position, forward = at_s + stage.seconds, position + way, forward + max(way, 0.0)
        highest = max(highest, position)
    return pieces


def _one_way(stages: Iterable[Stage]) -> Iterator[Stage]:
    """Yield the same stages, split so that none changes direction."""
    for stage in stages:
        if stage.start * stage.end < 0:
            until = stage.seconds * stage.start / (stage.start - stage.end)
            yield Stage(until, stage.start, 0.0)
            yield Stage(stage.seconds - until, 0.0, stage.end)
        else:
            yield stage


@dataclass(frozen=True, slots=True)
class Span:
    """A span is the lines one block holds; it is ready when the loom's time is ``ready_s`` (0: when rendered)."""

    index: int
    first_line: int
    end_line: int
    ready_s: float


@dataclass(frozen=True)
class SpanPlan:
    """A span plan says which lines the camera delivers, block by block: the same answer in every process.

    A line trigger fires going forward only: after a turn, the lines gone back over come again.

    An area camera is triggered as a line-scan camera hands over its blocks: after ``block_lines`` new lines, or sooner
    on a slow loom.  Its frame reaches back over cloth seen before, so that it is whole wherever there is enough cloth.

    Attributes:
        profile: the loom's motion; None for a camera that waits.
        turns: reverses of a camera that waits; a profile has its own.
        block_lines: most lines in a block; for an area camera, most new lines in a frame.
        total_lines: cloth lines there are; None: endless.
        frame_lines: lines an area camera sees at once; None: a line-scan camera.
    """

    profile: SpeedProfile | None
    turns: tuple[Turn, ...]
    block_lines: int
    total_lines: int | None
    frame_lines: int | None = None

    def spans(self, start_index: int = 0) -> Iterator[Span]:
        """Yield all spans from ``start_index`` on, in order of delivery."""
        index = taken = 0
        for turn_number, (first, end) in enumerate(self._runs()):
            line = first
            while end is None or line < end:
                lines, ready_s = self._extent(taken, None if end is None else end - line, turn_number)
                if math.isinf(ready_s):
                    return
                if index >= start_index:
                    first_seen = line if self.frame_lines is None else max(line + lines - self.frame_lines, 0)
                    yield Span(index, first_seen, line + lines, ready_s)
                index, line, taken = index + 1, line + lines, taken + lines

    def _runs(self) -> Iterator[tuple[int, int | None]]:
        """Yield half-open lines between turns, ended by the end of the cloth."""
        line = 0
        for turn in self.turns if self.profile is None else self.profile.turns():
            if self.total_lines is not None and turn.at_line >= self.total_lines:
                break
            yield line, turn.at_line
            line = max(turn.at_line - turn.back_lines, 0)
        yield line, self.total_lines

    def _extent(self, taken: int, room: int | None, turns: int) -> tuple[int, float]:
        """Return the new lines of the block after ``taken`` lines, and when it is ready."""
        most = self.block_lines if taken or self.frame_lines is None else self.frame_lines
        lines = most if room is None else min(most, room)
        if self.profile is None:
            return lines, 0.0
        begin_s = self.profile.time_of_forward(taken)
        if math.isinf(begin_s):
            return lines, begin_s
        lines = min(lines, max(math.floor(self.profile.forward_at(begin_s + BLOCK_SECONDS) + 1e-6) - taken, 1))
        # Turns lie on whole lines here but between lines in the profile: less than a line each, which is given back.
        return lines, self.profile.time_of_forward(max(taken + lines - turns, 0))


class Loom:
    """A loom keeps its own time: real time, less the time it was held back because its cloth was not rendered yet.

    Args:
        profile: its motion.
        clock: seconds, monotonic.
        at_s: loom time to begin at.
    """

    def __init__(self, profile: SpeedProfile, clock: Callable[[], float] = time.monotonic, at_s: float = 0.0) -> None:
        self.profile = profile
        self._clock = clock
        self._origin = clock() - at_s
        self.held_s = 0.0
        self.limit_s = at_s

    @property
    def origin_s(self) -> float:
        """Return the clock reading at which loom time would have been 0 had nothing held it back."""
        return self._origin

    def now_s(self) -> float:
        """Return the loom time now."""
        return min(self._free_s(), self.limit_s)

    @property
    def is_held(self) -> bool:
        """Return True while it waits for cloth to be rendered."""
        return self._free_s() > self.limit_s

    def allow(self, until_s: float) -> None:
        """Allow loom time up to ``until_s``, as that cloth is rendered; the wait for it never happened on the loom."""
        self.held_s += max(self._free_s() - self.limit_s, 0.0)
        self.limit_s = max(self.limit_s, until_s)

    def follow(self, origin_s: float, held_s: float, limit_s: float) -> None:
        """Take over the state of the loom that the renderer runs."""
        self._origin = origin_s
        self.held_s = held_s
        self.limit_s = limit_s

    def clock_at(self, loom_s: float) -> float:
        """Return the clock reading at which loom time was ``loom_s``."""
        return self._origin + self.held_s + loom_s

    def reading(self) -> EncoderReading:
        """Return the encoder reading: highest line reached and speed."""
        now_s = self.now_s()
        speed = 0.0 if self.is_held else self.profile.speed_at(now_s)
        return EncoderReading(math.floor(self.profile.highest_at(now_s) + 1e-6), speed)

    def _free_s(self) -> float:
        return self._clock() - self._origin - self.held_s
