"""This module writes the page of all fabrics: a row each, what is woven pooled, and whether the goals are met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest, poisson

from drivers.simulated.weaves.fabrics import EVERY
from station import demo
from station.teaching.request import FALSE_ALARM_BUDGET_PER_100_M
from station.teaching.tail import poisson_interval

if TYPE_CHECKING:
    from benchmarks.styles import Row

GOAL, MOST_FRAGMENTS = 0.95, 1.1
HEAD = (
    "fabric",
    "camera",
    "m",
    "found, ≥ 2 σ",
    "found, all",
    "false alarms per 100 m",
    "predicted",
    "fragments",
    "strays",
    "found by",
)


def page_of(rows: Sequence[Row], about: str) -> str:
    """Write the page of results; ``about`` names the command and the machine."""
    woven = [row for row in rows if EVERY[row.settings.style].is_woven]
    outside = [row for row in rows if row not in woven]
    one = rows[0].settings
    return f"""# Every style in one table

{about}

Simulated cloth 1 m wide at {demo.MM_PER_PX} mm per pixel, with drift, dust and wandering selvedges; each row taught by
a teach-in of {one.minutes:g} minutes on {one.teach_metres:g} m of good cloth (--web {one.web}), for
{FALSE_ALARM_BUDGET_PER_100_M:g} false alarm in 100 m, and judged on cloth of another seed with about
{demo.FLAWS_PER_M:g} flaws a metre of all kinds (lines of 3 to 300 mm, spots of 1 to 15 mm, 1 to 4 times the standard
deviation σ of the cloth's pixels, its pattern included).  Found, false alarm: as of the demo; in brackets 95 %
intervals (Wilson; Poisson).  Fragments: rejects on a flaw that any meets.  Strays: false alarms within 30 mm of a flaw.
An area camera sees frames of 512 lines, darker at their ends.

{_table(woven, "woven, pooled")}

## Goals

{_goals(woven)}

## Outside: not woven

The station is made for woven cloth.  A mill that knits, or makes nonwovens, sees here what it would get.

{_table(outside, "outside, pooled")}

## Repeats, as teach-in told them

{_repeats(rows)}

## Flaws of 2 σ or more that were missed

{_missed(rows)}
"""


def _table(rows: Sequence[Row], pooled: str) -> str:
    if not rows:
        return "None was run."
    lines = [" | ".join(HEAD), "|".join("---" for _ in HEAD)]
    lines += [" | ".join([row.settings.style, row.settings.camera, *_cells([row])]) for row in rows]
    lines.append(" | ".join([f"**{pooled}**", "", *_cells(rows)]))
    return "\n".join(f"| {line} |" for line in lines)


def _cells(rows: Sequence[Row]) -> list[str]:
    metres, alarms = sum(row.metres for row in rows), sum(row.false_alarms for row in rows)
    low, high = (bound * 100 / max(metres, 1e-9) for bound in poisson_interval(alarms))
    looks = Counter[str]()
    for row in rows:
        looks.update(row.looks)
    predicted = [row.predicted for row in rows if row.predicted is not None]
    return [
        f"{metres:.0f}",
        _share(sum(row.strong_found for row in rows), sum(row.strong for row in rows)),
        _share(sum(row.found for row in rows), sum(row.flaws for row in rows)),
        f"{alarms * 100 / max(metres, 1e-9):.1f} [{low:.1f}–{high:.1f}] ({alarms})",
        f"{np.mean(predicted):.1f}" if predicted else "–",
        f"{_fragments(rows):.2f}",
        str(sum(row.strays for row in rows)),
        ", ".join(f"{look} {count}" for look, count in looks.most_common()) or "–",
    ]


def _share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    low, high = _interval(part, whole)
    return f"{part / whole:.3f} [{low:.2f}–{high:.2f}] ({part}/{whole})"


def _interval(part: int, whole: int) -> tuple[float, float]:
    interval = binomtest(part, whole).proportion_ci(0.95, "wilson")
    return float(interval.low), float(interval.high)


def _fragments(rows: Sequence[Row]) -> float:
    return float(np.mean([count for row in rows for count in row.rejects_on_flaws] or [0]))


def _goals(rows: Sequence[Row]) -> str:
    if not rows:
        return "No woven cloth was run."
    found, strong = sum(row.strong_found for row in rows), sum(row.strong for row in rows)
    below = [_named(row) for row in rows if row.strong and _interval(row.strong_found, row.strong)[1] < GOAL]
    metres, alarms = sum(row.metres for row in rows), sum(row.false_alarms for row in rows)
    most = int(poisson.ppf(0.975, FALSE_ALARM_BUDGET_PER_100_M * metres / 100))

    def said(is_met: bool, what: str) -> str:
        return f"- {'met' if is_met else '**missed**'}: {what}"

    return "\n".join(
        [
            said(strong > 0 and found >= GOAL * strong, f"pooled ≥ {GOAL} at ≥ 2 σ: {found} of {strong}"),
            said(not below, f"no row's interval wholly below {GOAL}: {', '.join(below) or 'none is'}"),
            said(alarms <= most, f"pooled false alarms within the budget's 95 % bound: {alarms} of {most} at most"),
            said(_fragments(rows) <= MOST_FRAGMENTS, f"≤ {MOST_FRAGMENTS} fragments: {_fragments(rows):.2f}"),
        ]
    )


def _named(row: Row) -> str:
    return f"{row.settings.style} ({row.settings.camera})"


def _repeats(rows: Sequence[Row]) -> str:
    return "\n".join(f"- {_named(row)}: {row.repeat}" for row in rows)


def _missed(rows: Sequence[Row]) -> str:
    def lines() -> Iterator[str]:
        for row in rows:
            if row.missed:
                yield f"- {_named(row)}: {'; '.join(row.missed)}"

    return "\n".join(lines()) or "None."
