"""This module scores a stream of cloth by a long look.

Lines come in pieces of any size; what is told depends on the lines alone.  What is found is told as *hits*: a line
over a window whose sum good cloth does not reach.  The tracker on the line makes defects of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.long.heights import heights
from model.long.ladder import leans
from model.long.limits import LongLimits
from model.long.look import LEVELS, REACH_PX, UNIT, WIDTHS, Direction, Floats, LongLook
from model.long.means import LineSums, Mean, strip_means
from model.long.passing import TOGETHER, Sums, WarpPart, WarpPass, WeftPart, WeftPass
from model.scorer import CELL_PX

ECHO = 0.6
"""Within reach of a stronger hit, one that is weaker than this share of it is its echo: the filter looks aside."""
APART_PX = 12
"""Hits nearer to a stronger one than this are the same flaw."""
MOST_HITS = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """A hit is a line over a window that stands out.

    Attributes:
        score: height over the limit of its window; 1 and more is told.
        place: its column in the window's last mean (warp), or its line in the run in the last strip (weft).
        last, count: index of the window's last mean or strip, and how many it sums.
        lean: px that its place moves from one mean or strip to the next, within the window.
        drift: the same of all the cloth.
        width: index into :data:`WIDTHS`.
        sign: 1 if brighter than what lies beside it, -1 if darker.
    """

    score: float
    place: float
    last: int
    count: int
    lean: float
    drift: float
    width: int
    sign: int

    @property
    def width_px(self) -> int:
        """Give the width of the flaw in px."""
        return WIDTHS[self.width]

    def place_at(self, index: int) -> float:
        """Return its place in this mean or strip; outside its window it leans no more than all the cloth."""
        inside = min(max(index, self.last + 1 - self.count), self.last)
        return self.place + self.lean * (inside - self.last) + self.drift * (index - inside)


@dataclass(frozen=True, eq=False)
class WarpStep:
    """A warp step is the cloth of one mean of lines, judged along the warp.

    Attributes:
        index: number of the mean in its run.
        first_line, end_line: its lines in the roll, half-open.
        left_px, right_px: columns of the web.
        evidence: float32 ``[widths, width]``, how far it stands out by itself, in spreads of good cloth.
        hits: what stands out in the windows that end here, strongest first.
        scores: float32 ``[ceil(width / CELL_PX)]``, highest score of the windows that end here, over their limits.
    """

    index: int
    first_line: int
    end_line: int
    left_px: int
    right_px: int
    evidence: Floats
    hits: tuple[Hit, ...]
    scores: Floats


@dataclass(frozen=True, eq=False)
class WeftStep:
    """A weft step is a block of lines, judged along the weft.

    Attributes:
        first_line, end_line: its lines in the roll, half-open; hits and evidence count lines from the run's start.
        run_line: roll line of the run's start.
        left_px, cell_px: where the strips of columns begin, and their width.
        evidence: float32 ``[cells, widths, lines]`` from run line ``evidence_line`` on.
        hits: what stands out, strongest first.
        scores: float32 ``[ceil(lines / CELL_PX), cells]``, highest score of the windows over each strip.
    """

    first_line: int
    end_line: int
    run_line: int
    left_px: int
    cell_px: int
    evidence: Floats
    evidence_line: int
    hits: tuple[Hit, ...]
    scores: Floats


Step = WarpStep | WeftStep


class LongScorer:
    """The scorer takes lines and tells what stands out along the warp and along the weft.

    Args:
        look: what good cloth taught.
        limits: from which score on something is told.
        width_px: width of the camera's picture.
    """

    def __init__(self, look: LongLook, limits: LongLimits, width_px: int) -> None:
        self._look = look if width_px == look.width_px else _elsewhere(look)
        self._width = width_px
        self._limits = limits
        usable = [level for level, usual in zip(LEVELS, look.warp.usual, strict=True) if np.isfinite(usual)]
        self._sums = LineSums(look.step_lines)
        self._warp = WarpPass(self._look.warp, look.step_lines, top=max(usable, default=LEVELS[0]))
        self._weft = WeftPass(self._look.weft, look.cells)
        self._held: list[Mean] = []
        self._run_line = 0
        self._lines = 0
        self._left = 0

    @property
    def kept_bytes(self) -> int:
        """Give how many bytes of cloth and sums are kept for what comes next."""
        return self._warp.kept_bytes + self._weft.kept_bytes

    def push(self, pixels: NDArray[np.uint8], left_px: int, right_px: int, first_line: int) -> list[Step]:
        """Take the next lines, uint8 ``[lines, width]`` or ``[lines, width, 3]``, from roll line ``first_line`` on.

        Args:
            left_px, right_px: columns of the web on them, half-open; empty: no cloth there, but the run goes on.
        """
        if not self._lines:
            self._run_line = first_line
        self._lines += pixels.shape[0]
        if right_px > left_px:
            self._left = left_px
        steps: list[Step] = []
        for mean in self._sums.push(pixels, left_px, right_px):
            steps += self._means(mean)
        strips = strip_means(pixels, left_px, right_px, self._look.cells, self._look.cell_px)
        steps += map(self._weft_step, self._weft.push(strips))
        return steps

    def end_run(self) -> list[Step]:
        """End the run: the windows end with it."""
        steps: list[Step] = []
        for mean in self._sums.end():
            steps += self._means(mean)
        if self._held:
            steps += map(self._warp_step, self._warp.push(self._held, last=True))
        nothing = np.zeros((self._look.cells, 0), np.float32)
        steps += map(self._weft_step, self._weft.push(nothing, last=True))
        self._held = []
        self._warp.end_run()
        self._weft.end_run()
        self._lines = 0
        return steps

    def _means(self, mean: Mean) -> Iterator[Step]:
        """Gather means, and hold the last back until the next one comes, as the run's last one ends all windows."""
        if len(self._held) == TOGETHER:
            yield from map(self._warp_step, self._warp.push(self._held))
            self._held = []
        self._held.append(mean)

    def _warp_step(self, part: WarpPart) -> WarpStep:
        mean, warp = part.mean, self._look.warp
        scores = np.zeros(self._width, np.float32)
        hits: list[Hit] = []
        for sums in part.sums:
            found = heights(sums, warp, part.low, part.high)[0]
            found /= np.float32(self._limits.warp[sums.level - LEVELS[0]])
            np.maximum(scores, found, out=scores)
            hits += _hits(sums, 0, found, part.index, warp, 0)
        return WarpStep(
            index=part.index,
            first_line=self._run_line + mean.first_line,
            end_line=self._run_line + mean.first_line + mean.lines,
            left_px=part.low,
            right_px=part.high,
            evidence=part.evidence,
            hits=_strongest(hits),
            scores=_by_cell(scores),
        )

    def _weft_step(self, part: WeftPart) -> WeftStep:
        weft = self._look.weft
        own = slice(part.before, part.before + part.end_line - part.first_line)
        scores = np.zeros((self._look.cells, part.end_line - part.first_line), np.float32)
        hits: list[Hit] = []
        for sums in part.sums:
            found = heights(sums, weft, 0, sums.values.shape[-1])[:, own]
            found /= np.float32(self._limits.weft[sums.level - LEVELS[0]])
            inside = replace(sums, values=sums.values[..., own])
            for window, row in enumerate(found):
                last = window * sums.apart + (1 << sums.level) - 1
                over = scores[last + 1 - (1 << sums.level) : last + 1]
                np.maximum(over, row, out=over)
                hits += _hits(inside, window, row, last, weft, part.first_line)
        return WeftStep(
            first_line=self._run_line + part.first_line,
            end_line=self._run_line + part.end_line,
            run_line=self._run_line,
            left_px=self._left,
            cell_px=self._look.cell_px,
            evidence=part.evidence,
            evidence_line=part.first_line - part.before,
            hits=_strongest(hits),
            scores=np.ascontiguousarray(_by_cell(scores).T),
        )


