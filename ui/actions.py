"""This table says what a person can ask of the window and by which key; shortcuts, tooltips and help are made from it.

A key is written here and nowhere else, so that the window, its tooltips and its help cannot say different things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

Page = Literal["everywhere", "live", "tuning", "history"]


@dataclass(frozen=True, slots=True)
class Action:
    """A person can ask the window for this.

    Attributes:
        name: by which a widget is attached to it.
        text: what stands on its button.
        key: as Qt writes it and people read it, e.g. ``Ctrl+S``.
        page: where the key acts.
        tip: what it does.
        other_keys: do the same.
        repeats: a key held down asks again and again; else it is one press.
        in_focus: the key acts only while the widget has the focus, since it means other things elsewhere.
    """

    name: str
    text: str
    key: str
    page: Page
    tip: str
    other_keys: tuple[str, ...] = ()
    repeats: bool = False
    in_focus: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Give all its keys, the first one first."""
        return (self.key, *self.other_keys)


TABLE = (
    Action("open_live", "Live", "Ctrl+1", "everywhere", "Live: cloth as it passes"),
    Action(
        "open_tuning",
        "Tuning",
        "Ctrl+2",
        "everywhere",
        "Tuning: scores of the last roll against the threshold",
    ),
    Action("open_history", "History", "Ctrl+3", "everywhere", "History: rolls, defects and reviews"),
    Action("acknowledge", "Acknowledge", "Space", "everywhere", "Answer the rejects and the message shown"),
    Action("veto", "Veto", "V", "everywhere", "Let the machine run on; your name is recorded"),
    Action("release", "Release", "R", "everywhere", "Take the stop back; your name is recorded"),
    Action("help", "Help", "F1", "everywhere", "Show these keys, or put them away", other_keys=("?",)),
    Action("close_help", "Close", "Esc", "everywhere", "Put these keys away"),
    Action("start_roll", "Start", "F5", "live", "Start a roll, or look again"),
    Action("pause_roll", "Pause", "F6", "live", "Stop looking; the roll stays open"),
    Action("end_roll", "End", "F8", "live", "End the roll; press twice"),
    Action("choose_fabric", "Fabric", "Alt+F", "live", "Choose the fabric of the next roll"),
    Action("show_heat", "Heat", "H", "live", "Show or hide the anomaly heat map"),
    Action("list_passed", "Passed too", "P", "live", "List what passes too"),
    Action("lower", "Lower", "Left", "tuning", "Lower the threshold", repeats=True, in_focus=True),
    Action("raise", "Raise", "Right", "tuning", "Raise the threshold", repeats=True, in_focus=True),
    Action("lower_far", "Lower far", "Shift+Left", "tuning", "Lower it ten steps", repeats=True, in_focus=True),
    Action("raise_far", "Raise far", "Shift+Right", "tuning", "Raise it ten steps", repeats=True, in_focus=True),
    Action("save_recipe", "Save", "Ctrl+S", "tuning", "Save as a new recipe version"),
    Action("undo_values", "Undo", "Ctrl+R", "tuning", "Go back to the recipe in force"),
    Action("confirm", "Confirm", "C", "history", "Mark as a confirmed flaw"),
    Action("false_alarm", "False alarm", "F", "history", "Mark as a false alarm"),
    Action("next_unreviewed", "Next unreviewed", "N", "history", "Go to the next defect nobody has reviewed"),
    Action("find_roll", "Find a roll", "Ctrl+F", "history", "Find rolls whose name contains this"),
)

ACTIONS = {action.name: action for action in TABLE}


def key(name: str) -> str:
    """Give the key of an action, for a sentence that names it.  KeyError for an unknown name, here and below."""
    return ACTIONS[name].key


def caption(name: str, text: str = "") -> str:
    """Give the words on a button with its key: ``Start   F5``; ``text`` where they change with the state."""
    return f"{text or ACTIONS[name].text}   {ACTIONS[name].key}"


def tooltip(name: str) -> str:
    """Say what an action does, with its keys in brackets."""
    action = ACTIONS[name]
    return f"{action.tip} ({' or '.join(action.keys)})"


def bind(owner: QWidget, name: str, slot: Callable[[], object]) -> QShortcut:
    """Let the keys of an action call ``slot`` while ``owner`` can be seen and is enabled."""
    action = ACTIONS[name]
    made = QShortcut(owner)
    made.setKeys([QKeySequence(written) for written in action.keys])
    made.setAutoRepeat(action.repeats)
    made.setObjectName(name)
    if action.in_focus:
        made.setContext(Qt.ShortcutContext.WidgetShortcut)
    made.activated.connect(slot)
    return made


def attach(widget: QWidget, name: str, slot: Callable[[], object]) -> QShortcut:
    """Bind an action to the widget that stands for it, and let the widget's tooltip say so.

    A button gets its ``click`` so, never by Qt's ``setShortcut``, which holds it down for a tenth of a second before
    anything happens.
    """
    widget.setToolTip(tooltip(name))
    return bind(widget, name, slot)


def on_use(window: QWidget, heard: Callable[[str], object]) -> None:
    """Tell ``heard`` the name of every action that a key asks for in ``window``, once it has been done."""
    for made in window.findChildren(QShortcut):
        name = made.objectName()
        made.activated.connect(lambda name=name: heard(name))
