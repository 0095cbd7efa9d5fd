"""The help sheet lists every action with its key, beside the cloth and below the alarms, whose place it never takes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from ui import actions
from ui.actions import TABLE, Action
from ui.widgets.parts import button, label

WIDE = 500
"""No wider than what stands beside the cloth on the live page, so that no word over the picture is ever hidden."""

_MARGIN = 14
_COLUMNS = (
    (66, (("everywhere", "On every page"), ("history", "History"))),
    (92, (("live", "Live"), ("tuning", "Tuning"))),
)
"""Columns: the least width of the keys, px, so that all words of a column begin at one line, and its pages."""

_ITS_OWN = ("help", "close_help")


class HelpSheet(QFrame):
    """The sheet lies over the right edge of ``area``, the pages, and is no dialog: the window works on under it.

    It goes by its own keys, and as soon as another key asks for something, so that nobody overlooks what the key did.
    ``opened`` tells whether it can be seen.
    """

    opened = Signal(bool)

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self._area = area
        self._came_from: QWidget | None = None
        self.setProperty("role", "sheet")
        self.setAccessibleName("Help")
        self.setAccessibleDescription("Every key and what it does")
        self.setVisible(False)
        self._scroll = QScrollArea()
        self._scroll.setAccessibleName("Keys")
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._keys = _build_keys()
        self._scroll.setWidget(self._keys)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._head = self._build_head()
        column.addWidget(self._head)
        column.addWidget(self._scroll, 1)
        area.installEventFilter(self)

    def _build_head(self) -> QWidget:
        head = QWidget()
        head.setProperty("role", "frame")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(_MARGIN, 6, 8, 6)
        row.addWidget(label("Keys and what they do", "brand"))
        row.addStretch(1)
        self.close_button = button("close_help", role="frame-button")
        self.close_button.clicked.connect(self.hide)
        row.addWidget(self.close_button)
        return head

    @property
    def lines(self) -> list[str]:
        """Give what the sheet says, a line for each action, as it is read aloud."""
        return [made.accessibleName() for made in self._keys.findChildren(QLabel) if made.accessibleName()]

    def toggle(self) -> None:
        """Show the sheet, or put it away."""
        self.setVisible(not self.isVisible())

    def on_use(self, name: str) -> None:
        """Put the sheet away when a key has asked for something else."""
        if name not in _ITS_OWN:
            self.hide()

    def showEvent(self, event: QShowEvent) -> None:
        """Take the focus, so that arrows scroll the sheet, and remember where it was."""
        if not event.spontaneous():  # as when the whole window comes back from the task bar
            self._came_from = self.window().focusWidget()
            self._place()
            self.raise_()
            self._scroll.setFocus()
            self.opened.emit(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the focus back."""
        if not event.spontaneous():
            if self._came_from is not None and self._came_from.isVisible():
                self._came_from.setFocus()
            self._came_from = None
            self.opened.emit(False)
        super().hideEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the pages."""
        if event.type() is QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        area = self._area
        wanted = self._head.sizeHint().height() + self._keys.heightForWidth(WIDE - 2) + 2
        high = min(wanted, area.height() - 2 * _MARGIN)
        self.setGeometry(area.width() - WIDE - _MARGIN, _MARGIN, WIDE, high)


def _build_keys() -> QWidget:
    keys = QWidget()
    row = QHBoxLayout(keys)
    row.setContentsMargins(_MARGIN, 8, _MARGIN, 12)
    row.setSpacing(16)
    for least, groups in _COLUMNS:
        column = QVBoxLayout()
        column.setSpacing(8)
        for page, heading in groups:
            column.addWidget(label(heading, "heading"))
            column.addLayout(_build_group([action for action in TABLE if action.page == page], least))
            column.addSpacing(6)
        column.addStretch(1)
        row.addLayout(column, 1)
    return keys


def _build_group(group: list[Action], least: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(5)
    grid.setColumnMinimumWidth(0, least)
    grid.setColumnStretch(1, 1)
    top = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
    for at, action in enumerate(group):
        caps = QHBoxLayout()
        caps.setSpacing(4)
        for key in action.keys:
            caps.addWidget(label(key, "key"))
        grid.addLayout(caps, at, 0, top)
        does = label(action.tip, "", wrap=True)
        does.setContentsMargins(0, 2, 0, 0)  # its first line beside the key's
        does.setAccessibleName(actions.tooltip(action.name))
        grid.addWidget(does, at, 1, Qt.AlignmentFlag.AlignTop)
    return grid
