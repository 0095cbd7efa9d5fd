"""This module makes endless yarn-dyed cloth as a colour camera sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError
from drivers.simulated.cloth import CHUNK_LINES, Cloth
from drivers.simulated.colour.layouts import LAYOUTS, DyedLayout, sequence
from drivers.simulated.colour.spots import ColourSpot, SpotPlan
from drivers.simulated.lattice import rng_at

_LAYER_NOISE = 71
Gains = tuple[float, float, float]
"""These are what red, green and blue are multiplied by: the white balance, or another lamp's colour."""


class DyedCloth:
    """Dyed cloth is simulated cloth of yarns in several colours, under a colour camera.

    What the undyed cloth shows is its lightness; each pixel's colour is that of the yarns it shows.  Picture values are
    taken as sRGB, so that colour differences are those of CIELAB.  One object serves one thread.

    Args:
        cloth: the undyed cloth; of its pixels all that is light (relief, yarn, lamp, dust, flaws) is kept.
        layout: the colours.
        seed: of the sensor's noise, which each colour has by itself.
        spots: flaws of colour alone; None for none.
        noise_levels: standard deviation of that noise in grey levels.
        light: white balance at a line; None: as it should be.
    """

    def __init__(
        self,
        cloth: Cloth,
        layout: DyedLayout,
        *,
        seed: int,
        spots: SpotPlan | None = None,
        noise_levels: float = 1.6,
        light: Callable[[int], Gains] | None = None,
    ) -> None:
        self._cloth = cloth
        self._warp = sequence(layout.warp)
        self._weft = sequence(layout.weft)
        self._seed = seed
        self._spots = spots
        self._noise = noise_levels
        self._light = light
        self.width_px = cloth.width_px
        self._chunk = lru_cache(maxsize=4)(self._draw_chunk)

    def spots(self, first_line: int, end_line: int) -> list[ColourSpot]:
        """Return the true colour spots on these half-open lines."""
        return [] if self._spots is None else self._spots.spots(first_line, end_line)

    def render(self, first_line: int, lines: int) -> NDArray[np.uint8]:
        """Return camera pixels, fresh uint8 ``[lines, width, 3]`` (RGB).

        Raises:
            CameraError: ``lines`` is not positive.
        """
        if lines < 1:
            raise CameraError(f"A picture of {lines} lines was asked for; ask for one or more.")
        chunks = range(first_line // CHUNK_LINES, (first_line + lines - 1) // CHUNK_LINES + 1)
        drawn = np.concatenate([self._chunk(chunk) for chunk in chunks])
        start = first_line - chunks[0] * CHUNK_LINES
        return drawn[start : start + lines].copy()

    def _draw_chunk(self, chunk: int) -> NDArray[np.uint8]:
        first_line, lines = chunk * CHUNK_LINES, CHUNK_LINES
        grey = self._cloth.render(first_line, lines).astype(np.float32) / 255
        lab = cv2.cvtColor(np.repeat(grey[..., None], 3, 2), cv2.COLOR_RGB2Lab)
        dye = self._dyes(first_line, lines)
        lab[..., 0] = np.clip(lab[..., 0] + dye[..., 0], 0, 100)
        chroma = np.ascontiguousarray(dye[..., 1:])
        for spot in self.spots(first_line, first_line + lines):
            spot.add(chroma, first_line)
        lab[..., 1:] = chroma
        picture = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * 255
        for row in range(lines):
            if self._light is not None:
                picture[row] *= np.array(self._light(first_line + row), np.float32)
            noise = rng_at(self._seed, _LAYER_NOISE, first_line + row)
            picture[row] += noise.standard_normal(picture[row].shape, np.float32) * np.float32(self._noise)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)

    def _dyes(self, first_line: int, lines: int) -> NDArray[np.float32]:
        """Return lightness and chroma that the yarns add, float32 ``[lines, width, 3]``; none beside the web."""
        threads = self._cloth.threads(first_line, lines)
        warp = self._warp[threads.ends.astype(np.intp) % len(self._warp)]
        weft = self._weft[threads.picks.astype(np.intp) % len(self._weft)]
        top = threads.warp_top[..., None]
        edges = self._cloth.web_edges(first_line, lines)
        columns = np.arange(self.width_px, dtype=np.float32)
        inside = (columns >= edges[:, :1]) & (columns < edges[:, 1:])
        return np.asarray((top * warp + (1 - top) * weft) * inside[..., None], np.float32)


def dyed_cloth(
    name: str,
    *,
    width_px: int,
    mm_per_px: float,
    seed: int,
    web_px: tuple[int, int] | None = None,
    spots: SpotPlan | None = None,
    light: Callable[[int], Gains] | None = None,
) -> DyedCloth:
    """Return cloth of a layout by its name in :data:`LAYOUTS`, without flaws but the spots.  Raises CameraError."""
    if name not in LAYOUTS:
        raise CameraError(f"There is no dyed cloth named '{name}': choose one of {', '.join(LAYOUTS)}.")
    layout = LAYOUTS[name]
    cloth = Cloth(layout.style, width_px=width_px, mm_per_px=mm_per_px, seed=seed, web_px=web_px)
    return DyedCloth(cloth, layout, seed=seed, spots=spots, light=light)
