"""Actions and their keys: declared once, bound as declared, told where they are, and never two for one press."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from tests.rigs.live_page import OpenWindow
from ui import actions
from ui.actions import ACTIONS, TABLE, Action
from ui.shell import MainWindow

UI = Path(__file__).parents[2] / "ui"
OF_QT = {
    "QShortcut",
    "QKeySequence",
    "setShortcut",
    "setShortcuts",
    "keyPressEvent",
    "keyReleaseEvent",
    "QAction",
    "Key",
}
A_KEY = re.compile(r"\b(F\d{1,2}|(Ctrl|Alt|Shift|Meta)\+\w+|Space|Esc)\b| {3}[A-Z]$")


def clashes(table: Sequence[Action]) -> list[tuple[str, str]]:
    """Actions that one press could mean, on some page."""
    return [
        (one.name, other.name)
        for one, other in combinations(table, 2)
        if "everywhere" in (one.page, other.page) or one.page == other.page
        if {QKeySequence(key) for key in one.keys} & {QKeySequence(key) for key in other.keys}
    ]


def page_of(window: MainWindow, widget: QWidget) -> str:
    pages: dict[str, QWidget] = {"live": window.live, "tuning": window.tuning, "history": window.history}
    return next((name for name, page in pages.items() if page.isAncestorOf(widget)), "everywhere")


def shortcuts(window: MainWindow) -> list[QShortcut]:
    return window.findChildren(QShortcut)


def written(keys: Sequence[QKeySequence]) -> set[str]:
    return {made.toString(QKeySequence.SequenceFormat.PortableText) for made in keys}


def test_no_press_means_two_things() -> None:
    assert clashes(TABLE) == []
    assert len(ACTIONS) == len(TABLE), "a name stands for one action"
    assert all(QKeySequence(key).toString() == key for action in TABLE for key in action.keys), "as Qt writes it"


@pytest.mark.parametrize(
    ("planted", "with_whom"),
    [
        (Action("planted", "", "F5", "live", ""), "start_roll"),
        (Action("planted", "", "F5", "everywhere", ""), "start_roll"),
        (Action("planted", "", "Ctrl+1", "history", ""), "open_live"),
        (Action("planted", "", "F12", "tuning", "", other_keys=("ctrl+s",)), "save_recipe"),
    ],
)
def test_a_clash_would_be_found(planted: Action, with_whom: str) -> None:
    assert clashes([*TABLE, planted]) == [(with_whom, "planted")]
    assert clashes([*TABLE, Action("planted", "", "F5", "history", "")]) == [], "pages are never open at once"


def test_every_declared_action_is_bound_once_where_it_says(open_window: OpenWindow) -> None:
    window = open_window()
    bound = {made.objectName(): made for made in shortcuts(window)}
    assert sorted(bound) == sorted(made.objectName() for made in shortcuts(window)) == sorted(ACTIONS)
    for name, action in ACTIONS.items():
        owner = bound[name].parent()
        assert isinstance(owner, QWidget)
        assert page_of(window, owner) == action.page, name
        assert written(bound[name].keys()) == set(action.keys)
        assert bound[name].autoRepeat() == action.repeats, "a key held down is one press, but where it moves a line"


def test_nothing_else_in_the_window_answers_a_key(open_window: OpenWindow) -> None:
    window = open_window()
    assert {made.objectName() for made in shortcuts(window)} <= ACTIONS.keys()
    others = {key for made in window.findChildren(QAction) for key in written(made.shortcuts())}
    assert others == set()


def test_every_key_is_told_by_a_tooltip_of_its_page(open_window: OpenWindow) -> None:
    window = open_window()
    tips = [(page_of(window, made), made.toolTip()) for made in window.findChildren(QWidget) if made.toolTip()]
    for action in TABLE:
        for key in action.keys:
            named = re.compile(rf"(?<![\w+]){re.escape(key)}(?![\w+])")
            assert [tip for page, tip in tips if page == action.page and named.search(tip)], action.name


def test_a_tooltip_says_what_the_action_does_and_all_its_keys() -> None:
    assert actions.tooltip("start_roll") == "Start a roll, or look again (F5)"
    assert actions.caption("start_roll") == "Start   F5"
    assert actions.caption("start_roll", "Resume") == "Resume   F5"


def test_keys_are_written_in_the_table_only() -> None:
    found = []
    for file in UI.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8")))) if file.name != "actions.py" else []
        prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            words = {getattr(node, what, None) for what in ("id", "attr", "name")} & OF_QT
            text = node.value if isinstance(node, ast.Constant) and id(node) not in prose else None
            if words or (isinstance(text, str) and A_KEY.search(text)):
                found.append(f"{file.name}: {text or words}")
    assert found == []
