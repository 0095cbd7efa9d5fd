"""The machine row, as the operator meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from pytestqt.qtbot import QtBot

from station.contract import LinkState, MachineStatus, NextReject, StationError, StopState
from station.current_user import login
from tests.rigs.scripted_core import QUIET, ScriptedCore
from ui import machine_row
from ui.shell import MainWindow
from ui.words import THIN_SPACE

OpenWindow = Callable[..., MainWindow]

ANNOUNCED = replace(
    QUIET, stop=StopState.ANNOUNCED, cause="running defect 3 at 12.0 m", cause_number=3, metres_to_stop=3.21
)
REQUESTED = replace(QUIET, stop=StopState.REQUESTED, cause="running defect 3 at 12.0 m")


@pytest.fixture(autouse=True)
def _quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_row, "READ_S", 0.0)


def shown(window: MainWindow, core: ScriptedCore, status: MachineStatus | None) -> str:
    core.machine = status
    window.bridge.refresh()
    return window.machine.text.replace(THIN_SPACE, " ")


def test_there_is_no_row_where_no_machine_is_set_up(open_window: OpenWindow, core: ScriptedCore) -> None:
    window = open_window()
    shown(window, core, None)
    assert not window.machine.isVisible()


@pytest.mark.parametrize(
    ("status", "text", "ground"),
    [
        (QUIET, "The machine runs; no stop is wanted", "panel"),
        (replace(QUIET, running=False), "The machine stands; no stop is wanted", "panel"),
        (
            replace(QUIET, link=LinkState.LOST),
            "The link to the machine is lost: no stop and no mark reaches it; trying again",
            "warning",
        ),
        (
            replace(QUIET, link=LinkState.RESTING, running=None),
            "The signals to the machine rest until a roll is open",
            "panel",
        ),
        (
            replace(QUIET, heart_still="camera gone"),
            "Stop requested, the machine still runs: the station cannot watch the cloth (camera gone)",
            "critical",
        ),
        (ANNOUNCED, "Stop in 3.2 m: running defect 3 at 12.0 m", "critical"),
        (REQUESTED, "Stop requested, the machine still runs: running defect 3 at 12.0 m", "critical"),
        (
            replace(REQUESTED, link=LinkState.NOT_WIRED, running=None),
            "Stop the machine by hand: running defect 3 at 12.0 m",
            "critical",
        ),
        (
            replace(REQUESTED, link=LinkState.LOST, running=None),
            "Stop the machine by hand, its link is lost: running defect 3 at 12.0 m",
            "critical",
        ),
        (
            replace(REQUESTED, link=LinkState.RESTING, running=None),
            "Stop the machine by hand, its signals rest: running defect 3 at 12.0 m",
            "critical",
        ),
        (
            replace(REQUESTED, wires_stop=False),
            "Stop the machine by hand: running defect 3 at 12.0 m",
            "critical",
        ),
        (replace(ANNOUNCED, wires_stop=False), "Stop by hand in 3.2 m: running defect 3 at 12.0 m", "critical"),
    ],
)
def test_the_row_says_how_the_machine_is_and_colours_only_what_is_abnormal(
    open_window: OpenWindow, core: ScriptedCore, status: MachineStatus, text: str, ground: str
) -> None:
    window = open_window()
    assert shown(window, core, status) == text
    assert window.machine.ground == ground
    assert window.machine.isVisible()


def test_the_metres_to_the_next_reject(open_window: OpenWindow, core: ScriptedCore) -> None:
    window = open_window()
    shown(window, core, QUIET)
    assert window.machine.ahead == ""
    shown(window, core, replace(QUIET, to_marker=NextReject(7, 0.349), to_roll=NextReject(5, 2.5)))
    words = window.machine.ahead.replace(THIN_SPACE, " ")
    assert words == "Next reject:  marker in 0.35 m (No. 7)   ·   roll in 2.50 m (No. 5)"


@pytest.mark.parametrize("page", ["live", "tuning", "history"])
def test_the_veto_is_one_key_on_every_page_and_bears_a_name(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, page: str
) -> None:
    window = open_window(page)
    shown(window, core, QUIET)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert core.commands == [], "nothing to veto"
    shown(window, core, ANNOUNCED)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert core.commands == [f"veto 3 by {login()}"]


def test_a_veto_names_the_cause_on_the_screen_not_one_that_came_since(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    shown(window, core, ANNOUNCED)
    window.bridge.stop()
    core.machine = replace(ANNOUNCED, cause="critical defect 5 at 13.0 m", cause_number=5)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert core.commands == [f"veto 3 by {login()}"]


def test_a_press_in_reflex_does_not_answer_a_cause_that_just_came(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    shown(window, core, ANNOUNCED)
    core.machine = replace(ANNOUNCED, cause="critical defect 5 at 13.0 m", cause_number=5)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert "defect 5" in window.machine.text, "the next cause is shown at once"
    monkeypatch.setattr(machine_row, "READ_S", 1e6)
    qtbot.keyClick(window, Qt.Key.Key_V)
    window.machine.veto_button.click()
    assert core.commands == [f"veto 3 by {login()}"]
    shortcut = window.machine.veto_button.findChild(QShortcut)
    assert not shortcut.autoRepeat(), "a key held down is one press"
    monkeypatch.setattr(machine_row, "READ_S", 0.0)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert core.commands[1:] == [f"veto 5 by {login()}"]


def test_the_key_of_the_veto_never_releases_a_stop(open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot) -> None:
    window = open_window()
    shown(window, core, REQUESTED)
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert core.commands == []
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert core.commands == [f"release by {login()}"]


def test_what_the_core_refuses_is_said(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(by: str, cause_number: int) -> None:
        raise StationError("No stop is announced, so there is nothing to veto.")

    monkeypatch.setattr(core, "veto_stop", refuse)
    window = open_window()
    shown(window, core, ANNOUNCED)
    window.machine.veto_button.click()
    assert "nothing to veto" in window.alarms.text
