"""Times for people: local, with their distance from UTC where they leave the window."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from station.local_time import clock, dated, day, zone

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set for a process here")


@pytest.fixture
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_berlin")
def test_each_time_has_the_distance_that_was_in_force_then() -> None:
    summer, winter = datetime(2026, 7, 1, 22, 30, 5, tzinfo=UTC), datetime(2026, 12, 1, 22, 30, 5, tzinfo=UTC)
    assert dated(summer) == "2026-07-02 00:30:05 +02:00"
    assert dated(winter) == "2026-12-01 23:30:05 +01:00"
    assert (zone(summer), zone(winter)) == ("UTC+02:00", "UTC+01:00")
    assert (clock(summer), clock(summer, seconds=False)) == ("2026-07-02 00:30:05", "2026-07-02 00:30")
    assert (day(summer), day(winter)) == ("2026-07-02", "2026-12-01")


@pytest.mark.usefixtures("_in_berlin")
def test_a_spoilt_time_at_the_end_of_the_calendar_is_shown_in_utc() -> None:
    assert dated(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) == "9999-12-31 23:59:59 +00:00"
