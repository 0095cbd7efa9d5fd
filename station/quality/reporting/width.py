"""This module reports the width of the cloth along a roll: its mean, its narrowest and widest place, and the metres out
of the recipe's tolerance.

The width is that of the cloth from border to border, selvedges included, as near as the line tells it: a bin of 8 px
(:mod:`station.line.scoring.web`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from station.quality.reporting.rows import metres
from station.records.rows import RollRow
from station.records.traces.width import WidthRow


@dataclass(frozen=True, slots=True)
class ReportWidthPart:
    """A part is one metre of the roll, 2,048 lines without a scale.

    Widths are in the report's unit (mm, or px without a scale), None where the width is not known.  Places are metres
    from the roll's start, lines without a scale.  ``measured`` is the share of the part's judged lines on which it is
    known; ``out`` says that it is out of tolerance somewhere, '' where it is not or where there is none.
    """

    part: int
    from_m: float | None
    to_m: float | None
    first_line: int
    end_line: int
    mean: float | None
    least: float | None
    least_at: float | None
    most: float | None
    most_at: float | None
    measured: float
    out: str


@dataclass(frozen=True, slots=True)
class ReportWidth:
    """The width of a roll has one part a metre, and what these say together.

    ``mean``, ``least``, ``most`` are in ``unit``; ``least_at`` and ``most_at`` are metres, lines without a scale.
    ``narrow`` and ``wide`` count the metres that are out of tolerance, None where the width is not judged, for the
    reason ``not_judged``.  ``not_measured`` says why the width is not known on all the cloth judged, '' if it is.
    """

    unit: str
    mean: float | None
    least: float | None
    least_at: float | None
    most: float | None
    most_at: float | None
    measured_parts: int
    nominal_mm: float | None
    tolerance_mm: float | None
    narrow: int | None
    wide: int | None
    not_judged: str
    not_measured: str
    parts: tuple[ReportWidthPart, ...]


def report_width(roll: RollRow, rows: Sequence[WidthRow]) -> ReportWidth:
    """Report the widths on record of a roll."""
    scale = roll.mm_per_px if roll.mm_per_line is not None else None
    nominal, tolerance = roll.nominal_width_mm, roll.width_tolerance_mm
    not_judged = _not_judged(scale, nominal, tolerance, any(row.measured_lines for row in rows))
    bounds = None
    if not not_judged and nominal is not None and tolerance is not None:
        bounds = (nominal - tolerance, nominal + tolerance)
    parts = tuple(_part(row, scale or 1.0, roll.mm_per_line, bounds) for row in rows)
    known = [(row, part) for row, part in zip(rows, parts, strict=True) if part.mean is not None]
    lines = sum(row.measured_lines for row, _ in known)
    narrowest = min((part for _, part in known), key=lambda part: part.least or 0.0, default=None)
    widest = max((part for _, part in known), key=lambda part: part.most or 0.0, default=None)
    return ReportWidth(
        unit="px" if scale is None else "mm",
        mean=sum((part.mean or 0.0) * row.measured_lines for row, part in known) / lines if lines else None,
        least=None if narrowest is None else narrowest.least,
        least_at=None if narrowest is None else narrowest.least_at,
        most=None if widest is None else widest.most,
        most_at=None if widest is None else widest.most_at,
        measured_parts=len(known),
        nominal_mm=nominal,
        tolerance_mm=tolerance,
        narrow=None if bounds is None else sum("narrow" in part.out for part in parts),
        wide=None if bounds is None else sum("wide" in part.out for part in parts),
        not_judged=not_judged,
        not_measured=_not_measured(rows, roll),
        parts=parts,
    )


def width_words(width: ReportWidth) -> str:
    """Say the width in one line for people."""
    if width.mean is None:
        return f"not known: {width.not_measured}"
    said = (
        f"{width.mean:.0f} {width.unit} from border to border, mean; least {width.least:.0f} {width.unit} at "
        f"{_place(width.least_at, width.unit)}, greatest {width.most:.0f} {width.unit} at "
        f"{_place(width.most_at, width.unit)}"
    )
    return f"{said}; {width.not_measured}" if width.not_measured else said


def tolerance_words(width: ReportWidth) -> str:
    """Say how the width stands to the tolerance, or why nothing is said of it."""
    if width.narrow is None or width.nominal_mm is None:
        return f"not judged: {width.not_judged}"
    asked = f"{width.nominal_mm:g} ± {width.tolerance_mm:g} mm"
    of = f"of {width.measured_parts} metres measured"
    if not width.narrow and not width.wide:
        return f"{asked}: all {of} within it"
    return f"{asked}: {width.narrow} {of} too narrow somewhere, {width.wide} too wide"


def _not_judged(scale: float | None, nominal: float | None, tolerance: float | None, is_known: bool) -> str:
    if nominal is None:
        return "the recipe names no nominal width"
    if tolerance is None:
        return "the recipe names no tolerance of the width"
    if scale is None:
        return "without a scale (mm per pixel) there are no millimetres"
    return "" if is_known else "the width is not known"


def _not_measured(rows: Sequence[WidthRow], roll: RollRow) -> str:
    judged, measured = sum(row.judged_lines for row in rows), sum(row.measured_lines for row in rows)
    if not rows:
        return "its trace is not on record" if roll.web_width_px else "no cloth was judged"
    if measured == judged:
        return ""
    on = "" if not measured else f" on {1 - measured / judged:.0%} of the cloth judged"
    return (
        f"the camera's width is no width of cloth: its borders were not looked for, or not both seen in the picture{on}"
    )


def _part(
    row: WidthRow, mm_per_px: float, mm_per_line: float | None, bounds: tuple[float, float] | None
) -> ReportWidthPart:
    least, most = (None if px is None else px * mm_per_px for px in (row.least_px, row.most_px))
    out = ""
    if bounds is not None and least is not None and most is not None:
        out = " and ".join(["too narrow"] * (least < bounds[0]) + ["too wide"] * (most > bounds[1]))
    return ReportWidthPart(
        part=row.part,
        from_m=metres(row.first_line, mm_per_line),
        to_m=metres(row.end_line, mm_per_line),
        first_line=row.first_line,
        end_line=row.end_line,
        mean=None if row.mean_px is None else row.mean_px * mm_per_px,
        least=least,
        least_at=_at(row.least_line, mm_per_line),
        most=most,
        most_at=_at(row.most_line, mm_per_line),
        measured=row.measured_lines / row.judged_lines if row.judged_lines else 0.0,
        out=out,
    )


def _at(line: int | None, mm_per_line: float | None) -> float | None:
    return line if line is None or mm_per_line is None else metres(line, mm_per_line)


def _place(at: float | None, unit: str) -> str:
    return f"line {at:.0f}" if unit == "px" else f"{at:.2f} m"
