"""Sizes that no calibration vouches for are marked where they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from station.records.history import History
from station.records.rows import DefectFilter
from tests.rigs.scripted_core import ScriptedCore
from ui.history.detail import DefectDetail
from ui.shell import MainWindow

OpenWindow = Callable[..., MainWindow]


def test_the_live_page_says_so_and_why(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    live = open_window().live
    core.start_roll("demo")
    core.play(2)
    qtbot.waitUntil(lambda: live.snapshot is not None and live.roll_open)
    assert not live.unverified.isVisible()
    core.unverified = "there is no scale of camera 24115"
    qtbot.waitUntil(live.unverified.isVisible)
    assert live.unverified.text() == "sizes unverified"
    assert "24115" in live.unverified.toolTip()


@pytest.mark.parametrize("why", ["", "the scale of camera 24115 is stale"])
def test_a_recorded_defect_is_marked(qtbot: QtBot, past_rolls: list[str], history: History, why: str) -> None:
    row = history.defects(DefectFilter(history.roll(past_rolls[0]).id))[0]
    detail = DefectDetail()
    qtbot.addWidget(detail)
    detail.show_defect(replace(row, unverified=why), None)
    assert ("(unverified)" in detail.fields.text("Length × width")) == bool(why)
