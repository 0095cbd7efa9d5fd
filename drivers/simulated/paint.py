"""This module paints flaws: the change of grey level that each kind makes to the cloth it lies on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.simulated.field import Region
from drivers.simulated.flaws import Flaw, FlawKind

Grid = NDArray[np.float32]

DARKEST, LIGHTEST = 16.0, 238.0
"""Painted cloth stays within these grey levels, so that neither noise nor the lamp makes the sensor clip it."""
_CORE = 0.5  # envelope from which a pixel belongs to the core
_LENS_PX = 0.75  # no lens shows a spot with a sharper rim
_TRACE = 0.04  # share of the full change below which nothing is painted: skirts end, boxes are exact


@dataclass(frozen=True, slots=True, eq=False)
class FlawPatch:
    """A flaw patch holds the change that a flaw makes.

    Attributes:
        flaw: the truth, with the box of ``delta``; the outermost lines and columns hold changed pixels.
        delta: int16 ``[lines, px]`` change in grey levels, 0 where nothing changes.
        core: bool ``[lines, px]`` pixels over which the contrast is stated.
    """

    flaw: Flaw
    delta: NDArray[np.int16]
    core: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A scene holds what a painter may look at.

    ``along`` and ``across`` are float32 ``[lines, px]`` pixel distances from the middle of the room, along the flaw's
    direction and across it.
    """

    flaw: Flaw
    region: Region
    length_px: float
    warp_px: float
    weft_px: float
    background: float
    rng: np.random.Generator
    along: Grid
    across: Grid
    open_holes: bool = False

    @property
    def thread_px(self) -> float:
        """Return the pitch of the threads that run in the flaw's direction."""
        return self.warp_px if self.flaw.warp_wise else self.weft_px

    def run(self, sharp_px: float = 0.5) -> Grid:
        """Return 1 along the flaw's length, falling to 0 at its ends within ``2 * sharp_px``."""
        return np.clip((self.length_px / 2 - np.abs(self.along)) / (2 * sharp_px) + 0.5, 0, 1)

    def thread(self, width: float = 1.0) -> Grid:
        """Return 1 on the thread that crosses the middle of the room, ``width`` pitches wide, with soft sides."""
        places = self.region.ends if self.flaw.warp_wise else self.region.picks
        middle = np.floor(places[places.shape[0] // 2, places.shape[1] // 2]) + 0.5
        return np.clip((width / 2 - np.abs(places - middle)) * self.thread_px + 0.5, 0, 1)

    def own_top(self) -> Grid:
        """Return the share of each pixel that shows the threads running in the flaw's direction."""
        return self.region.warp_top if self.flaw.warp_wise else 1 - self.region.warp_top

    def light(self) -> Grid:
        """Return the cloth's own relief around 1: a stain or shadow that is multiplied by it keeps the relief."""
        return np.clip(self.region.shade / max(float(self.region.shade.mean()), 1.0), 0.3, 1.7)

    def noise(self, size_px: float) -> Grid:
        """Return smooth randomness of the room's shape, standard deviation about 1."""
        shape = self.along.shape
        raw = self.rng.standard_normal((shape[0] + 8, shape[1] + 8), np.float32)
        soft = cv2.GaussianBlur(raw, (0, 0), max(size_px, 0.3))[4:-4, 4:-4]
        return np.asarray(soft / max(float(soft.std()), 1e-3), np.float32)

    def sign(self) -> int:
        """Return +1 or -1, equally likely."""
        return 1 if self.rng.integers(2) else -1


# A painter returns (envelope, change): envelope 0..1 says where the flaw lies, change its sign and shape (any unit).
Painted = tuple[Grid, Grid]


def _broken_end(s: Scene) -> Painted:
    where = s.thread() * s.run()
    return where, -where * (0.45 + 0.75 * s.own_top()) * s.light()


def _missing_pick(s: Scene) -> Painted:
    where = s.thread() * s.run()
    # the weft's place shows a dark slit; the warp crossing it floats on, a little lighter
    return where, where * (0.3 - 1.4 * s.own_top() * s.light())


def _double_pick(s: Scene) -> Painted:
    where = s.thread(1.5) * s.run()
    return where, where * (0.35 + 0.9 * s.own_top())


def _mispick(s: Scene) -> Painted:
    where = s.thread() * s.run()
    return where, where * np.where(s.own_top() > 0.5, -1.0, 1.0).astype(np.float32)


def _thick_place(s: Scene) -> Painted:
    where = s.thread(1.5) * s.run(min(2.0, s.length_px / 8 + 0.3))
    return where, where * (0.55 + 0.6 * s.own_top())


def _thin_place(s: Scene) -> Painted:
    where = s.thread(0.9) * s.run(min(2.0, s.length_px / 8 + 0.3))
    return where, -where * (0.5 + 0.6 * s.own_top()) * s.light()


def _slub(s: Scene) -> Painted:
    belly = np.clip(1 - (2 * s.along / s.length_px) ** 2, 0, 1)
    places = s.region.ends if s.flaw.warp_wise else s.region.picks
    middle = np.floor(places[places.shape[0] // 2, places.shape[1] // 2]) + 0.5
    half = 0.4 + 0.7 * belly  # a spindle: one thread at its ends, more than two in its belly
    where = np.clip((half - np.abs(places - middle)) * s.thread_px + 0.5, 0, 1) * s.run()
    return where, where * (0.75 + 0.35 * s.own_top() + 0.12 * s.noise(1.0))


def _float(s: Scene) -> Painted:
    where = s.thread(1.2) * s.run()
    places = s.region.ends if s.flaw.warp_wise else s.region.picks
    middle = np.floor(places[places.shape[0] // 2, places.shape[1] // 2]) + 0.5
    ridge = 1 - 1.3 * np.abs(places - middle)
    # a thread lies loose over the others: light on its back, dark where it used to dive under
    return where, where * ridge * np.where(s.own_top() > 0.5, 0.5, 1.3).astype(np.float32)


def _round(s: Scene, rough: float, soft_px: float) -> Grid:
    """Return a disc of the flaw's length with a rough and soft rim."""
    radius = s.length_px / 2
    soft_px = max(soft_px, _LENS_PX)
    rough *= min(1.0, radius / 6)  # a few pixels cannot be rough, they would vanish
    rim = 1 - rough * np.clip(s.noise(max(radius / 2.5, 0.8)), 0, 1.5)
    slim = 1 + s.rng.uniform(0, 0.35) * min(1.0, radius / 3)
    distance = np.hypot(s.along, s.across * slim)
    if radius > 3:  # a rough rim takes from the length: give it back
        inside = np.argwhere(distance <= radius * rim)
        radius *= s.length_px / max(float(np.ptp(inside, axis=0).max()) + 1, 0.8 * s.length_px)
    return np.asarray(np.clip((radius * rim - distance) / (2 * soft_px) + 0.5, 0, 1), np.float32)


def _knot(s: Scene) -> Painted:
    where = _round(s, 0.1, 0.5)
    dome = 0.7 + 0.5 * np.clip(1 - 2 * np.hypot(s.along, s.across) / s.length_px, 0, 1)
    return where, where * dome * (1 + 0.1 * s.noise(0.8))


def _hole(s: Scene) -> Painted:
    where = _round(s, 0.2, 0.5)
    deep = s.region.shade - s.background
    darker = float(s.region.shade.mean()) >= s.background
    depth = deep if s.open_holes else np.maximum(deep, 8.0) if darker else np.minimum(deep, -8.0)
    return where, -where * depth


def _oil_stain(s: Scene) -> Painted:
    soft = min(2.5, s.length_px / 4)
    where = _round(s, 0.25, soft)
    return where, -where * s.light() * (1 + 0.12 * s.noise(2.0))


def _water_stain(s: Scene) -> Painted:
    where = _round(s, 0.2, min(1.5, s.length_px / 6))
    rim = np.clip(2 * np.hypot(s.along, s.across) / s.length_px, 0, 1.2) ** 3
    # water leaves a tide mark: the rim is darker than what it runs round
    return where, np.asarray(-where * s.light() * (0.6 + 0.9 * rim), np.float32)


def _crease(s: Scene) -> Painted:
    # slope and width are such that the fold stays in the room kept for it
    line = s.across - s.along * s.rng.uniform(-0.12, 0.12)
    half = min(max(0.7 * s.thread_px, 2.0), max(s.length_px / 6, 1.0))
    where = s.run(min(3.0, s.length_px / 6)) * np.exp(-0.7 * (line / half) ** 2).astype(np.float32)
    fold = np.tanh(line / (0.5 * half)) * 0.55 + s.sign() * 0.75
    return np.asarray(where, np.float32), np.asarray(where * fold, np.float32)


def _bar(s: Scene) -> Painted:
    thick = min(s.rng.uniform(2.0, 4.5) * s.weft_px, s.length_px)
    picks = s.region.picks
    middle = np.float32(picks[picks.shape[0] // 2, picks.shape[1] // 2])
    band = np.clip((thick / 2 - np.abs(picks - middle) * s.weft_px) + 0.5, 0, 1)
    where = np.asarray(band * s.run(min(2.0, s.length_px / 8)), np.float32)
    return where, np.asarray(s.sign() * where * (0.7 + 0.5 * s.own_top()) * s.light(), np.float32)


PAINTERS: dict[FlawKind, Callable[[Scene], Painted]] = {
    FlawKind.BROKEN_END: _broken_end,
    FlawKind.MISSING_PICK: _missing_pick,
    FlawKind.DOUBLE_PICK: _double_pick,
    FlawKind.MISPICK: _mispick,
    FlawKind.THICK_PLACE: _thick_place,
    FlawKind.THIN_PLACE: _thin_place,
    FlawKind.SLUB: _slub,
    FlawKind.KNOT: _knot,
    FlawKind.FLOAT: _float,
    FlawKind.HOLE: _hole,
    FlawKind.OIL_STAIN: _oil_stain,
    FlawKind.WATER_STAIN: _water_stain,
    FlawKind.CREASE: _crease,
    FlawKind.BAR: _bar,
}


def paint_flaw(
    flaw: Flaw,
    region: Region,
    sigma: float,
    gain: NDArray[np.float32],
    *,
    mm_per_px: float,
    warp_px: float,
    weft_px: float,
    background: float,
    open_holes: bool = False,
) -> FlawPatch:
    """Paint ``flaw`` on the clean cloth of its room.

    Args:
        flaw: as planned.
        region: clean cloth of exactly the flaw's room.
        sigma: standard deviation of good cloth in grey levels.
        gain: float32 ``[px]`` share of light that reaches the region's columns; the change is dimmed like the cloth.
        mm_per_px, warp_px, weft_px: scale and thread pitches.
        background: grey level seen through a hole.
        open_holes: whether a hole shows just that, whatever its contrast.
    """
    lines, px = region.shade.shape
    y = np.arange(lines, dtype=np.float32)[:, None] - (lines - 1) / 2 + np.zeros((1, px), np.float32)
    x = np.arange(px, dtype=np.float32)[None, :] - (px - 1) / 2 + np.zeros((lines, 1), np.float32)
    along, across = (y, x) if flaw.warp_wise else (x, y)
    scene = Scene(
        flaw,
        region,
        flaw.length_mm / mm_per_px,
        warp_px,
        weft_px,
        background,
        np.random.default_rng(flaw.seed),
        along,
        across,
        open_holes,
    )
    envelope, change = PAINTERS[flaw.kind](scene)
    envelope, change = np.asarray(envelope, np.float32), np.asarray(change, np.float32)
    core = envelope >= min(_CORE, 0.999 * float(envelope.max()))
    change = np.where(envelope >= _TRACE, change, 0)
    if not (open_holes and flaw.kind is FlawKind.HOLE):
        change = _to_contrast(change, core, region.shade, flaw.contrast_sigma * sigma)
    return _trimmed(flaw, np.rint(change * gain).astype(np.int16), core)


def _to_contrast(change: Grid, core: NDArray[np.bool_], shade: Grid, levels: float) -> Grid:
    """Scale ``change`` until its mean absolute value over ``core`` is ``levels``, within the range of grey."""
    scale = levels / max(float(np.abs(change[core]).mean()), 1e-6)
    delta = change
    for _ in range(12):
        delta = np.clip(shade + scale * change, DARKEST, LIGHTEST) - shade
        reached = float(np.abs(delta[core]).mean())
        if abs(reached - levels) < 0.002 * levels:
            break
        scale *= levels / max(reached, 1e-6)
    return np.where(change != 0, delta, 0)


def _trimmed(flaw: Flaw, delta: NDArray[np.int16], core: NDArray[np.bool_]) -> FlawPatch:
    """Cut a patch to its changed pixels and give the flaw its exact box."""
    rows, columns = np.flatnonzero(delta.any(1)), np.flatnonzero(delta.any(0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    exact = Flaw(
        flaw.kind,
        flaw.first_line + top,
        flaw.first_line + bottom,
        flaw.first_px + left,
        flaw.first_px + right,
        flaw.length_mm,
        flaw.contrast_sigma,
        flaw.warp_wise,
        flaw.seed,
    )
    return FlawPatch(exact, delta[top:bottom, left:right], core[top:bottom, left:right])
