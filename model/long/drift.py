"""This module finds by how much all the cloth leans from one mean to the next: skew of the picks, lean of the ends.

No two yarns are quite alike, so neighbouring means look alike where the same yarns lie.  The further apart the means
compared, the finer is the lean known: it is found for neighbours first, then refined for means twice as far apart.
"""

from __future__ import annotations

import numpy as np

from model.long.look import Floats

APART = (1, 2, 4, 8)
FURTHEST_PX = 3
"""Means next to each other lie at most so far apart."""
LAGS = 48
SURE = 5.0
"""Likeness counts if it is this many times what chance makes at other lags."""
CLOSEST = 1.5
"""A lean once found is refined within this many px."""


class DriftFinder:
    """The finder gathers how alike means are, moved against each other."""

    def __init__(self) -> None:
        self._alike = {apart: np.zeros(2 * LAGS + 1) for apart in APART}

    def see(self, profiles: Floats) -> None:
        """Take consecutive profiles, float32 ``[n, places]``, 0 where there is no cloth."""
        size = 1 << int(np.ceil(np.log2(profiles.shape[1] + 2 * LAGS)))
        spectra = np.fft.rfft(profiles, size, axis=1)
        for apart in APART:
            if profiles.shape[0] > apart:
                cross = (spectra[:-apart].conj() * spectra[apart:]).sum(0)
                lags = np.fft.irfft(cross, size)
                self._alike[apart] += np.concatenate([lags[-LAGS:], lags[: LAGS + 1]])

    def lean(self) -> float:
        """Return the px from one mean to the next, 0 where none shows."""
        found: float | None = None
        for apart, alike in self._alike.items():
            middle, reach = (0.0, float(FURTHEST_PX)) if found is None else (found * apart, CLOSEST)
            lags = np.arange(-LAGS, LAGS + 1)
            near = np.abs(lags - middle) <= max(reach, 1.0)
            far = np.abs(lags - middle) > 2 * FURTHEST_PX + 4
            chance = 1.4826 * float(np.median(np.abs(alike[far])))
            at = int(np.argmax(np.where(near, alike, -np.inf)))
            if alike[at] <= SURE * chance or not 0 < at < 2 * LAGS:
                continue
            before, peak, after = alike[at - 1 : at + 2]
            bend = before - 2 * peak + after
            part = 0.5 * (before - after) / bend if bend < 0 else 0.0
            found = float((lags[at] + np.clip(part, -0.5, 0.5)) / apart)
        return float(np.float32(found or 0.0))  # as it is kept
