"""The width along a roll as it is reported."""

from __future__ import annotations

import pytest

from station.contract import Ledger
from station.quality.reporting.width import report_width, tolerance_words, width_words
from station.records.rows import RollRow
from station.records.schema import now
from station.records.traces.width import WidthRow

METRES = (
    WidthRow(0, 0, 2000, 2000, 2000, 1600.0, 1590, 400, 1604, 900),
    WidthRow(1, 2000, 4000, 2000, 1000, 1580.0, 1500, 3100, 1600, 2000),
    WidthRow(2, 4000, 6000, 2000, 2000, 1602.0, 1598, 4200, 1660, 5100),
)
UNMEASURED = (WidthRow(0, 0, 2000, 2000, 0), WidthRow(1, 2000, 3000, 1000, 0))


def roll(mm_per_px: float | None = 0.5, nominal: float | None = 800.0, tolerance: float | None = 10.0) -> RollRow:
    return RollRow(
        id=1,
        name="R1",
        fabric="linen",
        recipe_version=1,
        threshold=2.0,
        mm_per_px=mm_per_px,
        started_at=now(),
        ended_at=None,
        ledger=Ledger(),
        defects=0,
        rejects=0,
        confirmed=0,
        false_alarms=0,
        web_width_px=1600,
        mm_per_line=mm_per_px,
        nominal_width_mm=nominal,
        width_tolerance_mm=tolerance,
    )


def test_the_narrowest_place_is_told_with_its_metre_and_metres_out_of_tolerance_are_counted() -> None:
    made = report_width(roll(), METRES)
    assert (made.unit, made.least, made.least_at, made.most, made.most_at) == ("mm", 750.0, 1.55, 830.0, 2.55)
    assert made.mean == pytest.approx(0.5 * (1600 * 2 + 1580 + 1602 * 2) / 5)
    assert (made.narrow, made.wide, made.not_judged) == (1, 1, "")
    assert [part.out for part in made.parts] == ["", "too narrow", "too wide"]
    assert "least 750 mm at 1.55 m, greatest 830 mm at 2.55 m" in width_words(made)
    assert "on 17% of the cloth judged" in width_words(made), "one metre was measured by half"
    assert tolerance_words(made) == "800 ± 10 mm: 1 of 3 metres measured too narrow somewhere, 1 too wide"


def test_a_roll_within_tolerance_says_so() -> None:
    assert tolerance_words(report_width(roll(tolerance=60.0), METRES)) == (
        "800 ± 60 mm: all of 3 metres measured within it"
    )


@pytest.mark.parametrize(
    ("nominal", "tolerance", "scale", "why"),
    [
        (None, 10.0, 0.5, "no nominal width"),
        (800.0, None, 0.5, "no tolerance"),
        (800.0, 10.0, None, "without a scale"),
    ],
)
def test_what_nobody_asked_for_is_not_judged_and_why(
    nominal: float | None, tolerance: float | None, scale: float | None, why: str
) -> None:
    made = report_width(roll(scale, nominal, tolerance), METRES)
    assert (made.narrow, made.wide) == (None, None)
    assert why in tolerance_words(made)
    assert not any(part.out for part in made.parts)


def test_without_a_scale_widths_are_px_and_places_lines() -> None:
    made = report_width(roll(None), METRES)
    assert (made.unit, made.least, made.least_at) == ("px", 1500, 3100)
    assert "least 1500 px at line 3100" in width_words(made)


def test_the_cameras_width_is_said_to_be_none_of_the_cloth() -> None:
    made = report_width(roll(), UNMEASURED)
    assert (made.mean, made.least, made.narrow, made.measured_parts) == (None, None, None, 0)
    assert "the camera's width is no width of cloth" in width_words(made)
    assert tolerance_words(made) == "not judged: the width is not known"


def test_a_roll_of_old_has_no_trace_and_says_so() -> None:
    assert width_words(report_width(roll(), ())) == "not known: its trace is not on record"
