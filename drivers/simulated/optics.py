"""This module simulates what lens, lamp and sensor do to the picture of the cloth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.simulated.lattice import SmoothRows, rng_at

HALO_LINES = 4
"""The focus blur may look this many lines beyond the lines it delivers."""
_LAYER_LAMP, _LAYER_GRAIN, _LAYER_LINE, _LAYER_DUST = 40, 41, 42, 43
_BANK = 1 << 20


@dataclass(frozen=True, slots=True)
class OpticsSettings:
    """These settings say how good the picture is.

    Attributes:
        falloff: share of light lost at the outermost columns.
        focus_px: standard deviation of the focus blur in pixels, 0 for none.
        noise_levels: standard deviation of the sensor noise in grey levels.
        lamp_drift: standard deviation of the slow change of the lamp, as a share.
        lamp_drift_mm: cloth length over which the lamp changes.
        dust: specks on the lens, each a faint line that stays in its columns.
        dust_loss: share of light a speck takes.
        dust_seed: where the specks lie; they belong to the lens, not to the cloth.
    """

    falloff: float = 0.12
    focus_px: float = 0.45
    noise_levels: float = 1.6
    lamp_drift: float = 0.01
    lamp_drift_mm: float = 3000.0
    dust: int = 2
    dust_loss: float = 0.05
    dust_seed: int = 0


class Optics:
    """The optics turn grey levels of cloth into camera pixels; a line's noise belongs to its number.

    Args:
        settings: how good the picture is.
        width_px: camera columns.
        mm_per_px: scale.
        seed: which randomness.
        disturbances: lamp drift and dust on the lens.
    """

    def __init__(
        self, settings: OpticsSettings, width_px: int, mm_per_px: float, seed: int, disturbances: bool = True
    ) -> None:
        self.settings = settings
        self._seed = seed
        self._lamp = SmoothRows(seed, _LAYER_LAMP, settings.lamp_drift_mm / mm_per_px, 1) if disturbances else None
        self.column_gain = self._column_gain(width_px, disturbances)
        bank = rng_at(seed, _LAYER_GRAIN, 0).standard_normal(_BANK + width_px, np.float32)
        self._grain = bank * np.float32(settings.noise_levels)

    def _column_gain(self, width_px: int, disturbances: bool) -> NDArray[np.float32]:
        """Return the share of light that reaches each column, float32 ``[width]``: lens fall-off and dust."""
        columns = np.arange(width_px)
        off_axis = (columns + 0.5) / width_px * 2 - 1
        gain = 1 - self.settings.falloff * off_axis**2
        if disturbances:
            rng = rng_at(self.settings.dust_seed, _LAYER_DUST, 0)
            for centre in rng.uniform(0.05, 0.95, self.settings.dust) * width_px:
                gain *= 1 - self.settings.dust_loss * np.exp(-(((columns - centre) / 1.2) ** 2) / 2)
        return gain.astype(np.float32)

    def focus(self, shade: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the picture blurred as the lens does."""
        if self.settings.focus_px <= 0:
            return shade
        side = 2 * min(int(np.ceil(3 * self.settings.focus_px)), HALO_LINES) + 1
        blurred = cv2.GaussianBlur(shade, (side, side), self.settings.focus_px, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred, np.float32)

    def expose(self, shade: NDArray[np.float32], first_line: int) -> NDArray[np.uint8]:
        """Return camera pixels uint8 ``[lines, width]`` of the lines from ``first_line`` on.

        Args:
            shade: float32 ``[lines + 2 * HALO_LINES, width]`` grey levels, beginning ``HALO_LINES`` before them.
        """
        picture = self.focus(shade)[HALO_LINES:-HALO_LINES]
        lines, width = picture.shape
        if self._lamp is None:
            picture = picture * self.column_gain
        else:
            lamp = 1 + np.float32(self.settings.lamp_drift) * self._lamp.rows(first_line, lines)
            picture = picture * (lamp * self.column_gain)
        # each line reads one long bank of noise from a place of its own: far cheaper than drawing, no visible repeat
        starts = rng_at(self._seed, _LAYER_LINE, first_line).integers(0, _BANK, size=(lines,))
        for row, start in enumerate(starts):
            picture[row] += self._grain[start : start + width]
        np.rint(picture, out=picture)
        return np.clip(picture, 0, 255, out=picture).astype(np.uint8)
