"""This module learns one direction of the long look from the means of good cloth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.long.beside import autocovariance, kernels
from model.long.drift import DriftFinder
from model.long.heights import around, heights, raw_heights
from model.long.look import EDGE_PX, HOPS, LEVELS, PATCH_PX, REACH_PX, STRONGEST, UNIT, WIDTHS, Direction, Floats
from model.long.means import Mean, bands, filtered, without_light
from model.long.passing import TOGETHER, Sums, WarpPass, WeftPass, evidence_of

STANDS_OUT = 5.0
"""What a column always shows is the camera's if it stands out so many times further than columns mostly do."""
FEW_RUNS = 5
"""With fewer runs than this, what all of them show may be this cloth's own warp as well as the camera."""
ALIKE = 0.3
"""What columns always show is only taken off if both halves of the runs agree by this correlation."""
BANDS_SHARE, BANDS_MORE = 0.999, 2.5
"""A band is none of good cloth's if it stands out so many times (second) further than nearly all (first) of it,
or than a quarter of its spread."""
FEW_MEANS = 8
SMOOTH_PX = 17
MOST_PEAKS = 4000


Runs = Sequence[Sequence[Mean]]
_Seen = tuple[tuple[Sums, ...], int, int, bool]
"""Sums of windows, the places that are cloth, half-open, and whether the run ends."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned of a direction, and the highest scores of good cloth by level."""

    direction: Direction
    peaks: dict[int, Floats]


@dataclass(frozen=True, eq=False)
class _Run:
    """A run's profiles without light: float32 ``[n, places]``, cloth at places ``[low, high)`` of each."""

    profiles: Floats
    low: np.ndarray
    high: np.ndarray

    def spans(self) -> Iterable[tuple[int, int, int]]:
        return zip(range(len(self.low)), self.low.tolist(), self.high.tolist(), strict=True)


def _spread(values: NDArray[Any]) -> np.ndarray:
    """Return the robust standard deviation along the last axis."""
    low, high = np.percentile(values, (15.87, 84.13), axis=-1)
    return np.asarray((high - low) / 2)


