"""This module makes the cloth's endless face: threads, relief, yarn lightness, selvedges and what lies beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drivers.simulated.fuzz import Fuzz
from drivers.simulated.lattice import SmoothField, SmoothRows, SplineSpread, rng_at
from drivers.simulated.weave import FLEECE, SAMPLES, ClothStyle, weave_crossings
from drivers.simulated.weaves.design import PER_THREAD
from drivers.simulated.weaves.fleece import Clouds

_WARP_WANDER, _WEFT_WANDER, _WARP_YARN, _WEFT_YARN, _STREAKS, _EDGES, _SHADE, _MACHINE = range(8)
Picture = TypeVar("Picture", NDArray[np.float32], NDArray[np.intp])
_SPARE_THREADS = 16  # threads before the first column and line, so that wandering never leaves the tables
_SWAY_MM = 0.45  # standard deviation of the selvedges' wander
SEAM_MM = 9.0
"""A seam between two pieces has this length along the machine direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region is a rectangle of clean cloth before any optics.

    Attributes:
        first_line, first_px: its corner.
        shade: float32 ``[lines, px]`` grey levels.
        ends, picks: float32 ``[lines, px]`` thread coordinates; the whole part is the thread, .5 its middle.
        warp_top: float32 ``[lines, px]`` share of each pixel that shows warp.
    """

    first_line: int
    first_px: int
    shade: NDArray[np.float32]
    ends: NDArray[np.float32]
    picks: NDArray[np.float32]
    warp_top: NDArray[np.float32]


class ClothField:
    """A cloth field is clean cloth at any place.  A pixel depends only on the arguments, its line and its column.

    Args:
        style: the fabric.
        width_px: camera columns.
        mm_per_px: scale, both axes.
        seed: which randomness.
        web_px: half-open columns of the web; selvedge bands and the bare machine lie beside it.  None: cloth fills all.
        disturbances: slow shade drift, and selvedges that wander by a few pixels.
        background: grey level of the bare machine.
        seams: lines at which two pieces are sewn together.
    """

    def __init__(
        self,
        style: ClothStyle,
        width_px: int,
        mm_per_px: float,
        seed: int,
        web_px: tuple[int, int] | None,
        disturbances: bool,
        background: float,
        seams: tuple[int, ...] = (),
    ) -> None:
        self.style = style
        self.width_px = width_px
        self.web_px = web_px
        self.warp_px = style.warp_pitch_mm / mm_per_px
        self.weft_px = style.weft_pitch_mm / mm_per_px
        self._mm_per_px = mm_per_px
        self._seed = seed
        self._background = background
        self._seams = seams
        self._disturbances = disturbances
        crossings = weave_crossings(style, mm_per_px)
        self._repeat_picks, self._repeat_ends = (side // SAMPLES for side in crossings.relief.shape[1:])
        self._relief = crossings.relief.ravel()
        self._warp_top = crossings.warp_top.ravel()
        self._warp_weight = crossings.warp_weight.ravel()
        self._weft_weight = crossings.weft_weight.ravel()
        self._columns = np.arange(width_px, dtype=np.float64)
        self._ends = (self._columns / self.warp_px + _SPARE_THREADS).astype(np.float32)
        self._end_count = int(width_px / self.warp_px) + 2 * _SPARE_THREADS
        end_samples = np.arange(self._end_count * SAMPLES)
        self._end_phase = end_samples % (self._repeat_ends * SAMPLES)
        design = style.design
        self._figure = None if design is None or design.inks else design.figure().astype(np.intp)
        self._print = None if design is None or not design.inks else 1 + design.printed()
        self._clouds = Clouds(style.contrast, mm_per_px, width_px, seed) if style.weave == FLEECE else None
        self._picks = self._weft_sequence()
        self._warp_wander = SmoothField(seed, _WARP_WANDER, 30 / mm_per_px, 1.5 * self.warp_px, width_px)
        self._weft_wander = SmoothField(seed, _WEFT_WANDER, 3 * self.weft_px, 60 / mm_per_px, width_px)
        self._warp_yarn = SmoothRows(seed, _WARP_YARN, style.irregularity_mm / mm_per_px, self._end_count)
        self._weft_yarn = SplineSpread(style.irregularity_mm / mm_per_px, width_px)
        self._streaks = self._warp_levels()
        self._edges = SmoothRows(seed, _EDGES, 300 / mm_per_px, 2)
        self._shade = SmoothField(seed, _SHADE, 1500 / mm_per_px, 350 / mm_per_px, width_px)
        self._fuzz = Fuzz(style.hairs_per_cm2, mm_per_px, width_px, seed)
        machine = rng_at(seed, _MACHINE, 0)
        self._machine = (background + machine.normal(0, 3, width_px)).astype(np.float32)

    def _warp_levels(self) -> NDArray[np.float32]:
        """Return the grey-level offset of every end: its own lightness and the warp colour sequence."""
        levels = rng_at(self._seed, _STREAKS, 0).standard_normal(self._end_count) * self.style.streakiness
        if self.style.stripes:
            sequence = np.repeat([level for _, level in self.style.stripes], [ends for ends, _ in self.style.stripes])
            levels += np.resize(sequence, self._end_count)
        return levels.astype(np.float32)

    def _weft_sequence(self) -> NDArray[np.float32]:
        """Return the grey-level offset of every pick of one weft colour sequence."""
        stripes = self.style.weft_stripes or ((1, 0.0),)
        return np.repeat([level for _, level in stripes], [picks for picks, _ in stripes]).astype(np.float32)

    @property
    def repeat_px(self) -> tuple[float, float]:
        """Give after how many lines and columns the cloth's face repeats."""
        picks, ends = self.style.repeat_threads
        return picks * self.weft_px, ends * self.warp_px

    def edges(self, first_line: int, lines: int) -> NDArray[np.float32]:
        """Return how far right of their nominal columns the web's left and right edge lie, float32 ``[lines, 2]``."""
        if not self._disturbances:
            return np.zeros((lines, 2), np.float32)
        wander = self._edges.rows(first_line, lines) * np.float32(_SWAY_MM / self._mm_per_px)
        # both edges sway together, and the web's width also varies a little
        return np.stack([wander[:, 0], wander[:, 0] + 0.4 * wander[:, 1]], 1)

    def region(self, first_line: int, lines: int, first_px: int = 0, px: int | None = None) -> Region:
        """Return clean cloth: ``lines`` lines from ``first_line``, ``px`` columns from ``first_px`` (default: all)."""
        px = self.width_px - first_px if px is None else px
        ends = self._end_places(first_line, lines, first_px, px)
        picks, first_pick = self._pick_places(first_line, lines, first_px, px)
        end_samples = (ends * SAMPLES).astype(np.intp)
        pick_samples = (picks * SAMPLES).astype(np.intp)
        repeat_width = self._repeat_ends * SAMPLES
        pick_count = int(pick_samples.max()) // SAMPLES + 1
        pick_rows = (np.arange(pick_count * SAMPLES) + first_pick * SAMPLES) % (self._repeat_picks * SAMPLES)
        index = np.take(pick_rows * repeat_width, pick_samples) + np.take(self._end_phase, end_samples)
        if self._figure is not None:
            index += self._designed(self._figure, picks, ends, first_pick, 1) * (self._relief.size // 2)
        shade = np.take(self._relief, index)
        warp = self._warp_yarn.rows(first_line, lines) * np.float32(self.style.irregularity) + self._streaks
        end_samples //= SAMPLES
        end_samples += (np.arange(lines) * self._end_count)[:, None]
        shade += np.take(warp, end_samples) * np.take(self._warp_weight, index)
        weft = self._weft_levels(first_pick, pick_count, first_px, px)
        pick_samples //= SAMPLES
        pick_samples *= px
        pick_samples += np.arange(px)
        shade += np.take(weft, pick_samples) * np.take(self._weft_weight, index)
        if self._print is not None:
            shade *= self._designed(self._print, picks, ends, first_pick, PER_THREAD)
        if self._clouds is not None:
            self._clouds.add(shade, first_line, first_px)
        self._fuzz.add(shade, first_line, first_px)
        if self._disturbances:
            shade += self._shade.region(first_line, lines, first_px, px) * np.float32(2.0)
        self._sew(shade, first_line, first_px)
        self._bare(shade, first_line, first_px)
        return Region(first_line, first_px, shade, ends, picks, np.take(self._warp_top, index))

    def _designed(
        self, picture: Picture, picks: NDArray[np.float32], ends: NDArray[np.float32], first_pick: int, samples: int
    ) -> Picture:
        """Return the design at each pixel, of a picture that has so many samples per thread."""
        height, width = picture.shape
        rows = (picks * samples).astype(np.intp) + first_pick * samples
        columns = (ends * samples).astype(np.intp)
        return np.take(picture.ravel(), rows % height * width + columns % width)

    def _end_places(self, first_line: int, lines: int, first_px: int, px: int) -> NDArray[np.float32]:
        ends = self._warp_wander.region(first_line, lines, first_px, px) * np.float32(self.style.wander)
        ends += self._ends[first_px : first_px + px]
        ends -= self.edges(first_line, lines)[:, :1] / np.float32(self.warp_px)
        return ends

    def _pick_places(self, first_line: int, lines: int, first_px: int, px: int) -> tuple[NDArray[np.float32], int]:
        """Return pick coordinates counted from a pick that begins a repeat, and that pick's number."""
        place = np.arange(first_line, first_line + lines, dtype=np.float64) / self.weft_px
        rise = self._columns[first_px : first_px + px] * (self.style.skew / self.weft_px)
        start = int(np.floor(place[0] + min(float(rise.min()), 0.0))) - _SPARE_THREADS
        start -= start % self._repeat_picks
        picks = self._weft_wander.region(first_line, lines, first_px, px) * np.float32(self.style.wander)
        picks += (place - start).astype(np.float32)[:, None]
        picks += rise.astype(np.float32)
        return picks, start

    def _weft_levels(self, first_pick: int, count: int, first_px: int, px: int) -> NDArray[np.float32]:
        """Return the lightness of picks along their length, float32 ``[count, px]``."""
        knots = np.empty((count, self._weft_yarn.knots + 1), np.float32)
        for row in range(count):
            rng_at(self._seed, _WEFT_YARN, first_pick + row).standard_normal(None, np.float32, knots[row])
        knots[:, :-1] *= np.float32(self.style.irregularity)
        levels = self._weft_yarn.spread(knots[:, :-1], first_px, px)
        levels += knots[:, -1:] * np.float32(self.style.streakiness)
        levels += self._picks[(first_pick + np.arange(count)) % len(self._picks)][:, None]
        return levels

    def _sew(self, shade: NDArray[np.float32], first_line: int, first_px: int) -> None:
        """Sew the seams: two layers overlap and are stitched together across the whole width."""
        half = SEAM_MM / self._mm_per_px / 2
        line = np.arange(first_line, first_line + shade.shape[0], dtype=np.float64)
        column = self._columns[first_px : first_px + shade.shape[1]]
        for seam in self._seams:
            if seam + half < line[0] or seam - half > line[-1]:
                continue
            inside = np.clip(half - np.abs(line - seam), 0, 1)[:, None]
            zigzag = np.abs((column * self._mm_per_px / 3) % 2 - 1) * 4 - 2
            stitch = np.clip(1.4 - np.abs((line - seam)[:, None] * self._mm_per_px - zigzag) / 0.5, 0, 1)
            shade += (inside * (45 * stitch - 22)).astype(np.float32)

    def _bare(self, shade: NDArray[np.float32], first_line: int, first_px: int) -> None:
        """Lay selvedge bands and the bare machine beside the web."""
        if self.web_px is None:
            return
        lines, px = shade.shape
        sway = self.edges(first_line, lines)
        # columns inside the nominal edge that a wandering edge may still touch
        reach = int(np.ceil(7 * _SWAY_MM / self._mm_per_px)) + 1
        for side, edge in enumerate(self.web_px):
            low, high = (edge - reach, self.width_px) if side else (0, edge + reach)
            low, high = max(low, first_px), min(high, first_px + px)
            if low >= high:
                continue
            outward = (self._columns[low:high] + 0.5 - edge).astype(np.float32) - sway[:, side : side + 1]
            outward = outward if side else -outward
            view = shade[:, low - first_px : high - first_px]
            view += np.clip(outward + 0.5, 0, 1) * (self._selvedge(outward, first_line) - view)
            band = self.style.selvedge_mm / self._mm_per_px
            view += np.clip(outward - band + 0.5, 0, 1) * (self._machine[low:high] - view)

    def _selvedge(self, outward: NDArray[np.float32], first_line: int) -> NDArray[np.float32]:
        """Return the selvedge: tight, lighter cords along the edge."""
        lines = outward.shape[0]
        beat = np.sin(2 * np.pi * (np.arange(first_line, first_line + lines, dtype=np.float64) / self.weft_px % 2))
        cords = 11 * np.sin(outward * (2 * np.pi * self._mm_per_px / 1.6)) + 7 * beat.astype(np.float32)[:, None]
        level = np.float32(self.style.mean_level + 22)
        return np.asarray(level + cords, np.float32)
