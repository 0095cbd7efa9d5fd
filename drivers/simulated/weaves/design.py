"""This module draws large designs as they repeat over the cloth: flowers and leaves to print or to weave as figures.

A design belongs to its fabric and not to the cloth's seed: all rolls of a fabric show the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

PER_THREAD = 4
"""A printed design has this many samples per thread, both ways."""
_TRIES = 400


@dataclass(frozen=True, slots=True)
class Design:
    """A design says what large picture repeats over a fabric, threads being its measure.

    Attributes:
        ends, picks: threads of one repeat across and along.
        motifs: how many flowers and leaves it holds at most.
        sizes: radius of the smallest and the largest motif, in threads.
        inks: change of lightness by each ink of a print, as a share; none: the design is woven.
        number: which design of its kind.
    """

    ends: int
    picks: int
    motifs: int
    sizes: tuple[float, float]
    inks: tuple[float, ...] = ()
    number: int = 0

    def figure(self) -> NDArray[np.bool_]:
        """Draw where the figure is woven, bool ``[picks, ends]``; it continues itself on all four sides."""
        return self._drawn(1) > 0

    def printed(self) -> NDArray[np.float32]:
        """Draw the change of lightness, as a share, float32 ``[picks * PER_THREAD, ends * PER_THREAD]``, likewise."""
        inks = np.array((0.0, *self.inks), np.float32)[self._drawn(PER_THREAD)]
        soft = cv2.GaussianBlur(np.pad(inks, 4, mode="wrap"), (0, 0), 0.8)
        return np.ascontiguousarray(soft[4:-4, 4:-4])

    def _drawn(self, samples: int) -> NDArray[np.intp]:
        """Draw the motifs' numbers of ink, 1 and up, 0 for the ground, with so many samples per thread."""
        rng = np.random.default_rng((self.number, self.ends, self.picks))
        drawn = np.zeros((self.picks * samples, self.ends * samples), np.intp)
        y, x = (np.indices(drawn.shape) + 0.5) / samples
        placed: list[tuple[float, float, float]] = []
        for _ in range(_TRIES):
            if len(placed) == self.motifs:
                break
            # the largest come first, so that the small ones find the room between them
            share = len(placed) / max(1, self.motifs - 1)
            size = self.sizes[1] * (self.sizes[0] / self.sizes[1]) ** share
            middle = float(rng.uniform(0, self.picks)), float(rng.uniform(0, self.ends))
            if all(self._apart(middle, other) > 1.15 * (size + other[2]) for other in placed):
                placed.append((*middle, size))
        for at_pick, at_end, size in placed:
            along = (y - at_pick + self.picks / 2) % self.picks - self.picks / 2
            across = (x - at_end + self.ends / 2) % self.ends - self.ends / 2
            away, angle = np.hypot(along, across) / size, np.arctan2(along, across)
            petals, turn = int(rng.integers(2, 7)), float(rng.uniform(0, 2 * np.pi))
            ink = 1 + rng.permutation(max(1, len(self.inks)))
            rim = 0.72 + 0.28 * np.cos(petals * (angle + turn))
            drawn[away < rim] = ink[0]
            drawn[away < 0.55 * rim] = ink[1 % len(ink)] if self.inks else 0
            drawn[away < 0.22] = ink[0]
        return drawn

    def _apart(self, middle: tuple[float, float], other: tuple[float, float, float]) -> float:
        along, across = abs(middle[0] - other[0]), abs(middle[1] - other[1])
        return float(np.hypot(min(along, self.picks - along), min(across, self.ends - across)))
