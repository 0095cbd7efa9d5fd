"""The operator starts, pauses and ends a roll here, and reads its figures."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QPushButton, QWidget

from station.contract import Core, LineSnapshot, Notice, Severity, StationError
from ui import actions, theme
from ui.widgets.gauges import Trend
from ui.widgets.parts import Figure, Panel, button, label, set_text
from ui.words import grouped, span, speed_limit

CONFIRM_S = 4.0


class RollControls(Panel):
    """A person chooses the fabric here, and starts, pauses and ends the roll.

    ``told`` carries a :class:`station.contract.Notice` if the core refuses; ``changed`` follows every command.
    """

    told = Signal(object)
    changed = Signal()

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._core = core
        self._open = False
        self._paused = False
        self._end_asked_s = -1e9
        line = QHBoxLayout()
        line.addWidget(label("Fabric", "caption"))
        self.fabric = QComboBox()
        self.fabric.setAccessibleName("Fabric of the next roll")
        self.fabric.setPlaceholderText("none taught yet")
        self.refresh()
        line.addWidget(self.fabric, 1)
        self.body.addLayout(line)
        actions.attach(self.fabric, "choose_fabric", self.fabric.setFocus)
        self.start_button = button("start_roll", role="act-big", symbol="play")
        self.pause_button = button("pause_roll", role="big", symbol="pause")
        self.end_button = button("end_roll", role="big", symbol="stop")
        row = QHBoxLayout()
        row.setSpacing(8)
        commands = ((self.start_button, self.start), (self.pause_button, self.pause), (self.end_button, self.end))
        for made, slot in commands:
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.setIconSize(QSize(14, 14))
            made.clicked.connect(slot)
            row.addWidget(made, 1)
        self.body.addLayout(row)

    def refresh(self) -> None:
        """Read the fabrics anew: one may have been taught meanwhile."""
        fabrics, chosen = self._core.fabrics(), self.fabric.currentText()
        if fabrics != [self.fabric.itemText(at) for at in range(self.fabric.count())]:
            self.fabric.clear()
            self.fabric.addItems(fabrics)
            # a box with a placeholder chooses nothing by itself
            self.fabric.setCurrentIndex(fabrics.index(chosen) if chosen in fabrics else min(0, len(fabrics) - 1))

    def start(self) -> None:
        """Start a roll of the chosen fabric, or look again."""
        self._command(self._core.resume if self._open else lambda: self._core.start_roll(self.fabric.currentText()))

    def pause(self) -> None:
        """Stop looking."""
        self._command(self._core.pause)

    def end(self) -> None:
        """End the roll when asked twice within some seconds: no dialog may hide the cloth."""
        if time.monotonic() - self._end_asked_s > CONFIRM_S:
            self._end_asked_s = time.monotonic()
        else:
            self._end_asked_s = -1e9
            self._command(self._core.end_roll)
        self.show_state(self._open, self._paused)

    def show_state(self, is_open: bool, paused: bool) -> None:
        """Offer the commands that make sense now."""
        self._open = is_open
        self._paused = paused
        asked = is_open and time.monotonic() - self._end_asked_s <= CONFIRM_S
        self.fabric.setEnabled(not is_open and self.fabric.count() > 0)
        self.start_button.setEnabled(paused or (not is_open and self.fabric.count() > 0))
        self.start_button.setText(actions.caption("start_roll", "Resume" if paused else ""))
        self.pause_button.setEnabled(is_open and not paused)
        self.end_button.setEnabled(is_open)
        self.end_button.setText(actions.caption("end_roll", "Sure?" if asked else ""))
        _highlight(self.start_button, "play", self.start_button.isEnabled())
        _highlight(self.end_button, "stop", asked)

    def _command(self, command: Callable[[], None]) -> None:
        try:
            command()
        except StationError as error:
            self.told.emit(Notice(Severity.ERROR, str(error)))
        self.changed.emit()


def _highlight(made: QPushButton, symbol: str, wanted: bool) -> None:
    """Make a button blue where a person must act."""
    if theme.restyle(made, "act-big" if wanted else "big"):
        made.setIcon(theme.icon(symbol, "act_text" if wanted else "text"))


class RollFigures(Panel):
    """The panel shows metres, rejects, defects, the speed with its trend, and how fast the machine may go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.inspected = Figure("Inspected")
        self.uninspected = Figure("Not inspected")
        self.rejects = Figure("Rejects")
        self.found = Figure("Defects")
        self.speed = Figure("Speed, m/min")
        self.trend = Trend("Speed over the last seconds")
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.inspected, 0, 0)
        grid.addWidget(self.uninspected, 0, 1)
        grid.addWidget(self.rejects, 1, 0)
        grid.addWidget(self.found, 1, 1)
        grid.addWidget(self.speed, 2, 0)
        grid.addWidget(self.trend, 2, 1, Qt.AlignmentFlag.AlignBottom)
        self.fastest = label("", "caption")
        self.fastest.setVisible(False)
        grid.addWidget(self.fastest, 3, 0, 1, 2)
        self.body.addLayout(grid)

    def show_snapshot(self, snapshot: LineSnapshot) -> None:
        """Renew the figures."""
        ledger, lost = snapshot.ledger, snapshot.ledger.lines_uninspected
        self.inspected.show_value(span(snapshot.metres_inspected, ledger.lines_inspected))
        self.uninspected.show_value(span(snapshot.metres_uninspected, lost, 2), "warning" if lost else "")
        self.rejects.show_value(grouped(snapshot.rejects), "critical" if snapshot.rejects else "")
        self.found.show_value(grouped(snapshot.defects))
        speed = snapshot.speed_m_per_min
        self.speed.show_value("–" if speed is None else f"{speed:.1f}")
        fastest = snapshot.fastest_m_per_min
        self.fastest.setVisible(fastest is not None)
        if fastest is not None:
            limit = speed_limit(fastest)
            more = f"with {limit} of this cloth, and more" if snapshot.goes_faster else f"to {limit} with this cloth"
            set_text(self.fastest, f"This machine keeps up {more}")

    def push_speed(self, snapshot: LineSnapshot) -> None:
        """Add a bar to the trend."""
        self.trend.push(abs(snapshot.speed_m_per_min or 0.0))
