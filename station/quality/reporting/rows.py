"""This module makes the report's rows of the rows on record: defects, stretches, calibrations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from station.local_time import zone
from station.quality.report_way import RollWay
from station.records.rows import CalibrationRow, DefectRow, RollRow, StretchRow


@dataclass(frozen=True, slots=True)
class ReportDefect:
    """A report row holds one defect.  Lengths are in the report's unit (mm, or px without a scale); ``counts`` says
    whether it counts for the grade (a reject that nobody marked as false alarm); ``points`` are those before the cap
    per interval; ``look`` is which look of the model saw it best, ``score`` and ``threshold`` are that look's;
    ``severity`` is minor, major, critical, or None where nothing says so; ``picture_dropped``: it had one."""

    number: int
    position: float
    across: float
    length: float
    width: float
    kind: str
    score: float
    is_reject: bool
    verdict: str | None
    reviewed_by: str | None
    counts: bool
    points: int | None
    piece: str | None
    crop_file: str | None
    found_at: datetime
    threshold: float
    look: str
    parts: int = 1
    severity: str | None = None
    picture_dropped: bool = False

    @classmethod
    def of(cls, row: DefectRow, counts: bool, points: int | None) -> ReportDefect:
        """Make it of a row on record."""
        return cls(
            number=row.number,
            position=row.position_mm,
            across=row.across_mm,
            length=row.length_mm,
            width=row.width_mm,
            kind=str(row.kind),
            score=row.score,
            is_reject=row.is_reject,
            verdict=None if row.verdict is None else str(row.verdict),
            reviewed_by=row.reviewed_by,
            counts=counts,
            points=points,
            piece=row.piece,
            crop_file=None if row.crop_file is None else str(row.crop_file),
            found_at=row.found_at,
            threshold=row.threshold,
            parts=row.parts,
            look=str(row.look),
            severity=None if row.severity is None else str(row.severity),
            picture_dropped=row.pictures_dropped,
        )

    @property
    def missed(self) -> bool:
        """Say whether the station missed it: a person put it on record."""
        return self.number < 0

    @property
    def found_at_zone(self) -> str:
        """Give the distance from UTC of the local time at which it was found."""
        return zone(self.found_at)

    @property
    def rank(self) -> tuple[int, float]:
        """Give what the worst come first by: points, then how far the score exceeds its threshold."""
        return -(self.points or 0), -self.score / self.threshold


@dataclass(frozen=True, slots=True)
class ReportStretch:
    """A stretch of the report has metres from the roll's start, None without a scale; ``reason`` is None if it was
    inspected, else why not."""

    first_line: int
    end_line: int
    from_m: float | None
    to_m: float | None
    reason: str | None

    @classmethod
    def of(cls, row: StretchRow, mm_per_line: float | None, way: RollWay) -> ReportStretch:
        """Make it of a row on record; ``way`` says why a pause was."""
        from_m, to_m = (metres(line, mm_per_line) for line in (row.first_line, row.end_line))
        reason = way.reason_of(row.first_line, row.end_line, row.reason and str(row.reason))
        return cls(row.first_line, row.end_line, from_m, to_m, reason)


@dataclass(frozen=True, slots=True)
class ReportCalibration:
    """A row holds one calibration the roll was inspected with: its number on record, kind, when and by whom it was
    made, and its residual with unit (None if its kind has none)."""

    number: int
    kind: str
    camera: str
    serial: str
    made_at: datetime
    made_by: str
    residual: float | None
    residual_unit: str

    @classmethod
    def of(cls, row: CalibrationRow) -> ReportCalibration:
        """Make it of a row on record."""
        return cls(
            number=row.id,
            kind=row.kind,
            camera=row.camera_id,
            serial=row.serial,
            made_at=row.made_at,
            made_by=row.made_by,
            residual=row.residual,
            residual_unit=row.residual_unit,
        )


def metres(lines: int, mm_per_line: float | None) -> float | None:
    """Return the length of so many lines in m, None without a scale."""
    return None if mm_per_line is None else lines * mm_per_line / 1000


def web_width_mm(roll: RollRow) -> float | None:
    """Return the mean width of a roll's web in mm, None where it or the scale is not known."""
    if roll.mm_per_px is None or roll.web_width_px is None:
        return None
    return roll.web_width_px * roll.mm_per_px
