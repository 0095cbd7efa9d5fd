"""This module counts what an operator lives with at the taught threshold: flaws found, good cloth rejected, rejects
that meet no flaw, and the pieces a flaw comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

GROWN_PX = 16
"""A reject may lie so far beside a mask and still be meant for its flaw: masks are drawn by hand."""


class Box(NamedTuple):
    """A box holds lines ``[first_line, end_line)`` and columns ``[first_px, end_px)`` of a picture."""

    first_line: int
    end_line: int
    first_px: int
    end_px: int


@dataclass(frozen=True, slots=True)
class Met:
    """How the rejects of one flawed picture meet its truth.

    Attributes:
        strays: rejects that meet no flaw.
        fragments: of each flaw that is met, how many rejects meet it.
    """

    strays: int
    fragments: tuple[int, ...]


def met(truth: NDArray[np.bool_], rejects: Sequence[Box]) -> Met:
    """Hold rejects against the truth of their picture, bool ``[lines, width]``.

    Parts of a mask that touch once it is grown are one flaw.
    """
    if not truth.any():
        return Met(len(rejects), ())
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GROWN_PX + 1, 2 * GROWN_PX + 1))
    grown = cv2.dilate(truth.astype(np.uint8), disc)
    labels, _ = ndimage.label(grown, structure=np.ones((3, 3)))
    strays = 0
    fragments: dict[int, int] = {}
    for box in rejects:
        within = np.unique(labels[max(0, box.first_line) : box.end_line, max(0, box.first_px) : box.end_px])
        flaws = [int(flaw) for flaw in within if flaw]
        strays += not flaws
        for flaw in flaws:
            fragments[flaw] = fragments.get(flaw, 0) + 1
    return Met(strays, tuple(fragments.values()))


class AtThreshold:
    """The counter gathers pictures, then gives the counts."""

    def __init__(self) -> None:
        self._flawed = 0
        self._found = 0
        self._good = 0
        self._good_rejected = 0
        self._strays = 0
        self._fragments: list[int] = []

    def add(self, is_good: bool, truth: NDArray[np.bool_], rejects: Sequence[Box]) -> None:
        """Take one picture with its truth, bool ``[lines, width]``, and its rejects."""
        if is_good:
            self._good += 1
            self._good_rejected += bool(rejects)
            return
        of_picture = met(truth, rejects)
        self._flawed += 1
        self._found += bool(of_picture.fragments)
        self._strays += of_picture.strays
        self._fragments += of_picture.fragments

    def counts(self) -> dict[str, float | None]:
        """Return flawed pictures and those found on the flaw, good ones and those rejected, the rejects on flawed
        pictures that meet no flaw, and the mean number of rejects that a met flaw comes in; None if none was met."""
        return {
            "flawed": self._flawed,
            "found_on_flaw": self._found,
            "good": self._good,
            "good_rejected": self._good_rejected,
            "strays": self._strays,
            "fragments_mean": float(np.mean(self._fragments)) if self._fragments else None,
        }
