"""The filters decide which rolls are listed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from station.records.rows import RollFilter
from ui import actions

_TYPING_MS = 200
ALL = "All fabrics"
_SPANS = {"Any time": None, "Today": 0, "Last 7 days": 6, "Last 30 days": 29, "Last 12 months": 364}


class RollFilters(QWidget):
    """A person narrows the list by fabric, time and text; ``changed`` says that it has to be read anew."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fabric = QComboBox()
        self.fabric.setAccessibleName("Fabric")
        self.fabric.setToolTip("Rolls of one fabric only")
        self.fabric.addItem(ALL)
        self.span = QComboBox()
        self.span.setAccessibleName("Time")
        self.span.setToolTip("Rolls started in this time only")
        self.span.addItems(list(_SPANS))
        self.text = QLineEdit()
        self.text.setPlaceholderText(actions.caption("find_roll"))
        self.text.setAccessibleName("Find a roll by name")
        actions.attach(self.text, "find_roll", self.text.setFocus)
        self.text.setClearButtonEnabled(True)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.changed)
        self.text.textChanged.connect(lambda _text: self._typing.start())
        self.fabric.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.span.currentIndexChanged.connect(lambda _index: self.changed.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 14, 4)
        column.setSpacing(8)
        column.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.fabric, 1)
        row.addWidget(self.span, 1)
        column.addLayout(row)

    def show_fabrics(self, fabrics: list[str]) -> None:
        """Offer the fabrics that can be chosen; the choice stays if it can."""
        chosen = self.fabric.currentText()
        if [self.fabric.itemText(at) for at in range(1, self.fabric.count())] == fabrics:
            return
        with QSignalBlocker(self.fabric):
            self.fabric.clear()
            self.fabric.addItems([ALL, *fabrics])
            self.fabric.setCurrentText(chosen)

    def value(self) -> RollFilter:
        """Give the filter as the records understand it."""
        days = _SPANS[self.span.currentText()]
        since = None
        if days is not None:
            day = date.today()
            midnight = datetime.combine(day, time.min).astimezone()
            since = (midnight - timedelta(days=days)).astimezone(UTC)
        fabric = self.fabric.currentText()
        return RollFilter(fabric=None if fabric == ALL else fabric, since=since, text=self.text.text().strip() or None)
