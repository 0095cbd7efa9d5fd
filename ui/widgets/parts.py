"""Panels, captions and figures are laid out the same everywhere."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ui import actions, theme
from ui.widgets.gauges import Sign


def label(text: str, role: str, parent: QWidget | None = None, *, wrap: bool = False) -> QLabel:
    """Make a label with a look of the stylesheet; plain text, never markup from outside."""
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    made.setWordWrap(wrap)
    return made


def set_text(widget: QLabel, text: str) -> None:
    """Change a label only if it changes: a repaint saved ten times a second."""
    if widget.text() != text:
        widget.setText(text)


class ElidedLabel(QLabel):
    """The label ends its one line in an ellipsis where there is no room; the tooltip has all of it."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint as much of the text as fits."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        area = self.contentsRect()
        shown = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


class Panel(QFrame):
    """A panel is a card with an optional heading; ``body`` is its layout."""

    def __init__(self, heading: str = "", parent: QWidget | None = None, *, margin: int = 14) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin if not heading else 11, margin, margin)
        self.body.setSpacing(8)
        self.heading: QLabel | None = None
        if heading:
            self.heading = label(heading, "heading")
            self.body.addWidget(self.heading)
            if margin == 0:
                self.heading.setContentsMargins(14, 0, 14, 0)


class Figure(QWidget):
    """A figure has a caption above a large number, and a sign beside it when something is abnormal."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = caption
        self._value = label("–", "figure")
        self._sign = Sign(16)
        self._sign.setVisible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(label(caption, "caption"))
        row = QHBoxLayout()
        row.setSpacing(7)
        row.addWidget(self._value)
        row.addWidget(self._sign)
        row.addStretch(1)
        column.addLayout(row)
        self.setAccessibleName(caption)

    @property
    def text(self) -> str:
        """Give the number shown."""
        return self._value.text()

    def show_value(self, text: str, abnormal: str = "") -> None:
        """Show a number; ``abnormal`` (empty, ``warning`` or ``critical``) is the sign that stands beside it."""
        set_text(self._value, text)
        self.setAccessibleDescription(text)
        if abnormal:
            self._sign.show_sign("warning", f"{abnormal}_deep" if abnormal == "warning" else abnormal)
        self._sign.setVisible(bool(abnormal))


class FieldList(QWidget):
    """The list shows names and values in two columns."""

    def __init__(self, names: list[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        self._values: dict[str, QLabel] = {}
        for name in names:
            row = QHBoxLayout()
            row.setSpacing(10)
            caption = label(name, "caption")
            caption.setFixedWidth(118)
            value = label("–", "strong")
            value.setWordWrap(True)
            caption.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            row.addWidget(caption)
            row.addWidget(value, 1)
            column.addLayout(row)
            self._values[name] = value

    def show_field(self, name: str, text: str) -> None:
        """Change one value."""
        set_text(self._values[name], text)

    def text(self, name: str) -> str:
        """Give the value shown."""
        return self._values[name].text()


def button(name: str, *, role: str = "", symbol: str = "") -> QPushButton:
    """Make the button of an action: it says what it does and by which key, also to a screen reader."""
    made = QPushButton(actions.caption(name))
    made.setAccessibleName(actions.ACTIONS[name].tip)
    if role:
        made.setProperty("role", role)
    if symbol:
        made.setIcon(theme.icon(symbol, "act_text" if role.startswith("act") else "text"))
    actions.attach(made, name, made.click)
    return made
