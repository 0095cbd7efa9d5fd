"""This module learns, before anything is taught, what the good cloth and what lies beside it look like.

A spread of the cloth's blocks is looked at across its whole width.  Yarns decide (:mod:`station.line.scoring.yarns`): a
side that shows the cloth's own yarns is cloth, however dark or faint; a side without them is not.  Where smoothness
tells the same as yarns do, the line goes by smoothness, which is quicker and finer; where it does not (cloth as fine as
the camera's noise, a dark stripe taken for a table), the line is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera
from model.scorer import TILE_PX
from station.line.scoring.web import SELVEDGE_PX, WebEdges, WebFinder, clipped_borders, grey_of
from station.line.scoring.web_profile import measure
from station.line.scoring.yarn_ruler import YarnRuler
from station.line.scoring.yarns import (
    HOP_PX,
    LEAST_SIGMAS,
    WINDOW_PX,
    Floats,
    against_around,
    over_floor,
    peaks_of,
    shown,
    sigmas,
    spectra,
)
from station.recipe.web_look import Beside, WebLook
from station.teaching.sampling import blocks

MOST_BLOCKS, MOST_PEAKS = 24, 8
"""So many blocks are looked at, drawn evenly from what could be read, and so many peaks of the spectrum gone by."""
PARTS = (-1.0, 0.0, 1 / 3, 2 / 3)
"""Yarns are looked for in all of the width (-1) and in each third of it: cloth may cover one only."""
NARROWEST_PX = 2 * WINDOW_PX

_SEEN_BY = 70  # percentile across: cloth covers a third of the picture at least
_OF_STRENGTH = 0.04  # of the cloth's own power: what leaks from cloth nearby is less
_TELLING = 10.0  # sigmas that cloth would have if it lay there: with less, yarns say nothing
_FINE = 1.2  # structure below which the camera's noise hides the cloth's texture
_RARE, _MANY = 0.05, 0.2  # shares of the blocks
_WIDE = 3  # windows without yarns that smoothness takes for cloth: fewer may be a selvedge
_INSET_PX = 16
_WIDEST_SPREAD_PX = 48


@dataclass(frozen=True)
class WebLearned:
    """This says what was learned.

    Attributes:
        look: what the recipe keeps; None where nothing could be learned.
        sigmas: how far the highest peak of yarns stands out, 0 where no spectrum could be taken.
        has_yarns: cloth was seen beyond doubt.
        greys: 5 % and 95 % quantile of the grey seen; None if nothing was.
    """

    look: WebLook | None
    sigmas: float
    has_yarns: bool
    greys: tuple[float, float] | None


def no_yarns_told(learned: WebLearned) -> str:
    """Return a sentence that asks whether pictures without any yarns show cloth."""
    low, high = learned.greys or (0.0, 0.0)
    seen = f"the strongest stands out {learned.sigmas:.1f} standard deviations" if learned.sigmas else "none stands out"
    return (
        f"No cloth was found for certain: the pictures show grey {low:.0f} to {high:.0f} and no yarns, as nothing in "
        f"them repeats ({seen} from its surroundings, {LEAST_SIGMAS:.0f} are needed); is that cloth?  If it is, teach "
        "with --web full; if not, look after focus, light and what the camera sees."
    )


@dataclass(frozen=True, eq=False)
class _Block:
    """A block holds what was measured of it; windows lie side by side.

    Attributes:
        grey: uint8 ``[lines, width]``.
        power: float32 ``[windows, 64, 33]``, each the mean of ``rows`` windows.
        level: mean grey of each window.
        is_live: bool ``[windows]``, neither clipped nor blank.
        scale: median power of each.
        clipped: columns at the left and right border that saw nothing.
        edges: what smoothness says alone.
    """

    grey: NDArray[np.uint8]
    power: Floats
    rows: int
    level: Floats
    is_live: NDArray[np.bool_]
    scale: Floats
    clipped: tuple[int, int]
    edges: WebEdges | None
    texture: float
    structure: float

    @classmethod
    def of(cls, grey: NDArray[np.uint8]) -> _Block:
        """Measure a block."""
        power, rows = spectra(grey)
        columns = grey.mean(axis=0)
        firsts = np.arange(len(power)) * HOP_PX
        sums = np.concatenate([[0.0], np.cumsum(columns)])
        level = ((sums[firsts + WINDOW_PX] - sums[firsts]) / WINDOW_PX).astype(np.float32)
        left, right = clipped_borders(grey)
        scale = np.median(power.reshape(len(power), -1), axis=1)
        inside = (firsts >= left) & (firsts + WINDOW_PX <= grey.shape[1] - right)
        profile = measure(grey)
        return cls(
            grey=grey,
            power=power,
            rows=rows,
            level=level,
            is_live=inside & (scale > 0),
            scale=scale,
            clipped=(left, right),
            edges=WebFinder().find(grey),
            texture=profile.typical_texture / (float(np.median(level)) + 1),
            structure=profile.typical_structure,
        )

    def even(self, part: slice = slice(None)) -> Floats:
        """Return the live spectra of a part of the windows, each over its median, so that dark ones count alike."""
        live = np.zeros_like(self.is_live)
        live[part] = self.is_live[part]
        return np.asarray(self.power[live] / self.scale[live, None, None], np.float32)

    def sigmas(self) -> NDArray[np.float64]:
        """Return by how much the block's own spectrum stands above its floor."""
        even = self.even()
        return sigmas(over_floor(even.mean(axis=0)), self.rows * len(even))


