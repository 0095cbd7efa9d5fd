"""What the records give back: plain immutable rows, free of the database session they came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from station.control import DefectKind, Ledger, UninspectedReason
from station.recipe import Recipe


class RecordsError(Exception):
    """A fault of the records, as one plain sentence: what happened, to which file or row, what to do."""


class Verdict(StrEnum):
    """What a person said of a defect."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false alarm"


@dataclass(frozen=True, slots=True)
class RecipeRow:
    """One version of a fabric's recipe."""

    recipe: Recipe
    created_at: datetime
    created_by: str
    why: str


@dataclass(frozen=True, slots=True)
class RollRow:
    """One roll.  ``ended_at`` is None while open.  Times are UTC-aware.

    ``broken_off``: it ended by a crash or without an end; ``ended_at`` is then the time of its last event.
    ``web_width_px``: mean width of the web where it was judged, None if unknown.
    """

    id: int
    name: str
    fabric: str
    recipe_version: int
    threshold: float
    mm_per_px: float | None
    started_at: datetime
    ended_at: datetime | None
    ledger: Ledger
    defects: int
    rejects: int
    confirmed: int
    false_alarms: int
    camera_id: str = ""
    grading_rule: str = ""
    web_width_px: float | None = None
    broken_off: bool = False


@dataclass(frozen=True, slots=True)
class StretchRow:
    """Lines ``[first_line, end_line)`` of a roll; ``reason`` is None where inspected."""

    first_line: int
    end_line: int
    reason: UninspectedReason | None


@dataclass(frozen=True, slots=True)
class DefectRow:
    """One defect of a roll; geometry as in :class:`station.control.Defect`.

    ``crop_file`` and ``heat_file`` are absolute paths of PNG files (heat: 8-bit, 128 = threshold), None if not kept.
    """

    id: int
    roll_id: int
    roll: str
    fabric: str
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
    unit: str
    kind: DefectKind
    is_reject: bool
    piece: str | None
    found_at: datetime
    crop_file: Path | None
    heat_file: Path | None
    verdict: Verdict | None
    reviewed_by: str | None
    closed: bool = True


@dataclass(frozen=True, slots=True)
class RollFilter:
    """Which rolls; None means all."""

    fabric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    limit: int = 500


@dataclass(frozen=True, slots=True)
class DefectFilter:
    """Which defects of a roll; None means all."""

    roll_id: int
    rejects_only: bool = False
    kind: DefectKind | None = None
    verdict: Verdict | None = None
    unreviewed_only: bool = False
    limit: int = 2000
