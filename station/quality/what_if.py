"""This module works out how an inspected roll would be judged with another threshold.  Plain arithmetic, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from station.line.judging.decision import decide
from station.records.rows import DefectRow, Verdict
from station.state.defect import Look


class Fate(StrEnum):
    """A fate says what happens to a defect when the recipe changes."""

    STAYS = "stays"
    GOES = "goes"
    COMES = "comes"
    PASSES = "passes"


@dataclass(frozen=True, slots=True)
class Consequence:
    """A consequence says how a roll would be judged with another threshold and minimum length.

    Attributes:
        fates: of the defects, in their order.
        rejects: how many there would be.
        false_alarms: how many of these a person marked as false alarms.
        unreviewed: how many of these nobody has reviewed.
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
        """Return ``number`` per 100 m inspected; None without a scale or if no metre was inspected."""
        return number * 100.0 / self.inspected_m if self.inspected_m else None


def what_if(
    defects: Sequence[DefectRow],
    peaks: NDArray[np.float32],
    inspected_m: float | None,
    threshold: float,
    min_length_mm: float,
    in_force: tuple[float, float],
) -> Consequence:
    """Judge an inspected roll again with another threshold and minimum length.

    Args:
        defects: recorded defects; those below the report level of their recipe were never recorded, so only ``peaks``
            show what a very low threshold would bring.
        peaks: highest raw score of each patch of the roll, ``[n]``.
        inspected_m: metres judged, None without a scale.
        threshold: raw score from which a defect is a reject.
        min_length_mm: a smaller defect passes.
        in_force: threshold and minimum length of the recipe in force, to which the result is compared (the roll may
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
    """Return the line's own decision.  The threshold is the fine look's; what another look saw keeps that look's."""
    own = threshold if defect.look is Look.FINE else defect.threshold
    return decide(defect.score, defect.length_mm, defect.width_mm, threshold=own, min_length_mm=min_length_mm)


def histogram(peaks: NDArray[np.float32], top: float, bins: int = 120) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return edges ``[bins + 1]`` from 0 to ``top`` and counts ``[bins]``; peaks above ``top`` are in the last bin."""
    edges = np.linspace(0.0, max(top, 1e-9), bins + 1)
    counts, _ = np.histogram(np.clip(peaks, 0.0, edges[-1]), edges)
    return edges, counts.astype(np.int64)