def _inner(low: int, high: int) -> slice:
    """Return the places well away from the edges."""
    margin = min(EDGE_PX, (high - low) // 4)
    return slice(low + margin, high - margin)


def _kernels(runs: Sequence[_Run]) -> Floats | None:
    """Learn what lies beside a place from all runs; None where there is nothing to learn from.

    It is learned on means of some means, where the noise of the camera counts less.
    """
    total, weight = np.zeros(2 * REACH_PX + 1), 0
    for run in runs:
        for first in range(0, len(run.profiles), TOGETHER):
            low, high = int(run.low[first : first + TOGETHER].max()), int(run.high[first : first + TOGETHER].min())
            if high - low > 6 * REACH_PX or (high - low > 3 * REACH_PX and high == run.profiles.shape[1]):
                together = run.profiles[first : first + TOGETHER, _inner(low, high)].mean(0, keepdims=True)
                bound = 4 * float(_spread(together)[0])
                total += autocovariance(np.clip(together, -bound, bound))
                weight += 1
    if not weight or total[0] <= 0:
        return None
    return kernels(total / weight)


def _plain(taps: Floats, step: np.ndarray) -> Direction:
    """Return a direction of which only the filter is known."""
    return Direction(
        kernels=taps,
        step=step.astype(np.float32),
        fixed=np.zeros((len(WIDTHS), 0), np.float32),
        restless=np.zeros(0, np.float32),
        edges=np.ones((2, EDGE_PX), np.float32),
        spread=np.full((len(LEVELS), len(WIDTHS)), np.inf, np.float32),
        usual=np.full(len(LEVELS), np.inf, np.float32),
        thick=np.inf,
        lean=0.0,
    )


def _base(runs: Sequence[_Run]) -> Direction | None:
    """Learn the filter and the spread of single means."""
    taps = _kernels(runs)
    if taps is None:
        return None
    squares, count = np.zeros(len(WIDTHS)), 0
    for run in runs:
        for row, low, high in run.spans():
            found = filtered(run.profiles[row : row + 1], low, high, taps)[0][:, _inner(low, high)]
            if found.shape[1]:
                squares += _spread(found) ** 2
                count += 1
    step = np.sqrt(squares / max(count, 1))
    if not (step > 0).all():
        return None
    highest = [max(np.quantile(bands(run.profiles), BANDS_SHARE), run.profiles.std() / 4) for run in runs]
    return replace(_plain(taps, step), thick=float(np.float32(BANDS_MORE * max(highest))))


def _evidence(run: _Run, direction: Direction, strongest: float = STRONGEST) -> Iterable[tuple[int, int, Floats]]:
    for row, low, high in run.spans():
        ratio = direction.ratio(run.profiles.shape[1], low, high)
        yield low, high, evidence_of(run.profiles[row : row + 1], low, high, direction, ratio, strongest)[0]


def _edges(runs: Sequence[_Run], direction: Direction) -> Floats:
    """Learn how much more good cloth varies near the edges than in the middle, by distance."""
    squares, count = np.zeros((2, EDGE_PX)), 0
    for run in runs:
        for row, low, high in run.spans():
            if high - low > 4 * EDGE_PX:
                found = filtered(run.profiles[row : row + 1], low, high, direction.kernels)[0]
                found /= direction.step[:, None]
                power = (found**2).mean(0)
                squares += [power[low : low + EDGE_PX], power[high - EDGE_PX : high][::-1]]
                count += 1
    ratio = np.sqrt(cv2.blur(squares / max(count, 1), (5, 1), borderType=cv2.BORDER_REPLICATE))
    sure = 1 + 3 / np.sqrt(2 * max(count, 1) * 5)
    return np.where(ratio > sure, ratio, 1).astype(np.float32)


def _fixed(runs: Sequence[_Run], direction: Direction) -> tuple[Floats, list[Floats]]:
    """Learn what the columns of the camera always show; also without each run, for that run itself."""
    each = np.stack([np.median([found for _, _, found in _evidence(run, direction, np.inf)], 0) for run in runs])
    mean = each.mean(0) if len(runs) > 2 else np.median(each, 0)
    out = np.abs(mean) > STANDS_OUT * _spread(mean)[:, None]
    share = np.zeros(len(WIDTHS), np.float32)
    if len(runs) >= FEW_RUNS:
        odd, even = each[::2].mean(0), each[1::2].mean(0)
        for width in range(len(WIDTHS)):
            alike = float(np.corrcoef(odd[width], even[width])[0, 1])
            if alike > ALIKE:
                share[width] = 2 * alike / (1 + alike)  # Spearman and Brown: how sure the mean of both halves is
    kept = np.maximum(share[:, None], out).astype(np.float32)
    without = [kept * (mean * len(runs) - own) / (len(runs) - 1) if len(runs) > 2 else kept * mean for own in each]
    return (kept * mean).astype(np.float32), [part.astype(np.float32) for part in without]


def _restless(runs: Sequence[_Run], direction: Direction, fixed: Sequence[Floats]) -> Floats:
    """Learn how much more than elsewhere good cloth varies in each column."""
    places = runs[0].profiles.shape[1]
    squares, count = np.zeros(places), np.zeros(places)
    for run, own in zip(runs, fixed, strict=True):
        for low, high, found in _evidence(run, replace(direction, fixed=own)):
            squares[low:high] += (found[:, low:high] ** 2).mean(0)
            count[low:high] += 1
    if count.max() < FEW_MEANS:
        return np.ones(places, np.float32)
    smooth = cv2.blur(np.stack([squares, count]), (SMOOTH_PX, 1), borderType=cv2.BORDER_REPLICATE)
    ratio = np.sqrt(smooth[0] / np.maximum(smooth[1], 1e-9))
    ratio /= max(float(np.median(ratio[smooth[1] > 0])), 1e-9)
    sure = 1 + 3 / np.sqrt(2 * np.maximum(smooth[1], 1) * SMOOTH_PX / 4)
    return np.where((ratio > sure) & (smooth[1] >= 1), ratio, 1).astype(np.float32)


class _Spreads:
    """The spreads of sums over windows are gathered here."""

    def __init__(self) -> None:
        self._squares = {level: np.zeros(len(WIDTHS)) for level in LEVELS}
        self._counts = dict.fromkeys(LEVELS, 0)

    def add(self, sums: Sums, low: int, high: int) -> None:
        """Take the sums of windows over places ``[low, high)``."""
        straight = sums.values[sums.values.shape[0] // 2, ..., low:high]
        if straight.shape[-1] >= PATCH_PX:
            self._squares[sums.level] += ((_spread(straight) / UNIT) ** 2).sum(0)
            self._counts[sums.level] += straight.shape[0]

    def learned(self, direction: Direction) -> Direction:
        """Return the direction with its spreads."""
        spread = direction.spread.copy()
        for index, level in enumerate(LEVELS):
            if self._counts[level]:
                spread[index] = np.sqrt(self._squares[level] / self._counts[level])
        return replace(direction, spread=spread)


class _Usual:
    """What good cloth mostly shows around a place is gathered here."""

    def __init__(self) -> None:
        self._seen: dict[int, list[float]] = {level: [] for level in LEVELS}

    def add(self, sums: Sums, low: int, high: int, direction: Direction) -> None:
        """Take the sums of windows over places ``[low, high)``."""
        if high - low >= PATCH_PX:
            self._seen[sums.level] += np.median(around(raw_heights(sums, direction), low, high), 1).tolist()

    def learned(self, direction: Direction) -> Direction:
        """Return the direction with what is usual."""
        usual = [float(np.median(seen)) if seen else np.inf for seen in self._seen.values()]
        return replace(direction, usual=np.asarray(usual, np.float32))


class _Peaks:
    """The highest of every patch of good cloth is gathered here, by level."""

    def __init__(self) -> None:
        self._peaks: dict[int, list[Floats]] = {level: [] for level in LEVELS}
        self._held: dict[int, tuple[int, Floats]] = {}

    def add(self, level: int, found: Floats, hops: int) -> None:
        """Take heights of windows, float32 ``[windows, places]``; so many times together they make one patch."""
        patches = found.shape[1] // PATCH_PX
        peaks = found[:, : patches * PATCH_PX].max(0).reshape(patches, PATCH_PX).max(1)
        held, kept = self._held.pop(level, (0, peaks))
        if kept.shape != peaks.shape:
            self._peaks[level].append(kept)
            held, kept = 0, peaks
        self._held[level] = held + 1, np.maximum(kept, peaks)
        if held + 1 >= hops:
            self._peaks[level].append(self._held.pop(level)[1])

    def end_run(self) -> None:
        """End the run: patches do not go on from here."""
        for level, (_, peaks) in self._held.items():
            self._peaks[level].append(peaks)
        self._held.clear()

    def learned(self) -> dict[int, Floats]:
        """Return the peaks by level."""
        every = {level: np.concatenate(found) for level, found in self._peaks.items() if found}
        return {level: found[:: -(-found.size // MOST_PEAKS)] for level, found in every.items() if found.size}


def _warp_sums(runs: Runs, direction: Direction, fixed: Sequence[Floats], step_lines: int) -> Iterable[_Seen]:
    """Pass all runs through the direction, each without what only it says the columns always show."""
    for means, own in zip(runs, fixed, strict=True):
        cloth = WarpPass(replace(direction, fixed=own), step_lines)
        for first in range(0, len(means), TOGETHER):
            last = first + TOGETHER >= len(means)
            for part in cloth.push(means[first : first + TOGETHER], last=last):
                yield part.sums, part.low, part.high, last and part.mean is means[-1]


def _weft_sums(strips: Sequence[Floats], direction: Direction, cells: int) -> Iterable[_Seen]:
    """Pass all runs of strips through the direction."""
    cloth = WeftPass(direction, cells)
    for run in strips:
        for part in cloth.push(run, last=True):
            yield part.sums, part.before, part.before + part.end_line - part.first_line, False
        cloth.end_run()


def _finished(passes: Callable[[Direction], Iterable[_Seen]], base: Direction, hops: int) -> Learned:
    """Learn the spreads of windows, what is usual around a place, and good cloth's peaks, one pass each."""
    spreads, usual, peaks = _Spreads(), _Usual(), _Peaks()
    for every, low, high, _ in passes(base):
        for sums in every:
            spreads.add(sums, low, high)
    base = spreads.learned(base)
    for every, low, high, _ in passes(base):
        for sums in every:
            usual.add(sums, low, high, base)
    base = usual.learned(base)
    for every, low, high, last in passes(base):
        for sums in every:
            peaks.add(sums.level, heights(sums, base, low, high)[:, low:high], hops)
        if last:
            peaks.end_run()
    peaks.end_run()
    return Learned(base, peaks.learned())


def learn_warp(means: Runs, step_lines: int) -> Learned | None:
    """Learn the direction along the warp from runs of means of lines; None where they show nothing."""
    runs = [_warp_run(run) for run in means]
    base = _base(runs)
    if base is None:
        return None
    base = replace(base, edges=_edges(runs, base))
    fixed, without = _fixed(runs, base)
    base = replace(base, restless=_restless(runs, base, without))
    finder = DriftFinder()
    for run, own in zip(runs, without, strict=True):
        finder.see(np.stack([found[1] for _, _, found in _evidence(run, replace(base, fixed=own))]))
    base = replace(base, lean=finder.lean())
    learned = _finished(lambda known: _warp_sums(means, known, without, step_lines), base, HOPS)
    return replace(learned, direction=replace(learned.direction, fixed=fixed))


def _warp_run(means: Sequence[Mean]) -> _Run:
    profiles = [without_light(mean.sums[None], mean.left_px, mean.right_px)[0] for mean in means]
    low, high = np.array([mean.left_px for mean in means]), np.array([mean.right_px for mean in means])
    return _Run(np.stack(profiles), low, high)


def learn_weft(strips: Sequence[Floats], cells: int) -> Learned | None:
    """Learn the direction along the weft from runs of strips, float32 ``[cells, lines]``; None: they show nothing."""
    strips = [run for run in strips if run.shape[1] > 3 * REACH_PX]
    runs = [_weft_run(run) for run in strips]
    base = _base(runs) if runs else None
    if base is None:
        return None
    base = replace(base, edges=_edges(runs, base))
    finder = DriftFinder()
    for run in runs:
        finder.see(np.stack([found[1] for _, _, found in _evidence(run, base)]))
    base = replace(base, lean=finder.lean())
    return _finished(lambda known: _weft_sums(strips, known, cells), base, 1)


def _weft_run(strips: Floats) -> _Run:
    places = strips.shape[1]
    relative = without_light(strips, 0, places)
    seen = strips.any(1)
    relative[~seen] = 0
    return _Run(relative[seen], np.zeros(int(seen.sum()), np.intp), np.full(int(seen.sum()), places))
