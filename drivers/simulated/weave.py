"""This module holds weaves and cloth styles: which thread lies on top where, and how one repeat looks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.simulated.weaves.design import Design
from drivers.simulated.weaves.knit import loops

SAMPLES = 16
"""Each thread has this many texture samples, both ways."""


def _twill(over: int, under: int) -> NDArray[np.bool_]:
    repeat = over + under
    pick, end = np.indices((repeat, repeat))
    return (end - pick) % repeat < over


def _satin(repeat: int, step: int) -> NDArray[np.bool_]:
    """Return a warp-faced satin: one weft interlacing per end, ``step`` ends on with every pick."""
    pick, end = np.indices((repeat, repeat))
    return (end - step * pick) % repeat != 0


def _herringbone(ends: int) -> NDArray[np.bool_]:
    twill = np.tile(_twill(2, 2), (1, ends // 4))
    # the turned half is offset by two so that floats are cut, not lengthened, where the diagonals meet
    return np.hstack([twill, ~twill[:, ::-1]])


WEAVES: MappingProxyType[str, NDArray[np.bool_]] = MappingProxyType(
    {
        "plain": np.array([[True, False], [False, True]]),
        "twill 2/2": _twill(2, 2),
        "twill 3/1": _twill(3, 1),
        "satin 5": _satin(5, 2),
        "basket": np.kron(np.array([[1, 0], [0, 1]]), np.ones((2, 2))).astype(np.bool_),
        "herringbone": _herringbone(16),
    }
)
"""Each weave is ``[pick, end]`` of one repeat; True where the warp lies on top."""


JERSEY, FLEECE = "jersey", "fleece"
"""These stand for a weave where there is none: the face of a knit, and of a nonwoven."""


@dataclass(frozen=True, slots=True)
class ClothStyle:
    """A cloth style says what a simulated fabric looks like.  Grey levels are those of the camera before shading.

    Attributes:
        weave: key of :data:`WEAVES`, or :data:`JERSEY` (ends are wales, picks courses) or :data:`FLEECE`.
        warp_pitch_mm, weft_pitch_mm: distance of neighbouring ends and picks.
        warp_cover, weft_cover: thread diameter over pitch.
        warp_tone, weft_tone: relative lightness of the yarns.
        mean_level: mean grey level.
        contrast: standard deviation of the weave's relief before the pixel blurs it, in grey levels.
        irregularity: standard deviation of a thread's lightness along its length, in grey levels.
        irregularity_mm: distance over which it changes.
        streakiness: standard deviation of whole threads against each other, in grey levels.
        wander: how far threads stray from their place, in pitches.
        hairs_per_cm2: loose fibres lying over the cloth.
        skew: picks rise this much per unit of width.
        selvedge_mm: width of the selvedge bands beside the web.
        stripes: warp colour sequence as (ends, grey-level offset), repeated over the width; empty for piece-dyed cloth.
        weft_stripes: weft colour sequence, likewise, repeated along the cloth.
        design: a large design, printed, or woven as a figure in the opposite face of the weave.
    """

    weave: str
    warp_pitch_mm: float = 2.0
    weft_pitch_mm: float = 2.0
    warp_cover: float = 0.9
    weft_cover: float = 0.9
    warp_tone: float = 1.0
    weft_tone: float = 1.0
    mean_level: float = 120.0
    contrast: float = 18.0
    irregularity: float = 4.0
    irregularity_mm: float = 12.0
    streakiness: float = 1.5
    wander: float = 0.12
    hairs_per_cm2: float = 0.6
    skew: float = 0.004
    selvedge_mm: float = 5.0
    stripes: tuple[tuple[int, float], ...] = ()
    weft_stripes: tuple[tuple[int, float], ...] = ()
    design: Design | None = None

    @property
    def is_woven(self) -> bool:
        """Say whether it is woven of warp and weft."""
        return self.weave in WEAVES

    @property
    def repeat_threads(self) -> tuple[int, int]:
        """Give the picks and ends after which the cloth's face repeats: weave, colour sequences and design together.

        A nonwoven never repeats; its repeat is 1.
        """
        picks, ends = WEAVES[self.weave].shape if self.is_woven else (1, 1)
        across, along = sum(count for count, _ in self.stripes), sum(count for count, _ in self.weft_stripes)
        if self.design is not None:
            picks, ends = math.lcm(picks, self.design.picks), math.lcm(ends, self.design.ends)
        return math.lcm(picks, along or 1), math.lcm(ends, across or 1)


STYLES: MappingProxyType[str, ClothStyle] = MappingProxyType(
    {
        "plain": ClothStyle("plain"),
        "twill": ClothStyle("twill 2/2", 1.9, 1.8, warp_tone=1.08, weft_tone=0.85),
        "satin": ClothStyle("satin 5", 1.7, 1.9, 0.97, 0.9, 1.1, 0.8, mean_level=135, contrast=14, irregularity=3),
        "basket": ClothStyle("basket", 1.8, 1.8, warp_tone=1.05, weft_tone=0.92, contrast=20),
        "herringbone": ClothStyle("herringbone", 1.8, 1.8, warp_tone=1.2, weft_tone=0.75, contrast=20),
        "denim": ClothStyle(
            "twill 3/1", 1.9, 2.1, 0.93, 0.9, 0.75, 1.6, 95.0, 20.0, 6.0, 20.0, streakiness=3.0, skew=0.012
        ),
        "stripe": ClothStyle("plain", 1.9, 1.9, contrast=13, stripes=((14, 10.0), (4, -26.0), (2, 22.0), (4, -26.0))),
        "demo": ClothStyle(
            "twill 2/2",
            2.4,
            2.4,
            warp_tone=1.15,
            weft_tone=0.8,
            mean_level=126.0,
            contrast=22.0,
            irregularity=2.2,
            streakiness=0.8,
            wander=0.04,
            hairs_per_cm2=0.1,
        ),
    }
)
"""These are the fabrics by name.  The demonstration ships ``demo``: its yarns are resolved at 0.5 mm per pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Crossings hold one repeat of each face of the cloth, ``SAMPLES`` per thread: float32
    ``[faces, picks * SAMPLES, ends * SAMPLES]``.  The first face is the ground; a woven figure shows the second.

    Attributes:
        relief: grey level of the regular cloth.
        warp_weight, weft_weight: how strongly a pixel follows the lightness of its end or pick.
        warp_top: share of the pixel where warp is seen (0..1).
    """

    relief: NDArray[np.float32]
    warp_weight: NDArray[np.float32]
    weft_weight: NDArray[np.float32]
    warp_top: NDArray[np.float32]


def _heights(top: NDArray[np.float64], place: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return how high threads lie (+1 over, -1 under) along their length, bending half-way between crossings."""
    fine = top.repeat(SAMPLES, 0).repeat(SAMPLES, 1)
    ahead = np.roll(top, -1, axis).repeat(SAMPLES, 0).repeat(SAMPLES, 1)
    behind = np.roll(top, 1, axis).repeat(SAMPLES, 0).repeat(SAMPLES, 1)
    bend = np.sin(np.pi * place) ** 2
    return fine * (1 - bend) + bend * (fine + np.where(place > 0, ahead, behind)) / 2


