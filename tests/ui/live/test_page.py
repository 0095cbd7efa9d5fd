"""The operator's page: commands, keys, notices, fabrics."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from station.contract import ClothDiffers, ColumnsInspected, LineState, Severity
from tests.rigs.live_page import OpenWindow, started
from tests.rigs.scripted_core import ScriptedCore
from ui.live import controls as controls_module


def test_buttons_and_keys_start_pause_resume_and_end(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls_module, "CONFIRM_S", 1e6)
    window = open_window()
    controls = window.live.controls
    left = Qt.MouseButton.LeftButton
    assert controls.start_button.isEnabled()
    assert not controls.end_button.isEnabled()
    controls.fabric.setCurrentText("twill-3")
    qtbot.mouseClick(controls.start_button, left)
    assert core.commands == ["start twill-3"]
    qtbot.waitUntil(lambda: window.status.text("Fabric") == "twill-3 · v1")
    assert not controls.fabric.isEnabled()
    core.play(2)
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert core.commands[-1] == "pause"
    assert core.state is LineState.HALTED
    qtbot.waitUntil(lambda: window.badge.text == "PAUSED")
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert core.commands[-1] == "resume"
    qtbot.keyClick(window, Qt.Key.Key_F8)
    assert core.commands[-1] == "resume", "one touch must not end a roll"
    assert controls.end_button.text().startswith("Sure?")
    qtbot.mouseClick(controls.end_button, left)
    assert core.commands[-1] == "end"
    qtbot.waitUntil(lambda: window.status.text("Roll") == "none open")
    assert controls.start_button.isEnabled()


def test_a_refusal_is_told_in_the_alarm_row_not_in_a_dialog(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo", "A-1")
    window.live.ended = "A-1"  # the window believes the roll has ended
    window.live.on_snapshot(core.snapshot())
    qtbot.mouseClick(window.live.controls.start_button, Qt.MouseButton.LeftButton)
    assert "still open" in window.alarms.text
    assert QApplication.activeModalWidget() is None


def test_every_command_has_a_key_a_tooltip_and_a_name(open_window: OpenWindow) -> None:
    window = open_window()
    for made in window.findChildren(QPushButton):
        assert made.toolTip(), made.text()
        assert made.accessibleName(), made.text()
        assert "(" in made.toolTip(), f"{made.text()} has no key"


def test_pages_are_reached_by_keys_and_keep_the_frame(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window()
    place = window.alarms.geometry(), window.status.geometry(), window.badge.geometry()
    for key, page in ((Qt.Key.Key_2, window.tuning), (Qt.Key.Key_3, window.history), (Qt.Key.Key_1, window.live)):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert window.stack.currentWidget() is page
        assert (window.alarms.geometry(), window.status.geometry(), window.badge.geometry()) == place


def test_the_gravest_notice_is_shown_and_none_is_lost(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    core.start_roll("demo")
    core.say(Severity.ERROR, "Camera 1 does not answer.")
    core.say(Severity.INFO, "A backup was made.")
    qtbot.waitUntil(lambda: "and 1 more" in window.alarms.text)
    assert window.alarms.text.startswith("Camera 1 does not answer.")
    assert "A backup was made." in window.alarms._text.toolTip()
    qtbot.waitUntil(lambda: window.answer.isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.alarms.text == "A backup was made.", "what was not shown is not answered"
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.alarms.text == "No unanswered alarms"


def test_a_new_roll_closes_the_alarms_of_the_last_but_keeps_notices(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.say(Severity.ERROR, "Camera 1 does not answer.")
    qtbot.waitUntil(lambda: window.alarms.has_notice)
    assert window.alarms.open_alarms
    core.end_roll()
    core.start_roll("demo")
    qtbot.waitUntil(lambda: not window.alarms.open_alarms)
    assert window.alarms.text == "Camera 1 does not answer."


def test_the_first_fabric_is_chosen_from_the_start_and_one_taught_later_too(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[str] = []
    monkeypatch.setattr(core, "fabrics", lambda: list(known))
    window = open_window()
    controls = window.live.controls
    qtbot.waitUntil(lambda: "No fabric has been taught yet" in window.live.web.accessibleDescription())
    assert not controls.start_button.isEnabled()
    known.append("demo")
    window.open_page("live")
    assert controls.fabric.currentText() == "demo"
    qtbot.waitUntil(controls.start_button.isEnabled)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert core.commands == ["start demo"]


def test_a_roll_paused_while_its_model_loads_can_be_resumed(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    controls = window.live.controls
    core.start_roll("demo")
    core.state = LineState.INITIALIZED
    qtbot.waitUntil(lambda: window.live.web.banner == "STARTING")
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert core.commands[-1] == "pause"
    qtbot.waitUntil(lambda: window.live.web.banner == "PAUSED")
    assert controls.start_button.text().startswith("Resume")
    assert controls.start_button.isEnabled()
    assert not controls.pause_button.isEnabled()
    assert controls.end_button.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert core.commands[-1] == "resume"
    qtbot.waitUntil(lambda: window.live.web.banner == "STARTING")


def test_the_page_says_which_columns_are_inspected_and_how_fast_the_machine_can_go(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    assert window.live.columns.text() == ""
    assert not window.live.figures.fastest.isVisible()
    core.columns = ColumnsInspected(320, 1024, 1024)
    core.fastest = 34.9, False
    qtbot.waitUntil(lambda: window.live.columns.text() == "· columns 320 to 1023 of 1024 inspected")
    fastest = window.live.figures.fastest
    assert fastest.isVisible()
    assert fastest.text().replace("\u2009", " ") == "This machine keeps up to 34 m/min with this cloth"
    core.fastest = 9.87, True
    qtbot.waitUntil(lambda: fastest.text().endswith("of this cloth, and more"))
    assert "with 9.8" in fastest.text()


def test_cloth_that_differs_is_on_the_map_from_its_beginning_to_its_end(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot
) -> None:
    window = open_window()
    started(window, core, qtbot)
    core.tell(ClothDiffers(100, None, 0.8, "light?"))
    qtbot.waitUntil(lambda: [first for first, _ in window.live.roll_map.differing] == [100])
    core.tell(ClothDiffers(100, 400, 0.8, "light?"))
    qtbot.waitUntil(lambda: list(window.live.roll_map.differing) == [(100, 400)])
