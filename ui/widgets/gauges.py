"""These parts show a number by its length: score bar, trend of small bars, queue bar; steps of a scale; and a sign."""

from __future__ import annotations

import math
from collections import deque

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from station.display_score import AT_THRESHOLD
from ui import theme


def draw_score_bar(painter: QPainter, rect: QRectF, display_score: float) -> None:
    """Draw a bar from 0 to 1 with a tick at the threshold (0.5); red beyond it, grey below."""
    painter.fillRect(rect, theme.colour("edge"))
    full = min(max(display_score, 0.0), 1.0)
    reject = display_score >= AT_THRESHOLD
    bar = QRectF(rect.left(), rect.top(), rect.width() * full, rect.height())
    painter.fillRect(bar, theme.colour("critical" if reject else "data"))
    middle = rect.left() + rect.width() / 2
    painter.setPen(QPen(theme.colour("text"), 2))
    painter.drawLine(int(middle), int(rect.top() - 3), int(middle), int(rect.bottom() + 3))


def round_step(least: float) -> float:
    """Smallest of 1, 2, 5 × 10ⁿ that is not below ``least``, for the marks of a scale."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-6)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)


class Trend(QWidget):
    """The trend shows the last values as small bars, newest at the right; the tallest fills the height."""

    def __init__(self, name: str, parent: QWidget | None = None, *, bars: int = 40) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._values: deque[float] = deque(maxlen=bars)

    def sizeHint(self) -> QSize:
        """Ask for the height of a line of text."""
        return QSize(120, 22)

    def push(self, value: float) -> None:
        """Add a value; the oldest goes."""
        self._values.append(value)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint bars on a base line."""
        painter = QPainter(self)
        slots = self._values.maxlen or 1
        wide = self.width() / slots
        top = max(*self._values, 1e-9) if len(self._values) > 1 else max([*self._values, 1e-9])
        offset = slots - len(self._values)
        for index, value in enumerate(self._values):
            high = max(value, 0.0) / top * (self.height() - 2)
            bar = QRectF((offset + index) * wide, self.height() - 1 - high, max(wide - 1.0, 1.0), high)
            newest = index == len(self._values) - 1
            painter.fillRect(bar, theme.colour("data_strong" if newest else "data", 255 if newest else 150))
        painter.setPen(theme.colour("edge_strong"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()


class FillBar(QWidget):
    """The bar shows how full a queue is, amber with a sign from three quarters on."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFixedSize(86, 12)
        self._fill = 0.0

    def set_fill(self, fill: float) -> None:
        """Show how full it is: 0 empty, 1 full."""
        fill = min(max(fill, 0.0), 1.0)
        if abs(fill - self._fill) > 0.01:
            self._fill = fill
            self.setAccessibleDescription(f"{fill:.0%} full")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the bar, a tick at 75 %, and a sign when over it."""
        painter = QPainter(self)
        bar = QRectF(0, 2, self.width() - 18, 8)
        painter.fillRect(bar, theme.colour("frame_hover"))
        high = self._fill >= 0.75
        filled = QRectF(bar.left(), bar.top(), bar.width() * self._fill, bar.height())
        painter.fillRect(filled, theme.colour("warning" if high else "frame_text_soft"))
        painter.setPen(theme.colour("frame_text"))
        x = int(bar.left() + bar.width() * 0.75)
        painter.drawLine(x, 0, x, 11)
        if high:
            theme.draw_symbol(painter, "warning", self.width() - 13, 0, 12, theme.colour("warning"))
        painter.end()


class Sign(QWidget):
    """The widget shows a sign of the theme, e.g. beside a state word."""

    def __init__(self, side: int = 14, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(side, side)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._name = "dot"
        self._colour = "text_soft"

    def show_sign(self, name: str, colour_name: str) -> None:
        """Show a sign in a colour."""
        if (name, colour_name) != (self._name, self._colour):
            self._name = name
            self._colour = colour_name
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the sign over the whole square."""
        painter = QPainter(self)
        theme.draw_symbol(painter, self._name, 0, 0, self.width(), theme.colour(self._colour))
        painter.end()