def drawn_blocks(camera: Camera, stopped: Callable[[], bool]) -> list[NDArray[np.uint8]]:
    """Return an even draw of the cloth's blocks as grey, uint8 ``[lines, width]`` each; low ones are left out."""
    kept: list[NDArray[np.uint8]] = []
    random, seen = np.random.default_rng(0), 0
    for block in blocks(camera, stopped):
        if block.lines < TILE_PX // 2:
            continue
        seen += 1
        if len(kept) < MOST_BLOCKS:
            kept.append(grey_of(block.pixels))
        elif (drawn := int(random.integers(seen))) < MOST_BLOCKS:
            kept[drawn] = grey_of(block.pixels)
    return kept


def learn(greys: Sequence[NDArray[np.uint8]]) -> WebLearned:
    """Learn from blocks of good cloth, uint8 ``[lines, width]``."""
    wide = [grey for grey in greys if min(grey.shape) >= NARROWEST_PX]
    made = [block for block in map(_Block.of, wide) if block.is_live.any()]
    if not made:
        return WebLearned(None, 0.0, False, None)
    sample = np.concatenate([grey[::16, ::16].ravel() for grey in wide])
    span = float(np.quantile(sample, 0.05)), float(np.quantile(sample, 0.95))
    each = [block.sigmas() for block in made]
    together = max((_together(made, part) for part in PARTS), key=lambda sigma: float(sigma.max()))
    own = [peaks_of(sigma, MOST_PEAKS) for sigma in each]
    common = peaks_of(together, MOST_PEAKS)
    highest = max(float(together.max()), float(np.median([sigma.max() for sigma in each])))
    if not common and np.mean([bool(peaks) for peaks in own]) < 1 / 4:
        return WebLearned(None, highest, False, span)
    peaks = [one or common for one in own]
    kept = [(block, of_block) for block, of_block in zip(made, peaks, strict=True) if of_block]
    look = _look([block for block, _ in kept], [of_block for _, of_block in kept], common, wide[0].shape[1])
    return WebLearned(look, highest, True, span)


