"""The help sheet: it lists every action, goes when it is not wanted, and hides nothing that a person must see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from station.contract import FeedState, StopState
from station.records.store import Store
from tests.rigs.live_page import OpenWindow, has_colour, pixels_of, started
from tests.rigs.scripted_core import QUIET, ScriptedCore
from ui import actions
from ui.actions import TABLE
from ui.shell import MainWindow

LEFT = Qt.MouseButton.LeftButton
SIZES = [(1180, 740), (1366, 768), (1920, 1080)]


def place(widget: QWidget, window: MainWindow) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("page", ["live", "tuning", "history"])
def test_keys_and_mouse_open_and_close_it_on_every_page(open_window: OpenWindow, qtbot: QtBot, page: str) -> None:
    window = open_window(page)
    sheet, before = window.help, window.focusWidget()
    for opens, closes in (
        (lambda: qtbot.keyClick(window, Qt.Key.Key_F1), lambda: qtbot.keyClick(window, Qt.Key.Key_F1)),
        (lambda: qtbot.keyClicks(window, "?"), lambda: qtbot.keyClick(window, Qt.Key.Key_Escape)),
        (lambda: qtbot.mouseClick(window.help_button, LEFT), lambda: qtbot.mouseClick(sheet.close_button, LEFT)),
        (lambda: qtbot.keyClick(window, Qt.Key.Key_F1), lambda: qtbot.mouseClick(window.help_button, LEFT)),
    ):
        assert not sheet.isVisible()
        opens()
        assert sheet.isVisible()
        assert window.help_button.isChecked()
        assert sheet.isAncestorOf(window.focusWidget())
        assert QApplication.activeModalWidget() is None
        closes()
        assert not sheet.isVisible()
        assert not window.help_button.isChecked()
        assert window.focusWidget() is before


@pytest.mark.parametrize("size", SIZES)
def test_every_action_is_listed_and_none_is_cut_off(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, size: tuple[int, int]
) -> None:
    core.machine = QUIET
    window = open_window("live", size)
    qtbot.waitUntil(window.machine.isVisible)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert sorted(window.help.lines) == sorted(actions.tooltip(action.name) for action in TABLE)
    assert window.help.accessibleName()
    seen = place(window.help, window)
    words = [made for made in window.help.findChildren(QLabel) if made.isVisible()]
    assert {action.tip for action in TABLE} | {key for action in TABLE for key in action.keys} <= {
        made.text() for made in words
    }
    for made in words:
        assert seen.contains(place(made, window)), made.text()
        assert made.width() >= made.minimumSizeHint().width(), made.text()


@pytest.mark.parametrize("size", SIZES)
def test_an_alarm_raised_while_it_is_open_is_seen(
    open_window: OpenWindow, core: ScriptedCore, qtbot: QtBot, size: tuple[int, int]
) -> None:
    core.machine = QUIET
    window = open_window("live", size)
    qtbot.waitUntil(window.machine.isVisible)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert not window.alarms.open_alarms
    started(window, core, qtbot)
    core.feed = FeedState.GONE
    core.machine = replace(QUIET, stop=StopState.ANNOUNCED, cause="running defect 3", cause_number=3, metres_to_stop=3)
    qtbot.waitUntil(lambda: window.live.web.banner == "CAMERA GONE" and window.machine.veto_button.isVisible())
    assert window.alarms.open_alarms
    assert window.help.isVisible(), "nothing that is read goes by itself"
    sheet = place(window.help, window)
    for made in (window.alarms, window.machine, window.badge, window.status, window.live.web):
        assert made.isVisible()
        assert not sheet.intersects(place(made, window)), made.accessibleName()
    assert window.rect().contains(sheet)
    at = place(window.alarms, window)
    row = pixels_of(window.grab().toImage())[at.top() : at.bottom(), at.left() : at.right()]
    assert has_colour(row, "critical", 20_000) or has_colour(row, "critical_deep", 20_000)
    window.resize(size[0] + 60, size[1] + 40)
    assert not place(window.help, window).intersects(place(window.live.web, window)), "it follows the window"


def test_it_goes_when_another_key_asks_for_something(
    open_window: OpenWindow, past_rolls: list[str], store: Store, qtbot: QtBot
) -> None:
    window = open_window("history")
    qtbot.waitUntil(lambda: window.history.detail.row is not None and not window.worker.busy)
    store.close()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    qtbot.keyClick(window, Qt.Key.Key_C)
    assert not window.help.isVisible()
    qtbot.waitUntil(lambda: window.history.detail.told.text() != "")
    assert window.history.detail.told.isVisible(), "what became of it would have been hidden"


def test_it_goes_when_another_page_is_opened(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window("live")
    qtbot.keyClick(window, Qt.Key.Key_F1)
    qtbot.mouseClick(window.tabs["tuning"], LEFT)
    assert not window.help.isVisible()
    assert window.focusWidget() is window.tuning.plot


def test_a_question_mark_can_be_written(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window("history")
    window.history.filters.text.setFocus()
    qtbot.keyClicks(window.history.filters.text, "?")
    assert window.history.filters.text.text() == "?"
    assert not window.help.isVisible()
