"""This module makes the report of a roll: what was inspected, what was not and why, the defects found and the grade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.durable import write_whole
from station.contract import StationError
from station.line.judging.decision import is_too_small
from station.quality.report_differing import ReportDiffering
from station.quality.report_way import NO_WAY, RollWay, way_of
from station.quality.roll_grade import PointsExplained, grade_roll
from station.records.history import History
from station.records.reading.values import SpoiltRowError
from station.records.rows import CalibrationRow, DefectFilter, DefectRow, RollRow, StretchRow, Verdict

if TYPE_CHECKING:
    from station.quality.report_csv import CsvStyle

ALL = 1_000_000


class ReportError(StationError):
    """The report cannot be made or written; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class ReportDefect:
    """A report row holds one defect.  Lengths are in the report's unit (mm, or px without a scale); ``counts`` says
    whether it counts for the grade (a reject that nobody marked as false alarm); ``points`` are those before the cap
    per interval; ``look`` saw it best, ``score`` and ``threshold`` are that look's; ``severity`` is minor, major,
    critical, or None where nothing says so; ``picture_dropped``: it had one."""

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


@dataclass(frozen=True, slots=True)
class ReportStretch:
    """A stretch of the report has metres from the roll's start, None without a scale; ``reason`` is None if it was
    inspected, else why not."""

    first_line: int
    end_line: int
    from_m: float | None
    to_m: float | None
    reason: str | None


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


@dataclass(frozen=True, slots=True)
class Report:
    """A report holds all that is reported of a roll.  Metres, points and points per area are None without a scale.

    ``unverified`` says why lengths and sizes are not verified by a calibration, '' if they are.  ``columns`` says which
    columns of the camera were judged as cloth, '' if that is not on record.

    ``incomplete_because`` says what the records of the roll lack; nothing lacks if it is empty, else the roll is not
    graded.  ``events_lost`` of it never got on record; ``spoilt`` has a sentence for each row that could not be read.
    ``clock_shift_s`` is by how many seconds the clock was set forward (negative: back) while it was open.

    ``defects`` counts all defects on record, ``rejects`` those the recipe did not let pass, ``too_small`` those
    that passed for their size alone, ``false_alarms`` the rejects that a person marked as such; points are given for
    rejects that are not false alarms.  ``points_basis`` says which area they are of, ``points_explained`` where each
    comes from; what a person found that the station missed (with a number below 0) counts too.
    """

    roll: str
    fabric: str
    recipe_version: int
    started_at: datetime
    ended_at: datetime | None
    broken_off: bool
    events_lost: int
    clock_shift_s: float
    length_m: float | None
    inspected_m: float | None
    uninspected_m: float | None
    lines_acquired: int
    lines_inspected: int
    lines_uninspected: int
    lines_repeated: int
    web_width_mm: float | None
    columns: str
    unit: str
    unverified: str
    calibrations: tuple[ReportCalibration, ...]
    defects: int
    rejects: int
    too_small: int
    false_alarms: int
    unreviewed: int
    points: int | None
    points_per_100_m2: float | None
    grade: str
    grade_reasons: tuple[str, ...]
    grading_rule: str
    defect_list: tuple[ReportDefect, ...]
    stretches: tuple[ReportStretch, ...]
    incomplete_because: tuple[str, ...] = ()
    spoilt: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    differing: tuple[ReportDiffering, ...] = ()
    way: RollWay = NO_WAY
    points_basis: str = ""
    points_explained: tuple[PointsExplained, ...] = ()

    @property
    def incomplete(self) -> bool:
        """Say whether the records lack something of the roll."""
        return bool(self.incomplete_because)


def report(history: History, roll_name: str) -> Report:
    """Make the report of a roll.  Rows on record that are spoilt are left out and named; the roll is then incomplete.

    Raises:
        RecordsError: there is no such roll, or its row or all records cannot be read.
    """
    roll = history.roll(roll_name)
    made = report_of(history, roll, history.columns(roll.id), history.warnings(roll.id))
    lines, scale = roll.ledger.lines_acquired, roll.mm_per_line
    differing = tuple(ReportDiffering.of(told, lines, scale) for told in history.differing(roll.id))
    return replace(made, differing=differing)


