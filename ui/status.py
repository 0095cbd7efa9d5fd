"""A badge in the header and a strip at the foot tell the state of the line, the same on every page."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from station.contract import LineSnapshot, LineState
from ui import theme
from ui.banner import is_behind
from ui.widgets.gauges import FillBar
from ui.widgets.parts import label, set_text
from ui.words import grouped, span

STATE = {
    LineState.PREOPERATIONAL: "not ready",
    LineState.HALTED: "paused",
    LineState.ERROR: "fault",
    LineState.INITIALIZED: "starting",
    LineState.READY: "ready",
    LineState.SINGLE_EXECUTION: "inspecting a piece",
    LineState.CONTINUOUS_EXECUTION: "inspecting",
}
"""The states of OPC 40100-1 in plain words."""


class StateBadge(QWidget):
    """The badge says large what the picture is worth.

    It is grey while all is well, amber when cloth is judged late, red when it passes unseen.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Feed")
        self._text = "NO PICTURE"
        self._ground = "frame"

    @property
    def text(self) -> str:
        """Give its words."""
        return self._text

    def sizeHint(self) -> QSize:
        """Ask for room for the longest state."""
        return QSize(256, 36)

    def show_picture(self, banner: str, ground: str) -> None:
        """``banner`` is what stands over the picture, empty means live; ``ground`` is the colour behind it there."""
        text = banner or "LIVE"
        if (text, ground) != (self._text, self._ground):
            self._text = text
            self._ground = ground
            self.setAccessibleDescription(text)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint a rounded badge with sign and words, right-aligned."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("title", bold=True))
        wide = painter.fontMetrics().horizontalAdvance(self._text) + 58
        box = QRectF(self.width() - wide - 1, (self.height() - 36) / 2, wide, 36)
        quiet = self._ground == "frame"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("frame_hover" if quiet else self._ground))
        painter.drawRoundedRect(box, 6, 6)
        ink = theme.colour("warning_text" if self._ground == "warning" else "frame_text")
        live = self._text == "LIVE"
        sign = "play" if live else "warning" if not quiet else "pause" if self._text == "PAUSED" else "stop"
        theme.draw_symbol(painter, sign, box.left() + 16, box.center().y() - 7, 14, ink)
        painter.setPen(ink)
        words = box.adjusted(40, 0, -14, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._text)
        painter.end()


class StatusStrip(QWidget):
    """The strip tells state, feed, fabric, roll, metres, speed, rate and queue."""

    _FIELDS = ("State", "Picture", "Fabric", "Roll", "Inspected", "Not inspected", "Speed", "Model", "Latency")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "frame")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Status")
        self.setFixedHeight(44)
        self._values: dict[str, QLabel] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 4, 18, 4)
        row.setSpacing(0)
        for name in self._FIELDS:
            row.addWidget(self._field(name), 3 if name in ("State", "Picture", "Roll") else 2)
        self._queue = FillBar("Queue")
        self._queue.setToolTip("How full the queue before the model is; at the tick it soon overflows")
        row.addWidget(self._field("Queue", self._queue))

    def _field(self, name: str, value: QWidget | None = None) -> QWidget:
        field = QWidget()
        column = QVBoxLayout(field)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(1)
        column.addWidget(label(name, "field-name"))
        if value is None:
            self._values[name] = label("–", "field-value")
            value = self._values[name]
        column.addWidget(value)
        return field

    def text(self, name: str) -> str:
        """Give the value of a field."""
        return self._values[name].text()

    def show_snapshot(self, snapshot: LineSnapshot, roll_open: bool) -> None:
        """Renew all fields."""
        speed = snapshot.speed_m_per_min
        version = f" · v{snapshot.recipe_version}" if snapshot.recipe_version else ""
        ledger = snapshot.ledger
        running = snapshot.state is LineState.CONTINUOUS_EXECUTION  # what is missing then stands over the picture
        values = {
            "State": STATE[snapshot.state] if running else snapshot.message or STATE[snapshot.state],
            "Picture": f"{snapshot.behind_s:.0f} s old" if is_behind(snapshot) else str(snapshot.feed),
            "Fabric": f"{snapshot.fabric}{version}" if snapshot.fabric else "–",
            "Roll": (snapshot.roll or "–") if roll_open else "none open",
            "Inspected": span(snapshot.metres_inspected, ledger.lines_inspected),
            "Not inspected": span(snapshot.metres_uninspected, ledger.lines_uninspected, 2),
            "Speed": "–" if speed is None else f"{speed:.1f} m/min",
            "Model": f"{grouped(snapshot.tiles_per_second)} tiles/s",
            "Latency": f"{snapshot.latency_p99_ms:.0f} ms p99" if snapshot.latency_p99_ms else "–",
        }
        for name, text in values.items():
            set_text(self._values[name], text)
        self._values["State"].setToolTip(f"OPC 40100-1: {snapshot.state}")
        self._queue.set_fill(snapshot.queue_fill)