def weave_crossings(style: ClothStyle, mm_per_px: float) -> Crossings:
    """Draw one repeat of each face: threads bent over and under each other, or loops, seen through the pixel's area."""
    if style.is_woven:
        top = WEAVES[style.weave]
        has_figure = style.design is not None and not style.design.inks
        faces = [_woven(style, face) for face in ((top, ~top.T) if has_figure else (top,))]
    else:
        faces = [_unwoven(style)]
    raw = np.stack([face.raw for face in faces])
    spread = float(raw.std())
    relief = (raw - raw.mean()) / (spread or 1.0) * style.contrast + style.mean_level
    foot = (SAMPLES * mm_per_px / style.weft_pitch_mm, SAMPLES * mm_per_px / style.warp_pitch_mm)

    def seen(textures: Iterable[NDArray[np.float64]]) -> NDArray[np.float32]:
        return np.stack([_through_pixel(texture, foot) for texture in textures])

    return Crossings(
        seen(relief),
        seen(face.warp_weight for face in faces),
        seen(face.weft_weight for face in faces),
        seen(face.warp_top for face in faces),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """A face is one repeat before the pixel blurs it, float64 each: ``raw`` lightness, the rest as of Crossings."""

    raw: NDArray[np.float64]
    warp_weight: NDArray[np.float64]
    weft_weight: NDArray[np.float64]
    warp_top: NDArray[np.float64]


def _woven(style: ClothStyle, warp_on_top: NDArray[np.bool_]) -> _Face:
    top = np.where(warp_on_top, 1.0, -1.0)
    picks, ends = top.shape
    step = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    across_warp = np.tile(step, ends)[None, :].repeat(picks * SAMPLES, 0)
    across_weft = np.tile(step, picks)[:, None].repeat(ends * SAMPLES, 1)
    round_warp = np.sqrt(np.clip(1 - (2 * across_warp / style.warp_cover) ** 2, 0, 1))
    round_weft = np.sqrt(np.clip(1 - (2 * across_weft / style.weft_cover) ** 2, 0, 1))
    high_warp = _heights(top, across_weft, 0)
    high_weft = _heights(-top, across_warp, 1)
    warp_there, weft_there = round_warp > 0, round_weft > 0
    warp_seen = warp_there & (~weft_there | (high_warp + round_warp > high_weft + round_weft))
    weft_seen = weft_there & ~warp_seen
    warp_light = (0.45 + 0.55 * round_warp) * (0.75 + 0.25 * high_warp)
    weft_light = (0.45 + 0.55 * round_weft) * (0.75 + 0.25 * high_weft)
    raw = np.where(warp_seen, style.warp_tone * warp_light, 0.1) * ~weft_seen + weft_seen * style.weft_tone * weft_light
    return _Face(
        raw,
        warp_seen * (0.5 + 0.5 * round_warp),
        weft_seen * (0.5 + 0.5 * round_weft),
        warp_seen.astype(np.float64),
    )


def _unwoven(style: ClothStyle) -> _Face:
    """Draw one loop of a jersey, whose yarn runs along the courses; a fleece has no threads."""
    if style.weave == FLEECE:
        none = np.zeros((SAMPLES, SAMPLES))
        return _Face(none, none, none, none + 0.5)
    light, yarn = loops(SAMPLES, style.warp_cover)
    return _Face(light, np.zeros_like(yarn), yarn, (yarn > 0).astype(np.float64))


def _through_pixel(texture: NDArray[np.float64], foot: tuple[float, float]) -> NDArray[np.float32]:
    """Return the mean over the pixel's footprint (samples along, across); the repeat wraps around at its borders."""
    rows, cols = texture.shape
    reach = [round(side) for side in foot]
    padded = np.pad(texture, [(side, side) for side in reach], mode="wrap")
    blurred = cv2.blur(padded, (max(reach[1], 1), max(reach[0], 1)))
    return np.ascontiguousarray(blurred[reach[0] : reach[0] + rows, reach[1] : reach[1] + cols], dtype=np.float32)
