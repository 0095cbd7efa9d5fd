"""This module holds the truth about simulated flaws: what they are, and where on the endless cloth they lie."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from drivers.camera import CameraError
from drivers.simulated.lattice import rng_at

_LAYER_PLAN = 60
_TRIES = 40


class FlawKind(StrEnum):
    """A flaw's kind says what went wrong when the cloth was made."""

    BROKEN_END = "broken end"
    MISSING_PICK = "missing pick"
    DOUBLE_PICK = "double pick"
    MISPICK = "mispick"
    THICK_PLACE = "thick place"
    THIN_PLACE = "thin place"
    SLUB = "slub"
    KNOT = "knot"
    FLOAT = "float"
    HOLE = "hole"
    OIL_STAIN = "oil stain"
    WATER_STAIN = "water stain"
    CREASE = "crease"
    BAR = "bar"


SPOTS = frozenset({FlawKind.KNOT, FlawKind.HOLE, FlawKind.OIL_STAIN, FlawKind.WATER_STAIN})
"""These kinds have no direction."""
_WARP_WISE = frozenset({FlawKind.BROKEN_END, FlawKind.CREASE})
_WEFT_WISE = frozenset({FlawKind.MISSING_PICK, FlawKind.DOUBLE_PICK, FlawKind.MISPICK, FlawKind.BAR})

LINE_LENGTHS_MM = (3.0, 300.0)
SPOT_LENGTHS_MM = (1.0, 15.0)
CONTRASTS_SIGMA = (1.0, 4.0)
EDGE_MARGIN_MM = 15.0
"""Flaws keep this far from the nominal edges of the web."""
GAP_MM = 15.0
"""Flaws keep this far from each other, so that every one can be told apart."""
SOFT_PX = 3
"""A flaw may have soft edges of this width beyond its length and width, on each side."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A flaw holds the truth about one fault in the cloth.

    Attributes:
        kind: its cause.
        first_line, end_line, first_px, end_px: half-open box of the pixels it changes.  In a :class:`FlawPlan` this is
            the room kept for it; :meth:`Cloth.flaws` gives the exact box.
        length_mm: longest extent of its core.
        contrast_sigma: mean absolute change over its core, in standard deviations of the good cloth's pixels.
        warp_wise: True if it runs along (machine direction), False if across; meaningless for spots.
        seed: its own randomness.
    """

    kind: FlawKind
    first_line: int
    end_line: int
    first_px: int
    end_px: int
    length_mm: float
    contrast_sigma: float
    warp_wise: bool
    seed: int


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw one value between ``low`` and ``high``, every factor equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