def _together(made: list[_Block], part: float) -> NDArray[np.float64]:
    """Return by how much the spectrum of all blocks stands above its floor, in a third of the width or in all."""
    count = len(made[0].power)
    chosen = slice(None) if part < 0 else slice(int(part * count), int(part * count) + -(-count // 3))
    even = np.concatenate([block.even(chosen) for block in made])
    if not len(even):
        return np.zeros((WINDOW_PX, WINDOW_PX // 2 + 1))
    return sigmas(over_floor(even.mean(axis=0)), made[0].rows * len(even))


@dataclass(frozen=True, eq=False)
class _Side:
    """A side holds what each window of each block shows of the yarns, ``[blocks, windows]``, the border's first.

    Attributes:
        over: power in the yarns' peaks over the floor around each, the median of the peaks: a table whose grain is
            coarse is high in some.  Not a number where the window is clipped.
        strength, grain: power in the peaks above the floor, and the floor, as shares of the cloth's own; of the light.
        power: float32 ``[blocks, windows, 64, 33]`` and how many windows each is the mean of: ``rows``.
        shape: degrees of freedom of ``over`` in one block.
        smooth_px: where smoothness alone lets the cloth begin in each block, not a number where it sees no cloth.
        structure: of the cloth.
    """

    over: Floats
    strength: Floats
    grain: Floats
    power: Floats
    rows: int
    shape: float
    smooth_px: Floats
    structure: float

    def beside(self) -> Beside:
        """Return what lies between the border and the cloth."""
        is_found = self.smooth_px > 0
        is_hidden = self.structure < _FINE or np.isnan(self.smooth_px).mean() > _MANY
        if not is_hidden and is_found.mean() >= _RARE:
            return self._checked(is_found)
        every = np.ones(len(self.over), np.bool_)
        live = np.isfinite(self.over).mean(axis=0) >= 0.5
        yarnless = 0
        for column in np.flatnonzero(live):
            if self._shows(every, int(column)):
                break
            yarnless += 1
        if yarnless == 0 or (not is_hidden and yarnless < _WIDE) or yarnless == live.sum():
            return Beside.NOTHING
        if self._has_peaks(np.flatnonzero(live)[:yarnless]):
            return Beside.NOTHING  # woven otherwise
        return Beside.YARNLESS

    def _checked(self, is_found: NDArray[np.bool_]) -> Beside:
        """Return what lies beside the cloth where smoothness sees something: yarns there are the cloth's own."""
        is_wide = is_found & (self.smooth_px >= WINDOW_PX + _INSET_PX)
        if not is_wide.any():
            return Beside.SMOOTH if self._begins_within_a_window(is_found) else Beside.NOTHING
        if self._shows(is_wide, 0, unless_seen=False):
            return Beside.NOTHING
        for column in range(1, self.over.shape[1]):
            end = column * HOP_PX + WINDOW_PX
            beyond = is_found & (self.smooth_px >= end + SELVEDGE_PX + 2 * _INSET_PX)
            if not beyond.any():
                break
            if self._shows(beyond, column, unless_seen=False):
                return Beside.YARNLESS
        return Beside.SMOOTH

    def _shows(self, chosen: NDArray[np.bool_], column: int, *, unless_seen: bool = True) -> bool:
        """Say whether a window of the chosen blocks shows the cloth's yarns, or ``unless_seen`` where none could be
        seen for noise."""
        over, strength, grain = (values[chosen, column] for values in (self.over, self.strength, self.grain))
        live = np.isfinite(over)
        if not live.any():
            return False
        degrees = np.sqrt(9 * self.shape * live.sum())
        usual = float(np.nanpercentile(self.strength, _SEEN_BY))
        is_seen = (np.cbrt(over[live].mean()) - 1) * degrees >= LEAST_SIGMAS
        if is_seen and strength[live].mean() >= _OF_STRENGTH * usual:
            return True
        expected = 1 + usual / max(float(grain[live].mean()), 1e-12)
        return unless_seen and (np.cbrt(expected) - 1) * degrees < _TELLING

    def _begins_within_a_window(self, chosen: NDArray[np.bool_]) -> bool:
        """Say whether the first window shows as little of the yarns as if cloth began where smoothness has it."""
        first, near = self.strength[chosen, 0], np.nanmedian(self.strength[chosen, 2:6])
        part = (float(np.median(self.smooth_px[chosen])) - _INSET_PX) / WINDOW_PX
        if part <= 0 or not np.isfinite(first).any() or not near > 0:
            return True
        expected = 1 - (part - np.sin(2 * np.pi * part) / (2 * np.pi))
        return bool(np.sqrt(np.nanmean(first) / near) < (1 + expected) / 2)

    def _has_peaks(self, columns: NDArray[np.intp]) -> bool:
        scale = np.maximum(np.median(self.power[:, columns].reshape(len(self.power), len(columns), -1), axis=2), 1e-3)
        even = self.power[:, columns] / scale[..., None, None]
        return bool(sigmas(over_floor(even.mean(axis=(0, 1))), self.rows * even.shape[0] * even.shape[1]).any())


def _look(
    made: list[_Block], peaks: list[list[tuple[int, int]]], common: list[tuple[int, int]], width_px: int
) -> WebLook:
    """Return what the recipe keeps.

    Args:
        peaks, common: the yarns of each block, and those of all together.
        width_px: of all of them.
    """
    over, strength, grain = [], [], []
    for block, of_block in zip(made, peaks, strict=True):
        high, low = against_around(block.power, of_block)
        dead = np.where(block.is_live, 1.0, np.nan)
        light = np.square(block.level[:, None]) + 1
        excess = np.maximum(high - low, 0) / light
        usual = np.maximum(np.percentile(excess[block.is_live], _SEEN_BY, axis=0), 1e-12)
        over.append(dead * np.median(high / low, axis=1))
        strength.append(dead * np.median(excess / usual, axis=1))
        grain.append(dead * np.median(low / light / usual, axis=1))
    structure = float(np.median([block.structure for block in made]))

    def side(order: slice, smooth_px: list[float]) -> Beside:
        return _Side(
            over=np.array(over)[:, order],
            strength=np.array(strength)[:, order],
            grain=np.array(grain)[:, order],
            power=np.array([block.power for block in made])[:, order],
            rows=made[0].rows,
            shape=float(np.mean([len(one) * block.rows / 2 for one, block in zip(peaks, made, strict=True)])),
            smooth_px=np.array(smooth_px, np.float32),
            structure=structure,
        ).beside()

    yarns = tuple(common or peaks[0])
    ruled = np.concatenate([YarnRuler(yarns, 1.0).excess(block.grey) for block in made])
    edges = [(np.nan, np.nan) if one.edges is None else (one.edges.left_px, one.edges.right_px) for one in made]
    look = WebLook(
        left=side(slice(None), [left for left, _ in edges]),
        right=side(slice(None, None, -1), [width_px - right for _, right in edges]),
        yarns=yarns,
        strength=float(np.percentile(ruled, _SEEN_BY)),
        texture=float(np.median([block.texture for block in made])),
        structure=structure,
        shown=min(shown(block.grey, yarns) for block in made),
    )
    return (
        look if _is_sure(look, made) else look.model_copy(update={"left": _kept(look.left), "right": _kept(look.right)})
    )


def _is_sure(look: WebLook, made: list[_Block]) -> bool:
    """Say whether the line finds the cloth again in the very blocks it was learned from."""
    if look.strength <= 0:
        return False
    found = [WebFinder(look).find(block.grey) for block in made]
    edges = np.array([(edge.left_px, edge.right_px) for edge in found if edge is not None])
    if len(edges) < (1 - _RARE) * len(found):
        return False
    return bool(np.median(np.abs(edges - np.median(edges, axis=0)), axis=0).max() <= _WIDEST_SPREAD_PX)


def _kept(beside: Beside) -> Beside:
    """Return what to go by where yarns are too faint to find an edge in one block: rather too much than too little."""
    return Beside.NOTHING if beside is Beside.YARNLESS else beside
