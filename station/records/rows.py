"""This module defines what the records give back: plain immutable rows, free of the database session they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from station.contract import DefectKind, Ledger, StationError, UninspectedReason
from station.grading.rule import GradingRule
from station.recipe import Recipe
from station.state.defect import DefectSeverity, Look
from station.state.grade import Grade
from station.state.roll import UNKNOWN, RollIdentity

RESUMED = "it was resumed after a crash, and nobody knows what passed meanwhile"


class RecordsError(StationError):
    """The error reports a fault of the records in a plain sentence: what happened, to which file or row, what to do."""


class Verdict(StrEnum):
    """A verdict is what a person said of a defect."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false alarm"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class RecipeRow:
    """A row holds one version of a fabric's recipe."""

    recipe: Recipe
    created_at: datetime
    created_by: str
    why: str


@dataclass(frozen=True, slots=True)
class NewCalibration:
    """A new calibration is one to put on record.

    Attributes:
        kind: what was calibrated, such as scale or shading.
        camera_id, serial, width_px: the camera's name in the settings, the device's own number ('' if it has none),
            and how many columns it had.
        result: the result (JSON-able, finite).
        residual: the error that remains, in ``residual_unit``; None where the kind has none.
    """

    kind: str
    camera_id: str
    result: Mapping[str, Any]
    serial: str = ""
    width_px: int | None = None
    residual: float | None = None
    residual_unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRow(NewCalibration):
    """A row holds a calibration on record, with its number and when (UTC-aware) and by whom it was made."""

    id: int
    made_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True)
class RollMeasures:
    """The measures are what a roll's sizes are calculated with.

    Attributes:
        mm_per_px, mm_per_line: scale across and along; None without one.
        unverified: why sizes are not verified, '' where they are.
        calibration_ids: the calibrations on record that the roll is inspected with.
    """

    mm_per_px: float | None
    mm_per_line: float | None
    unverified: str
    calibration_ids: tuple[int, ...] = ()

    @classmethod
    def uncalibrated(cls, recipe: Recipe) -> RollMeasures:
        """Return the measures of the recipe's own scale, which nobody has verified."""
        along = None if recipe.mm_per_px is None else recipe.scale_along
        return cls(recipe.mm_per_px, along, "no calibration was used")


@dataclass(frozen=True, slots=True)
class RollGradingRow:
    """A row holds what a roll is graded by, its grade where it has ended, and what people say of its size.

    Attributes:
        rule: as it was when the roll began; None where none is on record, for the reason ``lacking``.
        cuttable_mm: width that can be cut.
        weight_kg, grams_per_m2: of the roll and of its cloth.
        points, points_per_100_m2, grade: as the defects and their reviews have it; None while it is open.
    """

    rule: GradingRule | None = None
    lacking: str = ""
    cuttable_mm: float | None = None
    weight_kg: float | None = None
    grams_per_m2: float | None = None
    points: int | None = None
    points_per_100_m2: float | None = None
    grade: Grade | None = None