class FlawPlan:
    """A flaw plan places flaws on endless cloth: a pure function of the arguments and the line number.

    About ``flaws_per_m`` a metre (Poisson per metre), all kinds equally likely, lengths and contrasts log-uniform
    over :data:`LINE_LENGTHS_MM`, :data:`SPOT_LENGTHS_MM` and :data:`CONTRASTS_SIGMA`.  Flaws stay
    :data:`EDGE_MARGIN_MM` inside the web and :data:`GAP_MM` from each other; on a web too narrow for a weft-wise
    flaw its length is cut to what fits, and a flaw that finds no free place in its metre is left out (rare at
    fewer than ten a metre on a metre of web).

    Args:
        seed: which flaws.
        flaws_per_m: mean number per metre of cloth.
        web: half-open columns of the web.
        mm_per_px: scale, both axes.
        thread_px: larger pitch of warp and weft in pixels.
        skew: picks rise this much per unit of width.
        kinds: kinds to choose from; all by default.

    Raises:
        CameraError: the web is too narrow to hold any flaw, or the rate is negative.
    """

    def __init__(
        self,
        seed: int,
        flaws_per_m: float,
        web: tuple[int, int],
        mm_per_px: float,
        thread_px: float = 4.0,
        skew: float = 0.0,
        kinds: tuple[FlawKind, ...] = tuple(FlawKind),
    ) -> None:
        if flaws_per_m < 0 or not np.isfinite(flaws_per_m):
            raise CameraError(f"Simulated cloth cannot have {flaws_per_m} flaws per metre: give zero or more.")
        margin = round(EDGE_MARGIN_MM / mm_per_px)
        self._low = web[0] + margin
        self._high = web[1] - margin
        self._seed = seed
        self._rate = flaws_per_m
        self._mm_per_px = mm_per_px
        self._thread_px = thread_px
        self._skew = abs(skew)
        self._kinds = kinds
        widest_spot = 1.2 * SPOT_LENGTHS_MM[1] / mm_per_px + 2 * SOFT_PX + 2 * thread_px
        if flaws_per_m > 0 and self._high - self._low < 2 * widest_spot:
            need = 2 * (widest_spot * mm_per_px + EDGE_MARGIN_MM)
            raise CameraError(
                f"A simulated web of {(web[1] - web[0]) * mm_per_px:.0f} mm is too narrow for flaws:"
                f" make it {need:.0f} mm or wider, or ask for none."
            )
        self._segment_lines = round(1000 / mm_per_px)
        self._placed = lru_cache(maxsize=64)(self._place)

    def flaws(self, first_line: int, end_line: int) -> list[Flaw]:
        """Return all flaws with room that meets lines ``[first_line, end_line)``, in order of their first line."""
        if self._rate == 0 or end_line <= first_line:
            return []
        # a flaw may reach from its own metre into the next one, no further
        segments = range(first_line // self._segment_lines - 1, (end_line - 1) // self._segment_lines + 1)
        found = [flaw for segment in segments for flaw in self._placed(segment)]
        found = [flaw for flaw in found if flaw.first_line < end_line and flaw.end_line > first_line]
        return sorted(found, key=lambda flaw: (flaw.first_line, flaw.first_px))

    def _place(self, segment: int) -> tuple[Flaw, ...]:
        """Place the flaws that begin in one metre.  Odd metres choose freely; even ones avoid their neighbours'
        flaws."""
        taken = [] if segment % 2 else [*self._placed(segment - 1), *self._placed(segment + 1)]
        rng = rng_at(self._seed, _LAYER_PLAN, segment)
        placed: list[Flaw] = []
        for _ in range(int(rng.poisson(self._rate * self._segment_lines * self._mm_per_px / 1000))):
            flaw = self._draw(rng, segment, [*taken, *placed])
            if flaw is not None:
                placed.append(flaw)
        return tuple(placed)

    def _draw(self, rng: np.random.Generator, segment: int, others: list[Flaw]) -> Flaw | None:
        kind = self._kinds[int(rng.integers(len(self._kinds)))]
        length_mm = log_uniform(rng, *(SPOT_LENGTHS_MM if kind in SPOTS else LINE_LENGTHS_MM))
        contrast = log_uniform(rng, *CONTRASTS_SIGMA)
        warp_wise = kind in _WARP_WISE or (kind not in _WEFT_WISE and bool(rng.integers(2)))
        if not warp_wise and kind not in SPOTS:
            fits = (self._high - self._low - 2 * SOFT_PX - 1) * self._mm_per_px
            length_mm = min(length_mm, fits)
        lines, px = self._room(kind, length_mm / self._mm_per_px, warp_wise)
        seed = int(rng.integers(1 << 32))
        for _ in range(_TRIES):
            line = segment * self._segment_lines + int(rng.integers(self._segment_lines))
            column = self._low + int(rng.integers(max(self._high - self._low - px, 0) + 1))
            flaw = Flaw(kind, line, line + lines, column, column + px, length_mm, contrast, warp_wise, seed)
            if not any(self._touch(flaw, other) for other in others):
                return flaw
        return None

    def _room(self, kind: FlawKind, length_px: float, warp_wise: bool) -> tuple[int, int]:
        """Return the lines and columns kept for a flaw."""
        along = int(np.ceil(length_px)) + 2 * SOFT_PX
        if kind in SPOTS:
            along = int(np.ceil(1.2 * length_px)) + 2 * SOFT_PX  # rough rims lie askew
            return along, along
        if kind is FlawKind.CREASE:
            return along, int(np.ceil(0.14 * length_px + 3 * self._thread_px)) + 2 * SOFT_PX
        across = 6 * self._thread_px if kind is FlawKind.BAR else 4 * self._thread_px
        slope = 0.0 if warp_wise else self._skew * length_px
        width = int(np.ceil(across + slope)) + 2 * SOFT_PX
        return (along, width) if warp_wise else (width, along)

    def _touch(self, one: Flaw, other: Flaw) -> bool:
        gap = GAP_MM / self._mm_per_px
        return (
            one.first_line < other.end_line + gap
            and other.first_line < one.end_line + gap
            and one.first_px < other.end_px + gap
            and other.first_px < one.end_px + gap
        )
