"""This module writes the report as text: the summary as label and value (for terminal and PDF), and the terminal's
layout."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from station.local_time import dated, day
from station.quality.reporting.signing import signing_words
from station.quality.reporting.width import tolerance_words, width_words
from station.records.rolls import clock_text
from station.records.rows import number_words
from station.state.defect import DefectSeverity
from station.state.defect_kind import kind_words

if TYPE_CHECKING:
    from station.quality.report import Report
    from station.quality.report_differing import ReportDiffering
    from station.quality.reporting.rows import ReportCalibration, ReportDefect, ReportStretch

LISTED = 200
SIGNING = "Signing"
DIFFERING = "Cloth that differs from what was taught"


def summary(made: Report) -> list[tuple[str, str]]:
    """Return label and value of everything the report says about the roll as a whole."""
    ended = dated(made.ended_at) if made.ended_at else "still open"
    if made.broken_off:
        why = f": {made.way.ended_why}" if made.way.ended_why else ""
        ended += f" (broken off before its end{why}; the figures are what is on record)"
    if made.clock_shift_s:
        ended += f" ({clock_text(made.clock_shift_s)} meanwhile)"
    return [
        ("Fabric", f"{made.fabric}, recipe version {made.recipe_version}"),
        *made.way.facts(),
        ("Started", f"{dated(made.started_at)} (local time and its distance from UTC)"),
        ("Ended", ended),
        ("Length", _length(made.length_m, made.lines_acquired)),
        ("Inspected", _length(made.inspected_m, made.lines_inspected)),
        ("Not inspected", _length(made.uninspected_m, made.lines_uninspected)),
        *([("Record", f"INCOMPLETE: {made.incomplete_because[0]}")] if made.incomplete else []),
        *_width(made),
        ("Columns", f"{made.columns} inspected" if made.columns else "not on record"),
        ("Calibration", _calibrations(made)),
        ("Sizes", f"unverified: {made.unverified}" if made.unverified else "verified by the scale calibration"),
        ("Defects", f"{made.defects} on record, {made.rejects} rejects, {made.too_small} passed for their size alone"),
        *([("Missed", f"{made.missed} beside these by the station, put on record by hand (M)")] if made.missed else []),
        ("Review", f"{made.false_alarms} rejects marked as false alarms, {made.unreviewed} not reviewed"),
        *([("Severity", severities)] if (severities := _severities(made)) else []),
        ("Points", _points(made)),
        ("Grade", _grade(made)),
        *(("Signed", str(one)) for one in made.signatures),
        (SIGNING, signing_words(made.to_review) or "no critical finding is left unreviewed"),
    ]


def _severities(made: Report) -> str:
    """Count the defects that count by how grave they are, the gravest first; '' where nothing says so."""
    graves = Counter(defect.severity for defect in made.defect_list if defect.counts)
    return ", ".join(f"{graves[one]} {one}" for one in reversed(DefectSeverity) if graves[one])


def _width(made: Report) -> list[tuple[str, str]]:
    """Say how wide the web was, along the roll where that was read, and what the recipe asks."""
    if made.width is None:
        return [
            ("Web width", "unknown" if made.web_width_mm is None else f"{made.web_width_mm:.0f} mm, mean inspected")
        ]
    return [("Web width", width_words(made.width)), ("Width asked", tolerance_words(made.width))]


def _calibrations(made: Report) -> str:
    """List the calibrations used, and which of the two that every camera needs are missing."""
    kinds = {used.kind for used in made.calibrations}
    lacking = [f"no {kind}" for kind in ("scale", "shading") if kind not in kinds]
    return "; ".join([*map(_calibration, made.calibrations), *lacking])


def _calibration(used: ReportCalibration) -> str:
    left = "" if used.residual is None else f", residual {used.residual:.3g} {used.residual_unit}"
    return f"{used.kind} no. {used.number} of {day(used.made_at)} by {used.made_by}{left}"


def stretch_words(made: Report, stretch: ReportStretch) -> str:
    """Say where the stretch lies and why it was not inspected."""
    return f"{_place(stretch)}  {stretch.reason or 'inspected'}" + ("" if made.unit == "mm" else "  (no scale)")


def differing_words(one: ReportDiffering) -> str:
    """Say where cloth differed as a whole, over how much of the width, and why that may be."""
    return f"{_place(one)}  over {one.share_of_width:.0%} of the width: {one.cause}"


def _place(stretch: ReportStretch | ReportDiffering) -> str:
    if stretch.from_m is None or stretch.to_m is None:
        return f"lines {stretch.first_line} to {stretch.end_line}"
    return f"{stretch.from_m:.3f} to {stretch.to_m:.3f} m"


def defect_cells(made: Report, defect: ReportDefect) -> tuple[str, ...]:
    """Return the cells of the defect's row: number, place, across, length, width, kind, severity, score, points,
    verdict."""
    place = f"{defect.position / 1000:.3f} m" if made.unit == "mm" else f"{defect.position:.0f} px"
    return (
        number_words(defect.number),
        place,
        f"{defect.across:.0f} {made.unit}",
        f"{defect.length:.1f} {made.unit}",
        f"{defect.width:.1f} {made.unit}",
        kind_words(defect.kind, defect.parts, defect.look),
        defect.severity or "",
        "" if defect.missed else f"{defect.score:.3g}",
        "" if defect.points is None else str(defect.points),
        defect.verdict or ("" if defect.is_reject else "passed"),
    )


HEADINGS = ("no", "at", "across", "length", "width", "kind", "severity", "score", "points", "verdict")


def as_text(made: Report) -> str:
    """Return the whole report for a terminal."""
    lines = [f"Roll {made.roll}", ""]
    lines += [f"{label:14} {value}" for label, value in summary(made)]
    unseen = [stretch for stretch in made.stretches if stretch.reason is not None]
    if unseen:
        lines += ["", "Cloth nobody inspected"]
        lines += [f"  {stretch_words(made, stretch)}" for stretch in unseen[:LISTED]]
        lines += _more(len(unseen))
    if way := made.way.lines():
        lines += ["", "Pauses and splices", *(f"  {text}" for text in way[:LISTED]), *_more(len(way))]
    if made.differing:
        lines += ["", DIFFERING, *(f"  {differing_words(one)}" for one in made.differing[:LISTED])]
        lines += _more(len(made.differing))
    if made.warnings:
        lines += ["", "Told during the roll", *(f"  {text}" for text in made.warnings[:LISTED])]
        lines += _more(len(made.warnings))
    if made.incomplete_because:
        lines += ["", "Not in this report", *(f"  {why}" for why in made.incomplete_because[:LISTED])]
        lines += _more(len(made.incomplete_because))
    if made.points_explained:
        lines += ["", "Points", *(f"  {one.text}" for one in made.points_explained[:LISTED])]
        lines += _more(len(made.points_explained))
    if made.defect_list:
        lines += ["", "Defects", *_table([HEADINGS, *(defect_cells(made, d) for d in made.defect_list[:LISTED])])]
        lines += _more(len(made.defect_list))
    return "\n".join(lines)


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _more(count: int) -> list[str]:
    return [f"  … and {count - LISTED} more; --csv and --json list all"] if count > LISTED else []


def _length(metres: float | None, lines: int) -> str:
    return f"{lines} lines (no scale, so no metres)" if metres is None else f"{metres:.2f} m ({lines} lines)"


def _points(made: Report) -> str:
    if made.points is None:
        return "none: points need a scale (mm per pixel) in the recipe, and a grading rule"
    if made.points_per_100_m2 is None:
        return f"{made.points} (rule {made.grading_rule}; per area unknown)"
    return f"{made.points} (rule {made.grading_rule}), {made.points_per_100_m2:.1f} per 100 m² of {made.points_basis}"


def _grade(made: Report) -> str:
    because = f": {'; '.join(made.grade_reasons)}" if made.grade_reasons else ""
    unseen = f"; says nothing of the {_length(made.uninspected_m, made.lines_uninspected)} not inspected"
    return f"{made.grade}{because}{unseen if made.lines_uninspected else ''}"
