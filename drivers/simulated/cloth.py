"""This module makes endless simulated cloth as a line-scan camera sees it, with flaws and the truth about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError
from drivers.simulated.field import SEAM_MM, ClothField, Region
from drivers.simulated.flaws import Flaw, FlawKind, FlawPlan
from drivers.simulated.optics import HALO_LINES, Optics, OpticsSettings
from drivers.simulated.paint import FlawPatch, paint_flaw
from drivers.simulated.weave import ClothStyle
from drivers.simulated.weaves.fabrics import EVERY

CHUNK_LINES = 128
"""This many lines are drawn at once, always at the same places, so a picture does not depend on how it is asked for."""
_NARROWEST_PX = 16
_SAMPLE_LINES, _SAMPLE_PX = 512, 512
_LARGEST_SAMPLE = 1500  # of cloth with a larger repeat than the usual sample


class Cloth:
    """Cloth is endless woven cloth under a camera.

    ``render`` is a pure function of these arguments and the line numbers, seamless along the machine direction, and the
    same for any block sizes and order.  One object serves one thread.

    Args:
        style: name in :data:`~drivers.simulated.weaves.fabrics.EVERY`, or a style of your own.
        width_px: camera columns.
        mm_per_px: scale, both axes.
        seed: chooses yarn, noise and flaws.
        web_px: half-open columns of the web; selvedge bands and the bare machine lie beside it.  None: cloth fills all.
        flaws_per_m: mean number of flaws per metre.
        disturbances: slow shade and lamp drift, wandering selvedges, dust on the lens.  None of them is a flaw.
        optics: how good the picture is.
        background: grey level of the bare machine, and of what is seen through holes.
        seams: lines where two pieces are sewn together.  No flaws either.
        flaw_kinds: kinds of flaws to make; all by default.
        open_holes: whether holes show the background itself, whatever their contrast.
        recall_lines: how many of the lines drawn last are kept, for a later call that overlaps them.

    Raises:
        CameraError: an impossible setting.
    """

    def __init__(
        self,
        style: str | ClothStyle,
        *,
        width_px: int,
        mm_per_px: float,
        seed: int,
        web_px: tuple[int, int] | None = None,
        flaws_per_m: float = 0.0,
        disturbances: bool = True,
        optics: OpticsSettings | None = None,
        background: float = 40.0,
        seams: Sequence[int] = (),
        flaw_kinds: Sequence[FlawKind] = tuple(FlawKind),
        open_holes: bool = False,
        recall_lines: int = 0,
    ) -> None:
        self.style = _checked(style, width_px, mm_per_px, seed, web_px)
        self.width_px = width_px
        self.mm_per_px = mm_per_px
        self.web_px = web_px
        self.seams = tuple(sorted(seams))
        settings = optics or OpticsSettings()
        self._background = background
        self._open_holes = open_holes
        self._field = ClothField(self.style, width_px, mm_per_px, seed, web_px, disturbances, background, self.seams)
        self._optics = Optics(settings, width_px, mm_per_px, seed, disturbances)
        thread_px = max(self._field.warp_px, self._field.weft_px)
        web = web_px or (0, width_px)
        self._plan = FlawPlan(seed, flaws_per_m, web, mm_per_px, thread_px, self.style.skew, tuple(flaw_kinds))
        self.sigma = self._measure_sigma(settings, web)
        self._patch = lru_cache(maxsize=256)(self._draw_patch)
        self._chunk = lru_cache(maxsize=4 + recall_lines // CHUNK_LINES)(self._draw_chunk)

    @property
    def column_gain(self) -> NDArray[np.float32]:
        """Return the true share of light per column, float32 ``[width]``: what a perfect flat field would find."""
        return self._optics.column_gain

    @property
    def repeat_px(self) -> tuple[float, float]:
        """Return the true repeat of the cloth's face, in lines along and columns across."""
        return self._field.repeat_px

    def render(self, first_line: int, lines: int) -> NDArray[np.uint8]:
        """Return camera pixels of lines ``[first_line, first_line + lines)``: fresh uint8 ``[lines, width_px]``.

        Raises:
            CameraError: ``lines`` is not positive.
        """
        if lines < 1:
            raise CameraError(f"Simulated cloth was asked for {lines} lines: ask for one or more.")
        out = np.empty((lines, self.width_px), np.uint8)
        line = first_line
        while line < first_line + lines:
            chunk, offset = divmod(line, CHUNK_LINES)
            count = min(CHUNK_LINES - offset, first_line + lines - line)
            out[line - first_line : line - first_line + count] = self._chunk(chunk)[offset : offset + count]
            line += count
        return out

    def flaws(self, first_line: int, end_line: int) -> list[Flaw]:
        """Return the true flaws with exact boxes that meet lines ``[first_line, end_line)``, in order of first line."""
        return [patch.flaw for patch in self.patches(first_line, end_line)]

    def patches(self, first_line: int, end_line: int) -> list[FlawPatch]:
        """Return the same as :meth:`flaws`, with every pixel's change."""
        patches = [self._patch(planned) for planned in self._plan.flaws(first_line, end_line)]
        met = [patch for patch in patches if patch.flaw.first_line < end_line and patch.flaw.end_line > first_line]
        return sorted(met, key=lambda patch: (patch.flaw.first_line, patch.flaw.first_px))

    def seam_stretches(self, first_line: int, end_line: int) -> list[tuple[int, int]]:
        """Return the half-open lines of the seams that meet ``[first_line, end_line)``."""
        half = int(np.ceil(SEAM_MM / self.mm_per_px / 2)) + 1
        return [(s - half, s + half + 1) for s in self.seams if s - half < end_line and s + half >= first_line]

    def threads(self, first_line: int, lines: int) -> Region:
        """Return the clean cloth's threads over the whole width, whose picks are counted from the cloth's beginning."""
        region = self._field.region(first_line, lines)
        # the field counts picks from some repeat before the region: a thread's place on regular cloth says which
        rise = np.arange(self.width_px) * (self.style.skew / self._field.weft_px)
        places = np.arange(first_line, first_line + lines)[:, None] / self._field.weft_px + rise
        return replace(region, picks=region.picks + np.float32(np.rint(np.median(places - region.picks))))

    def web_edges(self, first_line: int, lines: int) -> NDArray[np.float32]:
        """Return the true left and right edge of the web in columns, float32 ``[lines, 2]``."""
        web = self.web_px or (0, self.width_px)
        if self.web_px is None:
            return np.broadcast_to(np.array(web, np.float32), (lines, 2)).copy()
        return self._field.edges(first_line, lines) + np.array(web, np.float32)

    def _draw_chunk(self, chunk: int) -> NDArray[np.uint8]:
        first = chunk * CHUNK_LINES
        shade = self._field.region(first - HALO_LINES, CHUNK_LINES + 2 * HALO_LINES).shade
        pixels = self._optics.expose(shade, first)
        for patch in self.patches(first, first + CHUNK_LINES):
            flaw = patch.flaw
            low, high = max(flaw.first_line, first), min(flaw.end_line, first + CHUNK_LINES)
            target = pixels[low - first : high - first, flaw.first_px : flaw.end_px]
            changed = target + patch.delta[low - flaw.first_line : high - flaw.first_line]
            target[:] = np.clip(changed, 0, 255).astype(np.uint8)
        return pixels

    def _draw_patch(self, planned: Flaw) -> FlawPatch:
        lines, px = planned.end_line - planned.first_line, planned.end_px - planned.first_px
        clean = self._field.region(planned.first_line, lines, planned.first_px, px)
        return paint_flaw(
            planned,
            replace(clean, shade=self._optics.focus(clean.shade)),
            self.sigma,
            self.column_gain[planned.first_px : planned.end_px],
            mm_per_px=self.mm_per_px,
            warp_px=self._field.warp_px,
            weft_px=self._field.weft_px,
            background=self._background,
            open_holes=self._open_holes,
        )

    def _measure_sigma(self, settings: OpticsSettings, web: tuple[int, int]) -> float:
        """Return the standard deviation of good cloth's pixels inside the web, without shading and drift."""
        inset = min(8, (web[1] - web[0]) // 4)
        first, px = web[0] + inset, min(web[1] - web[0] - 2 * inset, _SAMPLE_PX)
        lines, columns = (min(math.ceil(side), _LARGEST_SAMPLE) for side in self._field.repeat_px)
        px = max(px, min(web[1] - web[0] - 2 * inset, columns))
        sample = self._field.region(0, max(_SAMPLE_LINES, lines), first, px).shade
        return float(np.hypot(self._optics.focus(sample).std(), settings.noise_levels))


def _checked(
    style: str | ClothStyle, width_px: int, mm_per_px: float, seed: int, web_px: tuple[int, int] | None
) -> ClothStyle:
    if isinstance(style, str):
        if style not in EVERY:
            raise CameraError(f"There is no simulated cloth named '{style}': choose one of {', '.join(EVERY)}.")
        style = EVERY[style]
    if width_px < _NARROWEST_PX:
        raise CameraError(f"A simulated camera of {width_px} px is too narrow: make it {_NARROWEST_PX} px or wider.")
    if not 0.01 <= mm_per_px <= 10:
        raise CameraError(f"A scale of {mm_per_px} mm per px makes no cloth: choose one between 0.01 and 10.")
    if seed < 0:
        raise CameraError(f"The seed of simulated cloth is {seed}: choose zero or a positive number.")
    if web_px is not None and not 0 <= web_px[0] <= web_px[1] - _NARROWEST_PX <= width_px - _NARROWEST_PX:
        raise CameraError(
            f"The web's columns {web_px[0]} to {web_px[1]} do not fit a camera of {width_px} px:"
            f" both must lie within it, at least {_NARROWEST_PX} px apart."
        )
    return style