def report_of(history: History, roll: RollRow, columns: str = "", warnings: Sequence[str] = ()) -> Report:
    """Make the report of a roll that was read already; as :func:`report`.  To find columns and warnings takes long."""
    spoilt: list[str] = []

    def told(error: SpoiltRowError) -> None:
        spoilt.append(str(error))

    rows = history.defects(DefectFilter(roll.id, limit=ALL), told)
    stretches = history.stretches(roll.id, told)
    calibrations = history.calibrations(roll_id=roll.id, told=told)
    way = way_of(history, roll, spoilt)
    lacks = [*([roll.incomplete] if roll.incomplete else []), *spoilt]
    graded = grade_roll(roll, rows, lacks, history.home)
    points, counted = graded.charged, graded.counted
    counting = {row.number for row in counted}
    false_alarms = sum(row.is_reject and not row.missed and row.verdict is Verdict.FALSE_ALARM for row in rows)
    scale = roll.mm_per_line
    return Report(
        roll=roll.name,
        fabric=roll.fabric,
        recipe_version=roll.recipe_version,
        started_at=roll.started_at,
        ended_at=roll.ended_at,
        broken_off=roll.broken_off,
        events_lost=roll.events_lost,
        clock_shift_s=roll.clock_shift_s,
        length_m=_metres(roll.ledger.lines_acquired, scale),
        inspected_m=_metres(roll.ledger.lines_inspected, scale),
        uninspected_m=_metres(roll.ledger.lines_uninspected, scale),
        lines_acquired=roll.ledger.lines_acquired,
        lines_inspected=roll.ledger.lines_inspected,
        lines_uninspected=roll.ledger.lines_uninspected,
        lines_repeated=roll.ledger.lines_repeated,
        web_width_mm=_width_mm(roll),
        columns=columns,
        unit="px" if scale is None else "mm",
        unverified=roll.unverified,
        calibrations=tuple(_calibration(row) for row in calibrations),
        defects=len(rows),
        rejects=sum(row.is_reject and not row.missed for row in rows),
        too_small=sum(map(is_too_small, rows)),
        false_alarms=false_alarms,
        unreviewed=sum(row.needs_review for row in counted),
        points=graded.points,
        points_per_100_m2=graded.points_per_100_m2,
        grade=str(graded.grade),
        grade_reasons=graded.reasons,
        grading_rule=graded.rule,
        defect_list=tuple(_defect(row, row.number in counting, points.get(row.number)) for row in rows),
        stretches=tuple(_stretch(row, scale, way) for row in stretches),
        incomplete_because=tuple(lacks),
        spoilt=tuple(spoilt),
        warnings=tuple(warnings),
        way=way,
        points_basis=graded.basis,
        points_explained=graded.explained,
    )


def to_dict(made: Report) -> dict[str, object]:
    """Convert the report to a dictionary for JSON; times are ISO 8601, in UTC as on record."""
    data: dict[str, Any] = {**asdict(made), **made.way.to_dict(), "incomplete": made.incomplete}
    del data["way"]
    data |= {"started_at": made.started_at.isoformat(), "ended_at": made.ended_at and made.ended_at.isoformat()}
    for name, at in (("calibrations", "made_at"), ("defect_list", "found_at")):
        for one in data[name]:
            one[at] = one[at].isoformat(timespec="seconds")
    data |= {"missed": sum(one.number < 0 for one in made.defect_list)}
    return data


def to_text(made: Report) -> str:
    """Convert the report to text for a terminal."""
    from station.quality.report_text import as_text

    return as_text(made)


def to_csv(made: Report, path: Path, style: CsvStyle | None = None) -> None:
    """Write the defects as CSV; default: with comma and point.  Raises ReportError if the file cannot be written."""
    from station.quality.report_csv import CsvStyle, as_csv

    with _written(path):
        write_whole(path, as_csv(made, style or CsvStyle()))


def to_pdf(made: Report, path: Path) -> list[str]:
    """Write the report as PDF; return a sentence for each thing it could not show.  Raises as :func:`to_csv`."""
    from station.quality.report_pdf import write_pdf  # loads the PDF library only when needed

    with _written(path):
        return write_pdf(made, path)


def to_xlsx(made: Report, path: Path) -> None:
    """Write the report as an Excel workbook.  Raises as :func:`to_csv`."""
    from station.quality.report_xlsx import write_xlsx

    with _written(path):
        write_xlsx(made, path)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn an error of the disk meanwhile into a ReportError; an old file is then as it was."""
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"The report cannot be written to {path}: {error.strerror or error}; name another file, or make room and "
            "close it where it is open."
        ) from error


def _metres(lines: int, mm_per_line: float | None) -> float | None:
    return None if mm_per_line is None else lines * mm_per_line / 1000


def _width_mm(roll: RollRow) -> float | None:
    return None if roll.mm_per_px is None or roll.web_width_px is None else roll.web_width_px * roll.mm_per_px


def _calibration(row: CalibrationRow) -> ReportCalibration:
    return ReportCalibration(
        number=row.id,
        kind=row.kind,
        camera=row.camera_id,
        serial=row.serial,
        made_at=row.made_at,
        made_by=row.made_by,
        residual=row.residual,
        residual_unit=row.residual_unit,
    )


def _stretch(row: StretchRow, mm_per_line: float | None, way: RollWay) -> ReportStretch:
    return ReportStretch(
        first_line=row.first_line,
        end_line=row.end_line,
        from_m=_metres(row.first_line, mm_per_line),
        to_m=_metres(row.end_line, mm_per_line),
        reason=way.reason_of(row.first_line, row.end_line, row.reason and str(row.reason)),
    )


def _defect(row: DefectRow, counts: bool, points: int | None) -> ReportDefect:
    return ReportDefect(
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
