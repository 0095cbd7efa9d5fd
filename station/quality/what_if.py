"""What another threshold would have made of a roll that has been seen.  Plain arithmetic, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from station.line.judging.decision import decide
from station.records.rows import DefectRow, Verdict


class Fate(StrEnum):
    """What becomes of a defect when the recipe changes."""

    STAYS = "stays"
    GOES = "goes"
    COMES = "comes"
    PASSES = "passes"


@dataclass(frozen=True, slots=True)
class Consequence:
    """A roll under another threshold and least length.

    Attributes:
        fates: of the defects, in their order.
        rejects: how many there would be.
        false_alarms: of these, marked as false alarms by a person.
        unreviewed: of these, seen by nobody.
        patches: patches of the whole roll whose peak reaches the threshold (a defect may cover several).
        inspected_m: metres judged, or None without a scale.
    """

    fates: tuple[Fate, ...]
    rejects: int
    false_alarms: int
    unreviewed: int
    patches: int
    inspected_m: float | None

    def per_100_m(self, number: int) -> float | None:
        """``number`` per 100 m inspected; None without a scale or without metres."""
        return number * 100.0 / self.inspected_m if self.inspected_m else None


def what_if(
    defects: Sequence[DefectRow],
    peaks: NDArray[np.float32],
    inspected_m: float | None,
    threshold: float,
    min_length_mm: float,
    in_force: tuple[float, float],
) -> Consequence:
    """Judge a seen roll anew.

    Args:
        defects: recorded defects; those under the report level of their recipe were never recorded, so what a very
            low threshold would bring is known from ``peaks`` only.
        peaks: highest raw score of each patch of the roll, ``[n]``.
        inspected_m: metres judged, None without a scale.
        threshold: raw score from which a defect is a reject.
        min_length_mm: a smaller defect passes.
        in_force: threshold and least length of the recipe in force, against which defects come and go (the roll may
            have been judged by an older version).
    """
    fates = []
    rejects = false_alarms = unreviewed = 0
    for defect in defects:
        now = _is_reject(defect, threshold, min_length_mm)
        before = _is_reject(defect, *in_force)
        rejects += now
        false_alarms += now and defect.verdict is Verdict.FALSE_ALARM
        unreviewed += now and defect.verdict is None
        if now:
            fates.append(Fate.STAYS if before else Fate.COMES)
        else:
            fates.append(Fate.GOES if before else Fate.PASSES)
    patches = int(np.count_nonzero(peaks >= threshold))
    return Consequence(tuple(fates), rejects, false_alarms, unreviewed, patches, inspected_m)


def _is_reject(defect: DefectRow, threshold: float, min_length_mm: float) -> bool:
    """The line's own decision."""
    return decide(defect.score, defect.length_mm, defect.width_mm, threshold=threshold, min_length_mm=min_length_mm)


def histogram(peaks: NDArray[np.float32], top: float, bins: int = 120) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges ``[bins + 1]`` from 0 to ``top`` and counts ``[bins]``; what lies beyond ``top`` is in the last bin."""
    edges = np.linspace(0.0, max(top, 1e-9), bins + 1)
    counts, _ = np.histogram(np.clip(peaks, 0.0, edges[-1]), edges)
    return edges, counts.astype(np.int64)