@dataclass(frozen=True, slots=True)
class RollRow:
    """A row holds one roll.  ``ended_at`` is None while it is open.  Times are UTC-aware.

    ``mm_per_px`` and ``mm_per_line``: the scale its sizes were calculated with, across and along; None without one.
    ``broken_off``: whether a crash ended it, nobody did, or its cloth was interrupted; ``ended_at`` is then the time of
    its last event.
    ``web_width_px``: mean width of the web where it was judged, None if unknown.
    ``unverified``: why its sizes are not verified, '' where they are.
    ``events_lost``: events of the line that never got on record.
    ``clock_shift_s``: by how many seconds the computer's clock was set forward (negative: back) while it was open.
    ``identity``: what the mill knows of it.
    ``ended_why``: why it was broken off, 'crash' where its program was gone; '' where it was ended.
    ``resumed``: how often people went on with it after a crash.
    ``grading_rule``: name of the rule that its recipe asks for; ``grading`` what it is graded by.
    ``defects`` and those after it count what the station found; ``missed`` what people put on record beside.
    ``keep``: nothing of it is ever thrown away.
    ``nominal_width_mm``, ``width_tolerance_mm``: what its recipe asks of its width, None where it does not.
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
    mm_per_line: float | None = None
    unverified: str = ""
    events_lost: int = 0
    clock_shift_s: float = 0.0
    identity: RollIdentity = UNKNOWN
    ended_why: str = ""
    resumed: int = 0
    grading: RollGradingRow = RollGradingRow()
    missed: int = 0
    keep: bool = False
    nominal_width_mm: float | None = None
    width_tolerance_mm: float | None = None

    @property
    def state(self) -> str:
        """Say in a word or two whether it is open, ended, or broken off."""
        return "open" if self.ended_at is None else "broken off" if self.broken_off else "ended"

    @property
    def incomplete(self) -> str:
        """Say why the roll is not wholly on record, '' if it is: an incomplete roll is never graded."""
        if self.events_lost:
            plural = "" if self.events_lost == 1 else "s"
            return f"{self.events_lost} event{plural} of the line lost: defects may be missing"
        if self.broken_off:
            return "it was broken off, so nobody knows what came after"
        return RESUMED if self.resumed else ""


@dataclass(frozen=True, slots=True)
class StretchRow:
    """A row holds lines ``[first_line, end_line)`` of a roll; ``reason`` is None where they were inspected."""

    first_line: int
    end_line: int
    reason: UninspectedReason | None


@dataclass(frozen=True, slots=True)
class DefectRow:
    """A row holds one defect; geometry as in :class:`station.contract.Defect`, ``unverified`` as in :class:`RollRow`.

    ``threshold`` is that of the look that saw it best; ``severity`` is as a person said, else as the rule has it;
    ``web_mm`` as in Defect.
    ``missed``: a person put it on record, the station did not find it; its number is negative, :attr:`label` is for
    people.  ``kind_found`` is the station's where a person said another kind; ``said_severity`` what a person said of
    its severity, None where nobody did; ``disputed``: persons are at odds over it; ``keep``: it is never thrown away.
    ``crop_file`` and ``heat_file`` are absolute paths of PNG files (heat: 8-bit, 128 = threshold), None if not kept.
    ``pictures_dropped``: they were kept, and removed to make room.
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
    unverified: str = ""
    parts: int = 1
    look: Look = Look.FINE
    severity: DefectSeverity | None = None
    web_mm: float | None = None
    missed: bool = False
    kind_found: DefectKind | None = None
    said_severity: str | None = None
    disputed: bool = False
    needs_review: bool = False
    keep: bool = False
    pictures_dropped: bool = False

    @property
    def label(self) -> str:
        """Give the number for people."""
        return number_words(self.number)


def number_words(number: int) -> str:
    """Return a defect's number for people: ``7``, or ``M1`` for the first that was missed and put on record by hand."""
    return f"M{-number}" if number < 0 else str(number)


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """A row says who signed a roll's report, when (UTC-aware), and what it said then."""

    by: str
    at: datetime
    said: str


@dataclass(frozen=True, slots=True)
class RollFilter:
    """The filter says which rolls to return; None means all.

    ``since`` and ``until`` are about when they began; with ``ended_since`` come those that were open at that time or
    later.  ``order`` to ``operator`` are facts of their identity, ``state`` is one of :attr:`RollRow.state`.
    """

    fabric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    limit: int = 500
    order: str | None = None
    article: str | None = None
    lot: str | None = None
    loom: str | None = None
    operator: str | None = None
    state: str | None = None
    ended_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DefectFilter:
    """The filter says which defects of a roll to return; None means all."""

    roll_id: int
    rejects_only: bool = False
    kind: DefectKind | None = None
    verdict: Verdict | None = None
    unreviewed_only: bool = False
    severity: DefectSeverity | None = None
    limit: int = 2000
