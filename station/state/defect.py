"""This module says what a defect is, as the line tells it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from station.state.defect_kind import DefectKind
from station.state.defect_kind import Look as Look
from station.state.grade import DefectSeverity as DefectSeverity


@dataclass(frozen=True, slots=True, eq=False)
class Defect:
    """A defect is a region the line reports.  ``number`` counts from 1 in the roll and stays while the defect grows.

    Attributes:
        first_line, end_line: extent along (machine direction), half-open, in lines.
        first_px, end_px: extent across (cross direction), half-open, in camera columns.
        length_mm, width_mm: along and across in mm; in px where the recipe has no scale.
        area_mm2: area above the region level, in mm² (px² without scale).
        position_mm, across_mm: distance from the roll's start, and of its middle from the web's left edge.
        score: highest raw score.
        threshold: raw score from which it may be a reject.
        is_reject: whether the recipe does not let it pass.
        closed: whether it no longer grows.
        piece: the piece (image) it lies on, None on the loom.
        crop: uint8 ``[h, w]`` or ``[h, w, 3]`` picture around the defect's peak, or None while growing.
        crop_scores: float32 ``[h, w]`` raw scores of the crop, same size as the crop, or None.
        merged_into: number of the older defect this one turned out to be part of (it is then no defect of its own, is
            closed and no reject), else None.
        parts: of how many pieces close together it is made, 1 for all that is one piece.
        look: which look of the model sees it best.
        peak_line, peak_px: where its highest score is.
        web_mm: width of the web where it was first told, None if unknown; in px where the recipe has no scale.
        severity: how grave it is by the roll's grading rule, None where nothing says so.
    """

    number: int
    first_line: int
    end_line: int
    first_px: int
    end_px: int
    length_mm: float
    width_mm: float
    area_mm2: float
    position_mm: float
    across_mm: float
    score: float
    threshold: float
    kind: DefectKind
    is_reject: bool
    closed: bool
    piece: str | None = None
    crop: NDArray[np.uint8] | None = None
    crop_scores: NDArray[np.float32] | None = None
    merged_into: int | None = None
    parts: int = 1
    look: Look = Look.FINE
    peak_line: int = 0
    peak_px: int = 0
    web_mm: float | None = None
    severity: DefectSeverity | None = None

    @property
    def ratio(self) -> float:
        """Give the score in units of the threshold, by which defects of different looks are compared."""
        return self.score / self.threshold
