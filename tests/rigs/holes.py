"""Flaws rendered by the simulator, holes that show the background among them, as the line's strip has them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from drivers.simulated.cloth import Cloth
from drivers.simulated.flaws import Flaw, FlawKind
from station.line.flow import StripPart
from station.line.judging.holes import HoleFinder

WIDTH_PX, MM_PER_PX = 1024, 0.5
WEB_PX = 64, WIDTH_PX - 64
"""The columns the line inspects: the web less its selvedges."""
AROUND = 24
NOT_HOLES = tuple(kind for kind in FlawKind if kind is not FlawKind.HOLE)

Pixels = NDArray[np.uint8]


def strip(pixels: Pixels, first: int = 0, web_px: tuple[int, int] = WEB_PX, piece: str | None = None) -> StripPart:
    """A part of the strip with nothing but its pixels and where the web lies."""
    none = np.zeros((1, 1), np.float32)
    return StripPart(
        run_line=0,
        first=first,
        end=first + len(pixels),
        pixels=pixels,
        scores=none,
        divisors=none[0],
        left_px=web_px[0],
        right_px=web_px[1],
        seen=(web_px,),
        patches=(1,),
        piece=piece,
    )


def finder_on(pixels: Pixels, web_px: tuple[int, int] = WEB_PX, piece: str | None = None) -> HoleFinder:
    """A finder that has seen the first lines of this cloth."""
    finder = HoleFinder()
    for first in range(0, 1024, 256):
        finder.see(strip(pixels[first : first + 256], first, web_px, piece))
    return finder


def rendered(
    style: str, background: float, seed: int, kinds: tuple[FlawKind, ...], lines: int = 8000, per_m: float = 10.0
) -> tuple[Pixels, list[Flaw]]:
    """Cloth with these flaws, and the truth about those that lie wholly on it; holes show the background."""
    cloth = Cloth(
        style,
        width_px=WIDTH_PX,
        mm_per_px=MM_PER_PX,
        seed=seed,
        web_px=(48, WIDTH_PX - 48),
        flaws_per_m=per_m,
        background=background,
        flaw_kinds=kinds,
        open_holes=True,
    )
    flaws = cloth.flaws(0, lines)
    return cloth.render(0, lines), [f for f in flaws if f.first_line >= AROUND and f.end_line <= lines - AROUND]


def judged(finder: HoleFinder, pixels: Pixels, flaws: list[Flaw]) -> Iterator[tuple[Flaw, bool]]:
    """Each flaw with the finder's word on it, by a box as wide as the flaw and the line's own blur of 2 px."""
    for flaw in flaws:
        top, left = flaw.first_line - AROUND, max(0, flaw.first_px - AROUND)
        around = pixels[top : flaw.end_line + AROUND, left : flaw.end_px + AROUND]
        box = (AROUND - 2, flaw.end_line - top + 2, flaw.first_px - left - 2, flaw.end_px - left + 2)
        yield flaw, finder.is_hole(around, box)
