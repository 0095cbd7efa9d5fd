"""This module passes cloth through a direction's filter and ladder, the same for teach-in and for the line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.long.ladder import Counts, Ladder, counts_of, window_sums
from model.long.look import LEVELS, STRONGEST, Direction, Floats
from model.long.means import Mean, beside_bands, filtered, without_light

BLOCK_LINES = 512
"""So many lines are judged at once along the weft, always from the same lines on, however the cloth comes in."""
TOGETHER = 4
"""So many means along the warp are filtered at once, which costs little more than one."""
CONTEXT_LINES = 112
"""What lies this near is looked at to judge a line: light, what is beside it, and how far the cloth leans."""


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of windows of one level: int16 ``[leans, windows, widths, places]``, windows ``apart`` means apart."""

    level: int
    apart: int
    values: Counts


@dataclass(frozen=True, eq=False)
class WarpPart:
    """A warp part is one mean of lines, the columns of the web that were looked at, its evidence, float32
    ``[widths, width]``, and the windows it ends."""

    mean: Mean
    index: int
    low: int
    high: int
    evidence: Floats
    sums: tuple[Sums, ...]


DUST = 1.0
"""A column that always shows so many spreads of a step has dust before it, or a weak pixel."""


@dataclass(frozen=True, eq=False)
class WeftPart:
    """A weft part holds lines ``[first_line, end_line)`` of a run.

    Attributes:
        evidence: float32 ``[cells, widths, lines]`` with ``before`` lines of context in front, as have the sums.
    """

    first_line: int
    end_line: int
    before: int
    evidence: Floats
    sums: tuple[Sums, ...]


def evidence_of(
    relative: Floats, low: int, high: int, direction: Direction, ratio: Floats, strongest: float = STRONGEST
) -> Floats:
    """Filter profiles and bring them to units of their own spread, each held within ``strongest``.

    Returns:
        float32 ``[n, widths, places]``.
    """
    found = filtered(relative, low, high, direction.kernels)
    found /= direction.step[:, None]
    if direction.fixed.shape[1] == found.shape[2]:
        found[..., low:high] -= _shown_by_the_camera(found[..., low:high], direction.fixed[:, low:high])
    found /= ratio
    spoilt = beside_bands(relative, direction.thick)
    if spoilt is not None:
        found *= ~spoilt[:, None]
    return np.clip(found, -strongest, strongest, out=found)


def _shown_by_the_camera(found: Floats, fixed: Floats) -> Floats:
    """Return what of the evidence is the camera's: what its columns always showed, and where that was much, anything
    between that and nothing, as dust is wiped off."""
    return np.where(np.abs(fixed) < DUST, fixed, np.clip(found, np.minimum(fixed, 0), np.maximum(fixed, 0)))


class WarpPass:
    """The pass takes means of lines, run by run."""

    def __init__(self, direction: Direction, step_lines: int, top: int = LEVELS[-1]) -> None:
        self._direction = direction
        self._step = step_lines
        self._top = top
        self.end_run()

    def end_run(self) -> None:
        """Forget the run."""
        self._ladder: Ladder | None = None
        self._ratio: tuple[tuple[int, int], Floats] | None = None

    @property
    def kept_bytes(self) -> int:
        """Give how many bytes of sums are kept."""
        return self._ladder.kept_bytes if self._ladder is not None else 0

    def push(self, means: Sequence[Mean], *, last: bool = False) -> Iterator[WarpPart]:
        """Take the next means, filtered together; with ``last`` the windows that end with the run are summed too."""
        low = max(mean.left_px for mean in means)
        high = min(min(mean.right_px, mean.sums.size) for mean in means)
        relative = without_light(np.stack([mean.sums for mean in means]), low, high)
        if self._ratio is None or self._ratio[0] != (low, high):
            self._ratio = (low, high), self._direction.ratio(means[0].sums.size, low, high)
        found = evidence_of(relative, low, high, self._direction, self._ratio[1])
        for mean, evidence in zip(means, found, strict=True):
            yield self._part(mean, low, high, evidence, last=last and mean is means[-1])

    def _part(self, mean: Mean, low: int, high: int, evidence: Floats, *, last: bool) -> WarpPart:
        if mean.lines < self._step:
            evidence *= np.float32(mean.lines / self._step)
        if self._ladder is None:
            self._ladder = Ladder(evidence.shape, self._direction.lean, self._top)
        index = self._ladder.index
        sums = []
        for level, values in self._ladder.push(counts_of(evidence), last=last):
            if index + 1 >= 1 << level or (last and level == LEVELS[0]):
                sums.append(Sums(level, 1, values[:, None]))
        return WarpPart(mean, index, low, high, evidence, tuple(sums))


class WeftPass:
    """The pass takes lines averaged over strips of columns, run by run, and judges them block by block."""

    def __init__(self, direction: Direction, cells: int) -> None:
        self._direction = direction
        self._cells = cells
        self.end_run()

    def end_run(self) -> None:
        """Forget the run."""
        self._means = np.zeros((self._cells, 0), np.float32)
        self._start = 0  # line of the first of the means kept
        self._next = 0

    @property
    def kept_bytes(self) -> int:
        """Give how many bytes of means are kept."""
        return self._means.nbytes

    def push(self, means: Floats, *, last: bool = False) -> Iterator[WeftPart]:
        """Take the next lines, float32 ``[cells, lines]``; yield the blocks that can be judged."""
        self._means = np.concatenate([self._means, means], 1)
        end = self._start + self._means.shape[1]
        while self._next + BLOCK_LINES + CONTEXT_LINES <= end:
            yield self._block(self._next + BLOCK_LINES, self._next + BLOCK_LINES + CONTEXT_LINES, False)
        if last and self._next < end:
            yield self._block(end, end, True)

    def _block(self, block_end: int, seen_end: int, ends: bool) -> WeftPart:
        first = max(self._start, self._next - CONTEXT_LINES)
        seen = self._means[:, first - self._start : seen_end - self._start]
        places = seen.shape[1]
        relative = without_light(seen, 0, places)
        relative[~seen.any(1)] = 0
        ratio = self._direction.ratio(2 * places, 0, 2 * places)
        starts, stops = ratio[:places] if first == 0 else 1, ratio[places:] if ends else 1
        evidence = evidence_of(relative, 0, places, self._direction, np.broadcast_to(np.maximum(starts, stops), places))
        sums = tuple(Sums(*each) for each in window_sums(counts_of(evidence), self._direction.lean))
        part = WeftPart(self._next, block_end, self._next - first, evidence, sums)
        self._next = block_end
        keep = max(self._start, block_end - CONTEXT_LINES)
        self._means = self._means[:, keep - self._start :]
        self._start = keep
        return part
