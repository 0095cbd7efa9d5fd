"""The row over every page says that the record lags: amber, red once the heartbeat stands still, else not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from station.contract import FeedState, Ledger, LineSnapshot, LineState, LinkState, MachineStatus, RecordsLag
from ui.record_row import RecordRow

RUNNING = LineSnapshot(LineState.CONTINUOUS_EXECUTION, FeedState.LIVE, "serge", 1, "a", Ledger(100, 100, 0))
LAG = RecordsLag(1312, 0, 4.2, datetime(2026, 11, 30, 9, 30, tzinfo=UTC), "The disk is full.")


@pytest.fixture
def row(qtbot: QtBot) -> RecordRow:
    made = RecordRow()
    qtbot.addWidget(made)
    return made


def test_the_row_is_there_only_while_the_record_lags(row: RecordRow) -> None:
    row.show_snapshot(RUNNING)
    assert row.isHidden()
    row.show_snapshot(replace(RUNNING, records=LAG))
    assert not row.isHidden()
    assert row.ground == "warning"
    assert "1 312 events and 4.2 m of cloth are not on disk" in row.text
    assert "The disk is full." in row.text
    row.show_snapshot(RUNNING)
    assert row.isHidden()


def test_the_row_turns_red_once_too_much_cloth_is_not_on_record(row: RecordRow) -> None:
    row.show_snapshot(replace(RUNNING, records=replace(LAG, metres=20.1)))
    assert row.ground == "critical"
    assert "More than 20 m: stop the machine" in row.text


def test_the_row_turns_red_once_the_heartbeat_stands_still(row: RecordRow) -> None:
    still = MachineStatus(LinkState.CONNECTED, heart_still="20.1 m of cloth are not on record")
    row.show_snapshot(replace(RUNNING, records=LAG, machine=still))
    assert row.ground == "critical"
    assert "The heartbeat stands still" in row.text
