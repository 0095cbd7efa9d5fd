"""Pictures of fine cloth as real cameras see it: weak texture, light that falls off, shot and read noise, 8 bits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drivers.simulated.field import ClothField
from drivers.simulated.weave import STYLES

LEVEL = 130.0
"""Grey level of the cloth in full light."""
READ_NOISE, SHOT_NOISE = 0.7, 1.5
"""Standard deviation of the noise in grey levels: of the dark, and what light adds at ``LEVEL``."""


@dataclass(frozen=True)
class Greige:
    """Greige says what a picture shows.

    Attributes:
        style: name of the simulated style, of which the weave is taken.
        yarn_px: distance of neighbouring ends.
        texture: standard deviation of the cloth's grey in full light, without noise.
        falloff: share of light lost at the dark end; ``along`` says whether it falls along or across.
        border: columns at the left that are woven of yarn giving a sixth of the light.
        noise: 1 for the noise of a good industrial camera.
        beside: columns at the right that are bare table, lamp or dark, ``shade`` times as bright as the cloth; within a
            block the border slants by ``slant`` columns.
    """

    style: str = "plain"
    yarn_px: float = 4.0
    texture: float = 2.5
    falloff: float = 0.4
    along: bool = True
    border: int = 0
    noise: float = 1.0
    beside: int = 0
    shade: float = 0.4
    slant: int = 0
    width: int = 1024
    lines: int = 512

    def relief(self, seed: int) -> NDArray[np.float32]:
        """Return the cloth's texture, float32 ``[lines, width]``, mean 0 and standard deviation 1."""
        style = STYLES[self.style]
        style = replace(style, stripes=())
        field = ClothField(style, self.width, style.warp_pitch_mm / self.yarn_px, seed, None, False, 40.0, ())
        shade = field.region(seed * 10_000, self.lines).shade.astype(np.float32)
        return np.asarray((shade - shade.mean()) / shade.std(), np.float32)

    def light(self) -> NDArray[np.float32]:
        """Return the share of light, float32 broadcasting to ``[lines, width]``."""
        ramp = 1 - self.falloff * np.linspace(0, 1, self.lines if self.along else self.width, dtype=np.float32)
        return ramp[:, None] if self.along else ramp[None]

    def picture(self, seed: int) -> NDArray[np.uint8]:
        """Return the picture, uint8 ``[lines, width]``."""
        yarn = np.full(self.width, LEVEL, np.float32)
        yarn[: self.border] /= 6
        grey = self.light() * yarn * (1 + self.texture / LEVEL * self.relief(seed))
        if self.beside:
            ends = self.width - self.beside + self.slant * np.linspace(-0.5, 0.5, self.lines)
            off = np.arange(self.width)[None] >= ends[:, None]
            grey[off] = np.broadcast_to(self.light() * self.shade * LEVEL, grey.shape)[off]
        return self.exposed(grey, seed)

    def exposed(self, grey: NDArray[np.float32], seed: int) -> NDArray[np.uint8]:
        """Return grey levels as the camera delivers them, uint8."""
        sigma = self.noise * np.hypot(READ_NOISE, SHOT_NOISE * np.sqrt(np.maximum(grey, 0) / LEVEL))
        noisy = grey + sigma * np.random.default_rng(seed).normal(size=grey.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