def _elsewhere(look: LongLook) -> LongLook:
    """Return the look without what belongs to the columns of another camera."""
    none = np.zeros(0, np.float32)
    return replace(look, warp=replace(look.warp, fixed=np.zeros((len(WIDTHS), 0), np.float32), restless=none))


def _hits(sums: Sums, window: int, scores: Floats, last: int, direction: Direction, first: int) -> Iterator[Hit]:
    """Yield the peaks of a window that are told, ``scores`` being its heights over the limit."""
    if scores.max(initial=0) < 1:
        return
    peaks = np.flatnonzero(scores >= 1)
    count = 1 << sums.level
    spread = direction.spread[sums.level - LEVELS[0]]
    for place in _peaks(scores, peaks):
        values = sums.values[:, window, :, place] / (UNIT * spread)
        lean, width = np.unravel_index(int(np.abs(values).argmax()), values.shape)
        px = leans(sums.level, direction.lean)[int(lean)] / count + direction.lean
        sign = 1 if values[lean, width] > 0 else -1
        yield Hit(float(scores[place]), float(first + place), last, count, px, direction.lean, int(width), sign)


def _peaks(scores: Floats, places: NDArray[np.intp]) -> Iterator[int]:
    """Yield the strongest places first, without those that belong to a stronger one or are its echo."""
    taken: list[int] = []
    for place in places[np.argsort(-scores[places], kind="stable")].tolist():
        if len(taken) >= MOST_HITS:
            return
        if not any(_shadows(scores[other], abs(place - other), scores[place]) for other in taken):
            taken.append(place)
            yield place


def _shadows(stronger: float, distance: float, score: float) -> bool:
    """Say whether a hit of this score so near to a stronger one is the same flaw, or its echo."""
    return distance <= APART_PX or (distance <= 2 * REACH_PX and score < ECHO * stronger)


def _strongest(hits: list[Hit]) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: -hit.score)[: 4 * MOST_HITS])


def _by_cell(scores: Floats) -> Floats:
    """Return the highest score of each cell along the last axis."""
    places = scores.shape[-1]
    cells = -(-places // CELL_PX)
    padded = np.zeros((*scores.shape[:-1], cells * CELL_PX), np.float32)
    padded[..., :places] = scores
    return np.asarray(padded.reshape(*scores.shape[:-1], cells, CELL_PX).max(-1))
