"""This module finds where held-out good cloth scores higher: beside the web's edges and in standing streaks.

A selvedge is woven differently from the cloth, and dust on the lens stays in one column of the camera; neither is a
flaw, and both would have the highest score of every roll.  Only a place that is high on most blocks of good cloth
counts: a flaw on one of them changes nothing.  Beside an edge, places are counted from the edge as found in each block,
and what most blocks have there may wander as far as it did in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from model.scorer import CELL_PX
from station.contract import StripView
from station.recipe.sensitivity import MOST_AT_EDGE, MOST_IN_STREAK, SensitivityProfile

REACH_CELLS = 24
"""An edge may reach inwards this far at most; high scores farther in come from the cloth, not from the edge."""
BLOCK_ROWS = 48
FEWEST_BLOCKS = 3
"""At least this many blocks are needed, and most must agree."""
LEVEL = 0.9
INSIDE_LEVEL = 0.9
EDGE_RATIO = 1.15
STREAK_RATIO = 1.25
MOST_WANDER_CELLS = 8
SOME_BLOCKS = 24
"""Of so many blocks the one is taken that is most like all."""
ALIKE, LEFT_OUT = 0.7, 0.05
"""Blocks count as alike from this correlation on; this share of the moves, or one, is left out on either side."""
WIDEST_STREAK_CELLS = 24
BESIDE_CELLS = 8
STEP, DARKER = 0.10, 0.30
"""A stripe of the cloth has another shade on one side than on the other, or is brighter, or darker by more than dust
makes it."""


@dataclass(frozen=True, eq=False)
class _Block:
    """A block holds each cell's level and shade across, and the web's edges in cells; None where it ends with the
    picture."""

    levels: NDArray[np.float64]
    shades: NDArray[np.float64]
    left: int | None
    right: int | None

    def inside(self) -> NDArray[np.float64]:
        """Return the levels away from the web's edges, NaN elsewhere."""
        first = REACH_CELLS + (self.left or 0)
        end = (len(self.levels) if self.right is None else self.right) - REACH_CELLS
        inside = np.full(len(self.levels), np.nan)
        inside[first:end] = self.levels[first:end]
        return inside


