"""A roll of 100 m with defects, cloth nobody inspected and pictures, to be reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from station.contract import (
    Defect,
    DefectChanged,
    DefectKind,
    Ledger,
    RollEnded,
    RowJudged,
    Stretch,
    StretchClosed,
    UninspectedReason,
)
from station.recipe import Recipe
from station.records.rows import RollMeasures
from station.records.store import Store
from station.state.defect import Look


def recipe(**changes: object) -> Recipe:
    """A recipe of the fabric 'linen' at 0.5 mm per px."""
    values = {"fabric": "linen", "model_sha256": "ab" * 32, "encoder": "light", "threshold": 2.0, "mm_per_px": 0.5}
    return Recipe(**(values | changes))


def spot(number: int, position_mm: float, length_mm: float, *, is_reject: bool = True) -> Defect:
    """A closed spot with a picture."""
    line = int(position_mm * 2)
    return Defect(
        number=number,
        first_line=line,
        end_line=line + int(length_mm * 2) + 1,
        first_px=600,
        end_px=610,
        length_mm=length_mm,
        width_mm=5.0,
        area_mm2=20.0,
        position_mm=position_mm,
        across_mm=300.0,
        score=2.0 + number,
        threshold=2.0,
        kind=DefectKind.SPOT,
        is_reject=is_reject,
        closed=True,
        crop=np.full((32, 32), 40 * number, np.uint8),
        crop_scores=np.full((32, 32), 2.8, np.float32),
    )


def long_line(number: int, position_mm: float, length_mm: float) -> Defect:
    """A closed reject that the long look saw best, by its own scale of scores."""
    line = replace(spot(number, position_mm, length_mm), kind=DefectKind.WARP_LINE, look=Look.LONG)
    return replace(line, score=1.5, threshold=0.5)


def record(store: Store, name: str, made: Recipe, ended: bool = True, measures: RollMeasures | None = None) -> None:
    """100 m at 0.5 mm per line, of which 10 m nobody inspected; 1,500 mm wide; rejects of 1, 2 and 4 points."""
    store.begin_roll(name, made, "cam", measures=measures)
    lost = UninspectedReason.CAMERA_GONE
    for stretch in (Stretch(0, 100_000), Stretch(100_000, 120_000, lost), Stretch(120_000, 200_000)):
        store.write(StretchClosed(stretch))
    store.write(RowJudged(0, 100_000, np.ones(4, np.float32), width_px=3000))
    found = [spot(1, 500, 20), spot(2, 9000, 100), spot(3, 20_000, 300), spot(4, 30_000, 10, is_reject=False)]
    for defect in found:
        store.write(DefectChanged(defect))
    if ended:
        store.write(RollEnded(name, Ledger(200_000, 180_000, 20_000)))
    assert store.flush()
