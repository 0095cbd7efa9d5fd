"""This module follows what the long look finds and makes defects of it: one line, one defect, however long it grows.

A line along the warp is told after the shortest window in which it is sure.  It began where the evidence along its
path begins, follows the yarn as it leans, and ends where good cloth has become likelier than the flaw.  A line along
the weft is told once the lines around it are judged.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.long import Hit, Step, WarpStep, WeftStep
from model.long.look import LEVELS, REACH_PX
from model.long.scorer import APART_PX, ECHO
from model.long.segment import Follower, Segment, best_segment
from station.contract import Defect, DefectKind
from station.line.judging.looks.long_defect import PICTURE_PX, Box, LongLine, Picture
from station.recipe import Recipe

THRESHOLD = 1.0
"""Scores are over the limits of their windows: from here on a line is told."""
GROWTH_INTERVAL_S = 0.5
KEPT_STEPS = 2 << LEVELS[-1]
"""Evidence is kept for twice the longest window: a line began within it, or is followed already."""
STEER_STEPS, STEER_PX, STEER_SURE = 2, 2, 1.0
"""Every so many steps a line that is followed moves over by 1 px, if the last steps show it better within so many px
beside it, by so many spreads of a step."""
PATIENCE_STEPS = 16
"""A line found this soon after the end of another in its path is that one; so long no end is told."""


@dataclass(eq=False)
class _Track:
    """A track follows a line along the warp.

    Attributes:
        hit: where the line lies, by what showed it last.
        aside: px by which it was seen to have moved since.
        ended: step at which its end was seen, None while it goes on.
    """

    line: LongLine
    follower: Follower
    hit: Hit
    aside: int = 0
    ended: int | None = None
    closed: bool = False

    def place_at(self, index: int) -> float:
        """Return where the line lies in this mean."""
        return self.hit.place_at(index) + self.aside


class LongLines:
    """The tracker makes the defects of a roll from the steps of the long look.

    Args:
        recipe: scales, and what is too short or too near the edge to be told.
        width_px: width of the camera's picture.
        number: gives the next number of a defect in the roll.
        picture: cuts the cloth for a defect's picture, if it has one.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        width_px: int,
        number: Callable[[], int],
        picture: Picture | None = None,
        threshold: float = THRESHOLD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recipe = recipe
        self._width = width_px
        self._number = number
        self._picture = picture
        self._threshold = threshold
        self._clock = clock
        self._margin = recipe.edge_margin_mm / recipe.scale
        self._steps: deque[WarpStep] = deque(maxlen=KEPT_STEPS)
        self._tracks: list[_Track] = []
        self._wefts: list[tuple[LongLine, Hit]] = []
        self._piece: str | None = None

    def feed(self, steps: Sequence[Step], piece: str | None = None) -> Iterator[Defect]:
        """Take the next steps of the run, on this piece; yield the defects that changed."""
        self._piece = piece
        for step in steps:
            yield from self._warp(step) if isinstance(step, WarpStep) else self._weft(step)

    def end_run(self) -> Iterator[Defect]:
        """End the run and close all its defects; the scorer's last steps must have been fed."""
        for track in self._tracks:
            if not track.closed:
                yield self._tell(track.line, closed=True)
        for line, _ in self._wefts:
            yield self._tell(line, closed=True)
        self._tracks.clear()
        self._wefts.clear()
        self._steps.clear()

    # Along the warp

    def _warp(self, step: WarpStep) -> Iterator[Defect]:
        self._steps.append(step)
        for hit in step.hits:
            low, high = step.left_px + self._margin, step.right_px - self._margin
            if hit.score >= self._threshold and low <= hit.place < high:
                self._take(step, hit)
        for track in self._tracks:
            if track.closed:
                continue
            self._follow(track, step)
            track.closed = track.ended is not None and step.index - track.ended >= PATIENCE_STEPS
            yield from self._growth(track.line, closed=track.closed)
        oldest = self._steps[0].index
        self._tracks = [track for track in self._tracks if not track.closed or track.follower.end > oldest]

    def _take(self, step: WarpStep, hit: Hit) -> None:
        """Find the track that a hit belongs to, or begin one."""
        values = np.zeros(len(self._steps), np.float32)
        for row, kept in enumerate(self._steps):
            values[row] = self._value(kept, hit, hit.place_at(kept.index))
        found = best_segment(values, float(values[-hit.count :].mean()))
        oldest = self._steps[0].index
        found = Segment(oldest + found.first, oldest + found.end, found.mean)
        for track in self._tracks:
            if self._belongs(track, hit, found):
                self._absorb(track, step, hit, found)
                return
        box = self._box(hit.place_at, found, hit.width_px)
        peak_px = round(hit.place)
        line = LongLine(DefectKind.WARP_LINE, box, hit.score, step.left_px, step.first_line, peak_px, self._piece)
        self._tracks.append(_Track(line, Follower(found), hit))

    def _value(self, step: WarpStep, hit: Hit, place: float) -> float:
        """Return the evidence for a flaw like this one at a place of the step, 0 off the web."""
        column = round(place)
        return hit.sign * float(step.evidence[hit.width, column]) if step.left_px <= column < step.right_px else 0.0

    def _belongs(self, track: _Track, hit: Hit, found: Segment) -> bool:
        """Say whether a hit is of this track: in its path, or its echo beside it."""
        follower = track.follower
        if found.first > follower.end + PATIENCE_STEPS or found.end < follower.first - PATIENCE_STEPS:
            return False
        middle = min(max((found.first + found.end) // 2, follower.first), max(follower.end - 1, follower.first))
        distance = abs(hit.place_at(middle) - track.place_at(middle))
        return distance <= APART_PX or (distance <= 2 * REACH_PX and hit.score < ECHO * track.line.score)

    def _absorb(self, track: _Track, step: WarpStep, hit: Hit, found: Segment) -> None:
        """Let a hit of the track say how high it is, and where it lies now: the strongest of a step does."""
        away = abs(hit.place - track.place_at(hit.last)) > APART_PX
        if track.closed or away or hit.sign != track.hit.sign:
            return
        if hit.score > track.line.score:
            track.line.score = hit.score
            track.line.peak_line = step.first_line
            track.line.peak_px = round(hit.place)
        if track.hit.last != hit.last:
            track.hit = hit
            track.aside = 0
        if track.ended is not None and found.end > track.ended:
            track.follower = Follower(Segment(track.follower.first, found.end, found.mean))
            track.ended = None

    def _follow(self, track: _Track, step: WarpStep) -> None:
        """Follow the line to this step, and take in what it covers."""
        follower = track.follower
        oldest = self._steps[0].index
        while follower.next <= step.index and track.ended is None:
            seen = self._steps[max(follower.next - oldest, 0)]
            if follower.follow(self._value(seen, track.hit, track.place_at(seen.index))):
                track.ended = seen.index
            if follower.next % STEER_STEPS == 0:
                self._steer(track)
        found = Segment(follower.first, follower.end, 0.0)
        track.line.box.grow(self._box(track.place_at, found, track.hit.width_px))

    def _steer(self, track: _Track) -> None:
        """Move the path to where the last steps show the yarn, if that is beside it."""
        near = np.zeros(2 * STEER_PX + 1)
        oldest = self._steps[0].index
        end = track.follower.next
        for index in range(max(end - 2 * STEER_STEPS, oldest), end):
            kept = self._steps[index - oldest]
            for aside in range(-STEER_PX, STEER_PX + 1):
                near[aside + STEER_PX] += self._value(kept, track.hit, track.place_at(index) + aside)
        if near.max() > near[STEER_PX] + STEER_SURE:
            track.aside += int(np.sign(near.argmax() - STEER_PX))

    def _box(self, place_at: Callable[[int], float], found: Segment, width_px: int) -> Box:
        """Return the box of a line over the steps that are kept."""
        oldest = self._steps[0].index
        first, last = (min(max(at - oldest, 0), len(self._steps) - 1) for at in (found.first, found.end - 1))
        ends = [place_at(self._steps[row].index) for row in (first, last)]
        low, high = round(min(ends)) - (width_px - 1) // 2, round(max(ends)) + width_px // 2 + 1
        lines = self._steps[first].first_line, self._steps[last].end_line
        return Box(*lines, max(0, low), min(self._width, high))

    # Along the weft

    def _weft(self, step: WeftStep) -> Iterator[Defect]:
        settled = [line for line, _ in self._wefts]
        for hit in step.hits:
            if hit.score >= self._threshold:
                self._take_weft(step, hit)
        for known, _ in self._wefts:
            yield from self._growth(known, closed=known in settled)
        self._wefts = [(known, hit) for known, hit in self._wefts if known not in settled]

    def _take_weft(self, step: WeftStep, hit: Hit) -> None:
        cells = len(step.evidence)
        lines = [hit.place_at(cell) for cell in range(cells)]
        values = np.zeros(cells, np.float32)
        for cell, place in enumerate(lines):
            row = round(place) - step.evidence_line
            if 0 <= row < step.evidence.shape[2]:
                values[cell] = hit.sign * step.evidence[cell, hit.width, row]
        window = values[hit.last + 1 - hit.count : hit.last + 1]
        found = best_segment(values, float(window.mean()))
        for known, other in self._wefts:
            middle = (found.first + found.end - 1) // 2
            distance = abs(other.place_at(middle) - lines[middle])
            if distance <= APART_PX or (distance <= 2 * REACH_PX and hit.score < ECHO * other.score):
                if distance <= APART_PX and hit.sign == other.sign:
                    known.box.grow(self._weft_box(step, hit, found, lines))
                return
        box = self._weft_box(step, hit, found, lines)
        peak_px = (box.first_px + box.end_px) // 2
        line = LongLine(
            DefectKind.WEFT_LINE, box, hit.score, step.left_px, step.run_line + round(hit.place), peak_px, self._piece
        )
        self._wefts.append((line, hit))

    def _weft_box(self, step: WeftStep, hit: Hit, found: Segment, lines: list[float]) -> Box:
        own = lines[found.first : found.end]
        low = step.run_line + round(min(own)) - (hit.width_px - 1) // 2
        high = step.run_line + round(max(own)) + hit.width_px // 2 + 1
        first_px, end_px = (step.left_px + cell * step.cell_px for cell in (found.first, found.end))
        return Box(max(step.run_line, low), high, first_px, min(self._width, end_px))

    # Telling

    def _growth(self, line: LongLine, *, closed: bool) -> Iterator[Defect]:
        """Tell a line that is new, has grown since some time, or is closed."""
        if closed:
            yield self._tell(line, closed=True)
            return
        waits = line.told is not None and self._clock() - line.told_s < GROWTH_INTERVAL_S
        if line.told != line.state() and not waits and line.is_reject(self._recipe, self._threshold):
            yield self._tell(line, closed=False)

    def _tell(self, line: LongLine, *, closed: bool) -> Defect:
        if not line.number:
            line.number = self._number()
        if line.crop is None and self._picture is not None:
            line.crop = self._picture(line.peak_line, line.peak_px, PICTURE_PX)
        line.told = line.state()
        line.told_s = self._clock()
        return line.defect(self._recipe, self._threshold, closed=closed)
