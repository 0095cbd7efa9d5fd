"""Shifts and months by the local clock: over midnight, over a change of the clock, without gap or overlap."""

from __future__ import annotations

import time as system_time
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from station.contract import StationError
from station.quality.summaries.periods import Period, ShiftSettings, month_of, period_words, shift_at, shifts_of

pytestmark = pytest.mark.skipif(not hasattr(system_time, "tzset"), reason="the zone cannot be set for a process here")

HOUR = timedelta(hours=1)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
USUAL = ShiftSettings()


@pytest.fixture(autouse=True, scope="module")
def _in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        system_time.tzset()
        yield
    system_time.tzset()


def lengths(day: date, *begins: time) -> list[float]:
    shifts = shifts_of(day, ShiftSettings(begins=begins) if begins else USUAL)
    return [(one.until - one.since) / HOUR for one in shifts]


def test_a_night_shift_goes_over_midnight() -> None:
    night = shift_at(datetime(2026, 11, 30, 23, 30, tzinfo=UTC), USUAL)
    assert night == Period(
        "2026-11-30 22:00 to 06:00",
        datetime(2026, 11, 30, 21, tzinfo=UTC),
        datetime(2026, 12, 1, 5, tzinfo=UTC),
    )
    assert period_words(night) == "2026-11-30 22:00 to 2026-12-01 06:00 local time"


@pytest.mark.parametrize(("day", "night"), [((2026, 3, 28), 7), ((2026, 10, 24), 9), ((2026, 10, 25), 8)])
def test_the_shift_in_which_the_clock_is_changed_is_an_hour_shorter_or_longer(
    day: tuple[int, int, int], night: int
) -> None:
    assert lengths(date(*day)) == [8, 8, night]


def test_shifts_that_begin_at_an_hour_that_is_skipped_or_comes_twice_still_follow_each_other() -> None:
    assert lengths(date(2026, 3, 29), time(0), time(2, 30), time(3), time(12)) == [2, 0, 9, 12]
    assert lengths(date(2026, 10, 25), time(0), time(2, 30), time(3), time(12)) == [2.5, 1.5, 9, 12]


@settings(max_examples=100, deadline=None)
@given(
    day=DAYS,
    begins=st.sets(st.times().map(lambda at: at.replace(second=0, microsecond=0)), min_size=1, max_size=6),
    hours=st.floats(0, 48),
)
def test_every_moment_is_in_one_shift(day: date, begins: set[time], hours: float) -> None:
    chosen = ShiftSettings(begins=tuple(begins))
    shifts = [one for n in range(3) for one in shifts_of(day + timedelta(days=n), chosen)]
    assert all(one.until == other.since and one.since <= one.until for one, other in pairwise(shifts))
    moment = shifts[0].since + timedelta(hours=min(hours, 47))
    assert [one for one in shifts if one.holds(moment)] == [shift_at(moment, chosen)]


@pytest.mark.parametrize("year", [2026, 2027])
@pytest.mark.parametrize("month", range(1, 13))
def test_the_shifts_that_begin_in_a_month_are_the_month(year: int, month: int) -> None:
    made = month_of(year, month, USUAL)
    day, shifts = date(year, month, 1), []
    while day.month == month:
        shifts += shifts_of(day, USUAL)
        day += timedelta(days=1)
    assert (shifts[0].since, shifts[-1].until) == (made.since, made.until)
    assert made.name == f"{year}-{month:02d}"


def test_what_cannot_be_is_told_in_a_sentence() -> None:
    for year, month in ((2026, 13), (2026, 0), (0, 1), (9999, 12)):
        with pytest.raises(StationError, match=r"There is no month .* give one such as 2026-11\."):
            month_of(year, month, USUAL)
    with pytest.raises(StationError, match="end of the calendar"):
        shifts_of(date.max, USUAL)
    for begins in ((), ("06:00", "06:00"), ("25:00",), ("06:00Z",)):
        with pytest.raises(ValidationError):
            ShiftSettings(begins=begins)
    assert ShiftSettings(begins=("22:00", "06:00")).begins == (time(6), time(22))