class SensitivityFinder:
    """The finder gathers strips of good cloth, then says where to be less sensitive.

    Per block of cloth and column the level is the 90 % quantile of the scores; the median over the blocks counts.
    """

    def __init__(self) -> None:
        self._rows: list[NDArray[np.float32]] = []
        self._shades: list[NDArray[np.float64]] = []
        self._place = (0, 0, 0)
        self._blocks: list[_Block] = []

    def take(self, view: StripView) -> None:
        """Take one strip; a strip not judged over the whole width, or with too narrow a web, is ignored."""
        if view.blind_px:
            return
        place = (view.left_px, view.right_px, view.pixels.shape[1])
        if place != self._place:
            self._close_block()
            self._place = place
        if view.right_px - view.left_px < 4 * REACH_CELLS * CELL_PX:
            return
        self._rows.append(view.scores)
        self._shades.append(_shades(view.pixels, view.scores.shape[1]))
        if sum(map(len, self._rows)) >= BLOCK_ROWS:
            self._close_block()

    def found(self) -> SensitivityProfile:
        """Return where to be less sensitive; nowhere if too little was seen."""
        self._close_block()
        if len(self._blocks) < FEWEST_BLOCKS:
            return SensitivityProfile()
        by_column = self._inside_by_column()
        inside = by_column[np.isfinite(by_column)]
        base = float(np.quantile(inside, INSIDE_LEVEL)) if inside.size else 0.0
        if base <= 0:
            return SensitivityProfile()
        left = [one.levels[one.left :][:REACH_CELLS] for one in self._blocks if one.left is not None]
        right = [one.levels[: one.right][::-1][:REACH_CELLS] for one in self._blocks if one.right is not None]
        columns = _streaks(by_column / base)
        shades = np.median([one.shades for one in self._blocks], axis=0)
        return SensitivityProfile(
            left=_edge(left, base),
            right=_edge(right, base),
            columns=columns,
            stripes=_stripes(columns, shades),
            width_px=self._place[2] if columns else 0,
        )

    def _close_block(self) -> None:
        rows, shades = self._rows, self._shades
        self._rows = []
        self._shades = []
        left_px, right_px, width_px = self._place
        if sum(map(len, rows)) < BLOCK_ROWS // 2:
            return
        levels = np.quantile(np.concatenate(rows), LEVEL, axis=0).astype(np.float64)
        if self._blocks and len(self._blocks[0].levels) != len(levels):
            self._blocks.clear()  # another camera
        left = left_px // CELL_PX if left_px > 0 else None
        right = -(-right_px // CELL_PX) if right_px < width_px else None
        self._blocks.append(_Block(levels, np.mean(shades, axis=0), left, right))

    def _inside_by_column(self) -> NDArray[np.float64]:
        """Return the median level over the blocks ``[cells]``; NaN beside the edges and where few blocks show cloth."""
        inside = np.stack([one.inside() for one in self._blocks])
        many = np.isfinite(inside).sum(0) >= max(FEWEST_BLOCKS, len(inside) / 2)
        by_column = np.full(inside.shape[1], np.nan)
        by_column[many] = np.nanmedian(inside[:, many], axis=0)
        return by_column


def _edge(levels: list[NDArray[np.float64]], base: float) -> tuple[float, ...]:
    """Return ratios from the edge inwards, up to the last that stands out."""
    if len(levels) < FEWEST_BLOCKS:
        return ()
    each = np.array(levels) / base
    ratios = maximum_filter1d(np.maximum(np.median(each, axis=0), _wandering(each)), 3)
    ratios[ratios < EDGE_RATIO] = 1.0
    reach = int(np.flatnonzero(ratios > 1.0).max(initial=-1)) + 1
    return tuple(_rounded(one, MOST_AT_EDGE) for one in ratios[:reach])


def _wandering(each: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how high good cloth scores where a border that most blocks have wanders to, ``[cells]``; 1 elsewhere.

    Selvedge and ground meet a little nearer to the edge on one block and farther on the next, so that no place need be
    high on most of them.  The blocks are laid over one that is like most; how far they had to be moved is the wander.
    The farthest on either side do not count, so that a flaw on one block moves nothing.

    Args:
        each: ratios of each block, ``[blocks, cells]``.
    """
    cells = each.shape[1]
    above = np.clip(each, 1.0, MOST_AT_EDGE) - 1
    above[above < EDGE_RATIO - 1] = 0
    moves = np.arange(-MOST_WANDER_CELLS, MOST_WANDER_CELLS + 1)
    some = above[:: -(-len(above) // SOME_BLOCKS)]
    alike = _alike(above, some, moves)
    best = alike[:, :, alike.max(axis=1).sum(axis=0).argmax()]
    is_alike = best.max(axis=1) >= ALIKE
    if is_alike.sum() < max(FEWEST_BLOCKS, len(each) / 2):
        return np.ones(cells)
    moved = moves[best[is_alike].argmax(axis=1)]
    usual = round(float(np.median(moved)))
    laid = [_moved(one, -by) for one, by in zip(each[is_alike], moved, strict=True)]
    shape = np.median(laid, axis=0)
    ordered, left_out = np.sort(moved), max(1, int(LEFT_OUT * len(moved)))
    low, high = int(ordered[left_out]), int(ordered[-1 - left_out])
    if low == high == usual:
        return np.ones(cells)
    return np.asarray(np.max([_moved(shape, by) for by in range(low, high + 1)], axis=0), np.float64)


def _alike(above: NDArray[np.float64], others: NDArray[np.float64], moves: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how alike blocks are to others moved inwards by so many cells, 0 to 1, ``[blocks, moves, others]``."""

    def scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
        size = np.linalg.norm(values, axis=-1, keepdims=True)
        return np.divide(values, size, out=np.zeros_like(values), where=size > 0)

    moved = np.array([[_moved(one + 1, int(by)) - 1 for one in others] for by in moves])
    return np.asarray(np.einsum("bc,moc->bmo", scaled(above), scaled(moved)), np.float64)


def _moved(values: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Return the ratios moved inwards by so many cells, or outwards; 1 where nothing is known."""
    cells = len(values)
    moved = np.ones(cells)
    moved[max(0, by) : cells + min(0, by)] = values[max(0, -by) : cells - max(0, by)]
    return moved


def _streaks(ratios: NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    """Return narrow runs of high columns with their borders."""
    ratios = np.nan_to_num(ratios, nan=1.0)
    borders = np.flatnonzero(np.diff(np.r_[False, ratios > STREAK_RATIO, False])).reshape(-1, 2)
    spread = maximum_filter1d(ratios, 3)
    cells: set[int] = set()
    for first, end in borders:
        if end - first <= WIDEST_STREAK_CELLS:
            cells |= set(range(max(0, first - 1), min(len(ratios), end + 1)))
    return tuple((cell * CELL_PX, _rounded(spread[cell], MOST_IN_STREAK)) for cell in sorted(cells))


def _shades(pixels: NDArray[np.uint8], cells: int) -> NDArray[np.float64]:
    """Return the mean grey of each cell across, ``[cells]``."""
    means = cv2.reduce(pixels, 0, cv2.REDUCE_AVG, dtype=cv2.CV_64F).reshape(pixels.shape[1], -1).mean(axis=1)
    padded = np.pad(means, (0, cells * CELL_PX - len(means)), mode="edge")
    return np.asarray(padded.reshape(cells, CELL_PX).mean(axis=1), np.float64)


def _stripes(columns: tuple[tuple[int, float], ...], shades: NDArray[np.float64]) -> tuple[int, ...]:
    """Return those of the columns that belong to a streak at which the cloth changes its shade as dust does not.

    Args:
        shades: mean grey of each cell.
    """
    cells = np.array([column // CELL_PX for column, _ in columns], np.intp)
    found: list[int] = []
    for run in np.split(cells, np.flatnonzero(np.diff(cells) > 1) + 1):
        if len(run) and _is_stripe(shades, int(run[0]), int(run[-1]) + 1):
            found += [int(cell) * CELL_PX for cell in run]
    return tuple(found)


def _is_stripe(shades: NDArray[np.float64], first: int, end: int) -> bool:
    before, after = shades[max(0, first - BESIDE_CELLS) : first], shades[end : end + BESIDE_CELLS]
    beside = [float(np.median(side)) for side in (before, after) if len(side)]
    if not beside:
        return False
    low, high = min(beside), max(beside)
    within = shades[first:end]
    return bool(high > (1 + STEP) * low or within.max() > (1 + STEP) * high or within.min() < (1 - DARKER) * low)


def _rounded(ratio: float, most: float) -> float:
    return round(float(np.clip(ratio, 1.0, most)), 3)
