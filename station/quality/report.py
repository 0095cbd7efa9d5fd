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
from station.quality.reporting.rows import ReportCalibration, ReportDefect, ReportStretch, metres, web_width_mm
from station.quality.reporting.signing import ReportSignature, hold_up, signing_words
from station.quality.reporting.width import ReportWidth, report_width
from station.quality.roll_grade import PointsExplained, grade_roll
from station.records.history import History
from station.records.reading.values import SpoiltRowError
from station.records.rows import DefectFilter, RollRow, Verdict

if TYPE_CHECKING:
    from station.quality.report_csv import CsvStyle
    from station.records.store import Store

ALL = 1_000_000


class ReportError(StationError):
    """The report cannot be made or written; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report holds all that is reported of a roll.  Metres, points and points per area are None without a scale.

    ``unverified`` says why lengths and sizes are not verified by a calibration, '' if they are.  ``columns`` says which
    columns of the camera were judged as cloth, '' if that is not on record.

    ``incomplete_because`` says what the records of the roll lack; nothing lacks if it is empty, else the roll is not
    graded.  ``events_lost`` of it never got on record; ``spoilt`` has a sentence for each row that could not be read.
    ``clock_shift_s`` is by how many seconds the clock was set forward (negative: back) while it was open.

    ``defects`` counts all that the station found, ``rejects`` those the recipe did not let pass, ``too_small`` those
    that passed for their size alone, ``false_alarms`` the rejects that a person marked as such; points are given for
    rejects that are not false alarms.  ``points_basis`` says which area they are of, ``points_explained`` where each
    comes from; what a person found that the station missed counts too, but in no number of what was found.
    ``to_review`` are the critical findings without which it is not to be signed.
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
    width: ReportWidth | None = None
    to_review: tuple[int, ...] = ()
    signatures: tuple[ReportSignature, ...] = ()

    @property
    def says(self) -> str:
        """Give in a line what a signature of the report is for."""
        inspected = f"{self.lines_inspected} lines" if self.inspected_m is None else f"{self.inspected_m:.2f} m"
        return (
            f"{self.grade}, {'no' if self.points is None else self.points} points (rule {self.grading_rule}), "
            f"{self.rejects} rejects, {self.false_alarms} false alarms, {inspected} inspected"
        )

    @property
    def missed(self) -> int:
        """Give how many defects the station missed that people put on record, beside those it found."""
        return sum(one.missed for one in self.defect_list)

    @property
    def incomplete(self) -> bool:
        """Say whether the records lack something of the roll."""
        return bool(self.incomplete_because)

    @property
    def may_be_signed(self) -> bool:
        """Say whether no critical finding waits for its review."""
        return not self.to_review


def report(history: History, roll_name: str) -> Report:
    """Make the report of a roll.  Rows on record that are spoilt are left out and named; the roll is then incomplete.

    Raises:
        RecordsError: there is no such roll, or its row or all records cannot be read.
    """
    roll = history.roll(roll_name)
    made = report_of(history, roll, history.columns(roll.id), history.warnings(roll.id), with_width=True)
    lines, scale = roll.ledger.lines_acquired, roll.mm_per_line
    differing = tuple(ReportDiffering.of(told, lines, scale) for told in history.differing(roll.id))
    signatures = tuple(ReportSignature.of(row, made.says) for row in history.signatures(roll.id))
    return replace(made, differing=differing, signatures=signatures)


def sign(store: Store, history: History, roll_name: str, by: str) -> Report:
    """Sign a roll's report: who did, and what it says, goes on record.  Returns the report with the signature.

    Raises:
        ReportError: the roll is open, rows of it are spoilt, or a critical finding is unreviewed.
        RecordsError: there is no such roll, or the records refuse.
        StationError: people have to sign in, and nobody has, or who has may not sign.
    """
    made = report(history, roll_name)
    why = signing_words(made.to_review)
    if made.ended_at is None:
        why = f"Roll {made.roll} is still open; end it before its report is signed."
    elif made.spoilt:
        why = f"The report of roll {made.roll} cannot be signed: {made.spoilt[0]}"
    if why:
        raise ReportError(why)
    store.sign(history.roll(roll_name).id, made.says, by)
    return report(history, roll_name)


def report_of(
    history: History, roll: RollRow, columns: str = "", warnings: Sequence[str] = (), *, with_width: bool = False
) -> Report:
    """Make the report of a roll that was read already; as :func:`report`.  To find columns, warnings and the width
    along the roll takes long."""
    spoilt: list[str] = []

    def told(error: SpoiltRowError) -> None:
        spoilt.append(str(error))

    rows = history.defects(DefectFilter(roll.id, limit=ALL), told)
    stretches = history.stretches(roll.id, told)
    width = report_width(roll, history.width(roll.id, told)) if with_width else None
    calibrations = history.calibrations(roll_id=roll.id, told=told)
    way = way_of(history, roll, spoilt)
    lacks = [*([roll.incomplete] if roll.incomplete else []), *spoilt]
    graded = grade_roll(roll, rows, lacks, history.home)
    points, counted = graded.charged, graded.counted
    counting = {row.number for row in counted}
    false_alarms = sum(row.is_reject and not row.missed and row.verdict is Verdict.FALSE_ALARM for row in rows)
    scale = roll.mm_per_line
    found = tuple(ReportDefect.of(row, row.number in counting, points.get(row.number)) for row in rows)
    return Report(
        roll=roll.name,
        fabric=roll.fabric,
        recipe_version=roll.recipe_version,
        started_at=roll.started_at,
        ended_at=roll.ended_at,
        broken_off=roll.broken_off,
        events_lost=roll.events_lost,
        clock_shift_s=roll.clock_shift_s,
        length_m=metres(roll.ledger.lines_acquired, scale),
        inspected_m=metres(roll.ledger.lines_inspected, scale),
        uninspected_m=metres(roll.ledger.lines_uninspected, scale),
        lines_acquired=roll.ledger.lines_acquired,
        lines_inspected=roll.ledger.lines_inspected,
        lines_uninspected=roll.ledger.lines_uninspected,
        lines_repeated=roll.ledger.lines_repeated,
        web_width_mm=web_width_mm(roll),
        columns=columns,
        unit="px" if scale is None else "mm",
        unverified=roll.unverified,
        calibrations=tuple(ReportCalibration.of(row) for row in calibrations),
        defects=sum(not row.missed for row in rows),
        rejects=sum(row.is_reject and not row.missed for row in rows),
        too_small=sum(map(is_too_small, rows)),
        false_alarms=false_alarms,
        unreviewed=sum(row.needs_review for row in counted),
        points=graded.points,
        points_per_100_m2=graded.points_per_100_m2,
        grade=str(graded.grade),
        grade_reasons=graded.reasons,
        grading_rule=graded.rule,
        defect_list=found,
        stretches=tuple(ReportStretch.of(row, scale, way) for row in stretches),
        incomplete_because=tuple(lacks),
        spoilt=tuple(spoilt),
        warnings=tuple(warnings),
        way=way,
        points_basis=graded.basis,
        points_explained=graded.explained,
        width=width,
        to_review=hold_up(found, graded.cap),
    )


def to_dict(made: Report) -> dict[str, object]:
    """Convert the report to a dictionary for JSON; times are ISO 8601, in UTC as on record."""
    data: dict[str, Any] = {**asdict(made), **made.way.to_dict()}
    del data["way"]
    data |= {"incomplete": made.incomplete, "may_be_signed": made.may_be_signed}
    data |= {"missed": made.missed}
    data |= {"started_at": made.started_at.isoformat(), "ended_at": made.ended_at and made.ended_at.isoformat()}
    for name, at in (("calibrations", "made_at"), ("signatures", "at"), ("defect_list", "found_at")):
        for one in data[name]:
            one[at] = one[at].isoformat(timespec="seconds")
    return data


def to_text(made: Report) -> str:
    """Convert the report to text for a terminal."""
    from station.quality.report_text import as_text

    return as_text(made)


def to_csv(made: Report, path: Path, style: CsvStyle | None = None) -> None:
    """Write the defects as CSV; default: with comma and point.  Raises ReportError if the file cannot be written."""
    from station.quality.report_csv import CsvStyle, as_csv

    with written(path):
        write_whole(path, as_csv(made, style or CsvStyle()))


def to_pdf(made: Report, path: Path) -> list[str]:
    """Write the report as PDF; return a sentence for each thing it could not show.  Raises as :func:`to_csv`."""
    from station.quality.report_pdf import write_pdf  # loads the PDF library only when needed

    with written(path):
        return write_pdf(made, path)


def to_xlsx(made: Report, path: Path) -> None:
    """Write the report as an Excel workbook.  Raises as :func:`to_csv`."""
    from station.quality.report_xlsx import write_xlsx

    with written(path):
        write_xlsx(made, path)


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Turn an error of the disk meanwhile into a ReportError; an old file is then as it was."""
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"The report cannot be written to {path}: {error.strerror or error}; name another file, or make room and "
            "close it where it is open."
        ) from error
