"""The record row says, over every page, that the record lags behind the cloth: how far, since when and why."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from station.contract import LineSnapshot, RecordsLag
from ui import theme
from ui.widgets.gauges import Sign
from ui.widgets.parts import ElidedLabel, label, set_text

HIGH = 46
_RED, _AMBER = "critical", "warning"


class RecordRow(QWidget):
    """One row over every page, there only while the record lags.

    Amber at first; red once so much cloth is not on record that the heartbeat stands still.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ground = _AMBER
        self.setFixedHeight(HIGH)
        self.setAccessibleName("Record")
        self.setVisible(False)
        self._sign = Sign(18)
        self._amount = label("", "alarm-text")
        self._why = ElidedLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 0, 18, 0)
        row.setSpacing(12)
        row.addWidget(self._sign)
        row.addWidget(self._amount)
        row.addWidget(self._why, 1)

    @property
    def text(self) -> str:
        """Give what the row says."""
        return f"{self._amount.text()} {self._why.text()}"

    @property
    def ground(self) -> str:
        """The token of the colour behind it."""
        return self._ground

    def show_snapshot(self, snapshot: LineSnapshot) -> None:
        """Show how far the record lags; nothing while it does not."""
        lag = snapshot.records
        self.setVisible(lag is not None)
        if lag is None:
            return
        machine = snapshot.machine
        still = machine is not None and bool(machine.heart_still)
        self._ground = _RED if lag.is_over_limit or still else _AMBER
        ink = f"{self._ground}_text"
        self._sign.show_sign("warning", ink)
        set_text(self._amount, f"{lag.text}.")
        set_text(self._why, _consequence(lag, still=still))
        self._why.setToolTip(lag.why)
        for made in (self._amount, self._why):
            theme.restyle(made, f"alarm-{ink}")
        self.setAccessibleDescription(self.text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the ground and a line above and below: the rows beside it may be red, too."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(self._ground))
        painter.fillRect(0, 0, self.width(), 3, theme.colour("panel"))
        painter.setPen(theme.colour(f"{self._ground}_deep"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()


def _consequence(lag: RecordsLag, *, still: bool) -> str:
    """Say why, and what it means for the machine."""
    if still:
        return f"The heartbeat stands still. {lag.why}"
    if lag.is_over_limit:
        return f"More than {lag.limit_m:.0f} m: stop the machine. {lag.why}"
    return lag.why
