"""This module works out what is drawn of a roll, its map and the trace of its width, in parts of the drawing's size.

Both run from left (start) to right, over the same length.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from station.quality.report import Report
    from station.quality.reporting.width import ReportWidthPart

MAP_STEPS = 2000
"""The map is as many steps wide; what lies on one step is drawn once."""
MOST_DOTS = 4000
THINNEST = 1 / 300
TRACE_STEPS = 300
"""The trace has at most so many columns; a column shows the least and the greatest width of all its metres."""


def roll_lines(made: Report) -> int:
    """Return how many lines the map spans, at least 1."""
    parts = () if made.width is None else made.width.parts
    ends = [*(one.end_line for one in made.stretches), *(one.end_line for one in parts)]
    return max(made.lines_acquired, *ends, 1)


def _roll_m(made: Report) -> float:
    """Return how many metres the map spans; of an open roll more may have been judged than is settled."""
    parts = () if made.width is None else made.width.parts
    return max([made.length_m or 0.0, *(part.to_m or 0.0 for part in parts)])


def roll_map(made: Report) -> dict[str, object]:
    """Return the map: rejects that count as dots where they lie along and across, cloth not inspected as boxes, cloth
    that differs as a bar below."""
    total = roll_lines(made)
    unseen = [one for one in made.stretches if one.reason is not None]
    boxes = {_span(one.first_line / total, one.end_line / total) for one in unseen}
    return {
        "unseen": sorted(boxes),
        "differing": sorted({_span(one.first_line / total, one.end_line / total) for one in made.differing}),
        "dots": _dots(made, total),
        "end": f"{total} lines" if made.length_m is None else f"{_roll_m(made):.2f} m",
        "legend": "dots: rejects that count, larger with more points; struck: not inspected"
        + ("; bar below: differs from what was taught" if made.differing else ""),
    }


def _dots(made: Report, total: int) -> list[tuple[float, float, int]]:
    """Return place along, place across and points of what is drawn, the worst of what lies at one place."""
    counted = [one for one in made.defect_list if one.counts]
    length = _roll_m(made) * 1000 if made.unit == "mm" else float(total)
    wide = max([made.web_width_mm or 0.0, *(one.across + one.width / 2 for one in counted)], default=0.0)
    if length <= 0 or wide <= 0:
        return []
    worst: dict[tuple[float, float], int] = {}
    for one in sorted(counted, key=lambda one: one.rank)[:MOST_DOTS]:
        worst.setdefault((_step(one.position / length), round(_part(one.across / wide), 2)), one.points or 1)
    return sorted((along, across, points) for (along, across), points in worst.items())


def _span(first: float, end: float) -> tuple[float, float]:
    """Return where a box begins and how wide it is; one too thin to be seen is drawn wider."""
    wide = max(THINNEST, _step(end) - _step(first))
    return min(_step(first), 1 - wide), wide


def _part(part: float) -> float:
    return min(1.0, max(0.0, part))


def _step(part: float) -> float:
    return round(_part(part) * MAP_STEPS) / MAP_STEPS


def width_trace(made: Report) -> dict[str, object] | None:
    """Return the trace of the width: for each column where it lies, and mean, least and greatest width as parts of the
    height (0 below); None where no width is known.  ``runs`` are columns without a gap between them."""
    width = made.width
    if width is None or width.mean is None or width.least is None or width.most is None:
        return None
    bounds = []
    if width.nominal_mm is not None and width.tolerance_mm is not None and width.unit == "mm":
        bounds = [width.nominal_mm - width.tolerance_mm, width.nominal_mm + width.tolerance_mm]
    low, high = min([width.least, *bounds]), max([width.most, *bounds])
    pad = max(0.08 * (high - low), 0.005 * high, 1.0)
    low, high = low - pad, high + pad
    total = roll_lines(made)

    def height(value: float) -> float:
        return round((value - low) / (high - low), 4)

    columns = [
        (at, height(mean), height(least), height(most), metre) for at, mean, least, most, metre in _columns(made, total)
    ]
    least_at = next(one.first_line for one in width.parts if one.least == width.least)
    return {
        "runs": _runs(columns),
        "bounds": [height(bound) for bound in bounds],
        "least": (_part(least_at / total), height(width.least)),
        "low": f"{low:.0f}",
        "high": f"{high:.0f} {width.unit}",
        "legend": "width from border to border: line mean, band least to greatest"
        + (", dashed: tolerance" if bounds else "")
        + ", mark: least",
    }


def _columns(made: Report, total: int) -> list[tuple[float, float, float, float, int]]:
    """Return place (0 to 1), mean, least, greatest width and number of what is drawn as one column."""
    assert made.width is not None
    gathered: dict[int, list[ReportWidthPart]] = defaultdict(list)
    every = -(-len(made.width.parts) // TRACE_STEPS)
    for part in made.width.parts:
        if part.mean is not None:
            gathered[part.part // every].append(part)
    return [
        (
            _part((parts[0].first_line + parts[-1].end_line) / 2 / total),
            sum(one.mean or 0.0 for one in parts) / len(parts),
            min(one.least or 0.0 for one in parts),
            max(one.most or 0.0 for one in parts),
            number,
        )
        for number, parts in sorted(gathered.items())
    ]


def _runs(
    columns: list[tuple[float, float, float, float, int]],
) -> list[list[tuple[float, float, float, float]]]:
    """Return the columns in runs without a gap, so that no line is drawn over cloth whose width is not known."""
    runs: list[list[tuple[float, float, float, float]]] = []
    before = None
    for at, mean, least, most, number in columns:
        if before is None or number != before + 1:
            runs.append([])
        runs[-1].append((at, mean, least, most))
        before = number
    return runs
