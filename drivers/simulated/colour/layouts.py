"""This module holds dyed layouts: which yarn of which colour follows which, in warp and weft."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dye(NamedTuple):
    """A dye is a yarn's colour in CIELAB: how much lighter it is than undyed yarn, and its chroma."""

    lightness: float
    a: float
    b: float


UNDYED = Dye(0.0, 0.0, 0.0)
NAVY = Dye(-9.0, 6.0, -24.0)
SKY = Dye(3.0, -6.0, -16.0)
RED = Dye(-4.0, 34.0, 16.0)
GREEN = Dye(-6.0, -20.0, 12.0)
SAND = Dye(4.0, 3.0, 14.0)
ECRU = Dye(5.0, 0.0, 5.0)


@dataclass(frozen=True, slots=True)
class DyedLayout:
    """A dyed layout says how yarns of several colours follow each other; each sequence is repeated over the cloth.

    Attributes:
        style: the cloth, by its name in :data:`drivers.simulated.weave.STYLES`; its yarn is undyed.
        warp, weft: threads of one dye after another.
    """

    style: str
    warp: tuple[tuple[int, Dye], ...]
    weft: tuple[tuple[int, Dye], ...]

    @property
    def repeat_threads(self) -> tuple[int, int]:
        """Give after how many ends and picks the colours come again."""
        return sum(threads for threads, _ in self.warp), sum(threads for threads, _ in self.weft)


LAYOUTS: MappingProxyType[str, DyedLayout] = MappingProxyType(
    {
        "gingham": DyedLayout("plain", ((6, RED), (6, ECRU)), ((6, RED), (6, ECRU))),
        "shirting": DyedLayout("twill", ((8, SKY), (2, ECRU), (3, NAVY), (2, ECRU)), ((1, ECRU),)),
        "tattersall": DyedLayout(
            "plain",
            ((14, ECRU), (2, NAVY), (14, ECRU), (2, GREEN)),
            ((14, ECRU), (2, NAVY), (14, ECRU), (2, GREEN)),
        ),
        "chambray": DyedLayout("plain", ((1, NAVY),), ((1, ECRU),)),
        "dyed twill": DyedLayout("twill", ((1, SAND),), ((1, SAND),)),
    }
)
"""These are the dyed fabrics by name."""


def sequence(threads: tuple[tuple[int, Dye], ...]) -> NDArray[np.float32]:
    """Return the dye of each thread of one repeat, float32 ``[threads, 3]``."""
    return np.repeat(np.array([dye for _, dye in threads], np.float32), [count for count, _ in threads], axis=0)
