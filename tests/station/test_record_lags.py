"""A roll whose record lags says so while it runs and is whole once the disk is back; one that lost events never is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import station.records.engine as engine_module
from drivers.memory import MemoryCamera
from station import demo
from station.commands.session import open_records, open_station, run_headless
from station.contract import Notice, RecordsLag, Severity
from station.core import Station
from station.quality.report import report
from station.records import store as store_module
from station.records.rows import RecordsError
from station.records.safety.backlog import Backlog
from tests.rigs.records import database_locked
from tests.station.test_core import ScaledCamera, until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_MS", 50)


def endless_camera(lines: int | None = None) -> MemoryCamera:
    cloth = np.random.default_rng(3).integers(90, 160, (1024, 512), np.uint8)
    return ScaledCamera(cloth, lines=lines)


def lag(station: Station) -> RecordsLag | None:
    return station.snapshot().records


@pytest.mark.slow
def test_a_lag_is_on_the_snapshot_until_all_is_on_disk(tmp_path: Path) -> None:
    with open_records(tmp_path / "home") as records:
        demo.install_fabric(records.store, records.history)
        with open_station(records, endless_camera()) as station:
            station.start_roll(demo.FABRIC, "r")
            assert until(lambda: station.snapshot().ledger.lines_inspected > 0)
            with database_locked(records.home):
                assert until(lambda: (told := lag(station)) is not None and told.events > 3 and told.metres > 0.1)
                before = station.snapshot().ledger.lines_inspected
                assert until(lambda: station.snapshot().ledger.lines_inspected > before), "the line goes on"
            station.end_roll()
            assert station.wait(60)
            assert until(lambda: lag(station) is None)
            told = [event.text for event in station.drain(100_000) if isinstance(event, Notice)]
            assert any("lags no more" in text for text in told)
        made = report(records.history, "r")
        assert not made.incomplete
        assert made.lines_inspected == station.snapshot().ledger.lines_inspected


@pytest.mark.slow
def test_a_roll_that_lost_something_says_so_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "Backlog", lambda spill: Backlog(None, limit=4))
    with pytest.raises(RecordsError, match="could not be recorded"):
        lose_some(tmp_path / "home")


def lose_some(home: Path) -> None:
    with open_records(home) as records:
        demo.install_fabric(records.store, records.history)
        with open_station(records, endless_camera()) as station:
            station.start_roll(demo.FABRIC, "r")
            assert until(lambda: station.snapshot().ledger.lines_inspected > 0)
            with database_locked(records.home):
                assert until(lambda: station.events_lost > 0)
            assert station.wait(60), "an unrecorded roll is ended"
            told = [event for event in station.drain(100_000) if isinstance(event, Notice)]
        assert any("Roll r is incomplete" in one.text and one.severity is Severity.ERROR for one in told)
        made = report(records.history, "r")
        assert (made.incomplete, made.grade) == (True, "not graded")
        assert made.events_lost == records.store.lost > 0
        with open_station(records, endless_camera(512)) as station:
            snapshot = run_headless(station, demo.FABRIC, "next")
        assert snapshot.roll == "next", "what one roll lost is not held against the next"
        assert not report(records.history, "next").incomplete
