"""The machine row: a stop that counts down, the veto, the metres to the next reject.  Same place on every page."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from station.contract import Core, LinkState, MachineStatus, NextReject, Notice, Severity, StationError, StopState
from station.current_user import login
from ui import theme
from ui.widgets.gauges import Sign
from ui.widgets.parts import ElidedLabel, button, label, set_text
from ui.words import metres

HIGH = 46
READ_S = 0.7
"""A veto counts only for a cause that has been on the screen so long: one in reflex is no answer to what just came."""

_RED, _AMBER, _GREY = "critical", "warning", "panel"
_INK = {_RED: "critical_text", _AMBER: "warning_text", _GREY: "text_soft"}


class MachineRow(QWidget):
    """One row under the alarms, there only where a machine is set up; then it stays, so that nothing moves.

    Grey at rest; red while a stop counts down, is requested, or the machine cannot rely on the station; amber while the
    link is lost.  ``told`` carries a :class:`station.contract.Notice` if the core refuses, ``changed`` follows a
    command.
    """

    told = Signal(object)
    changed = Signal()

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._ground = _GREY
        self._cause_number = 0
        self._shown_s = 0.0
        self.setFixedHeight(HIGH)
        self.setAccessibleName("Machine")
        self.setVisible(False)
        self._sign = Sign(18)
        self._text = ElidedLabel()
        self._ahead = label("", "alarm-text_soft")
        self.veto_button = button("veto", role="alarm")
        self.release_button = button("release", role="alarm")
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 0, 12, 0)
        row.setSpacing(12)
        row.addWidget(self._sign)
        row.addWidget(self._text, 1)
        row.addWidget(self._ahead)
        self.veto_button.clicked.connect(self._veto)
        self.release_button.clicked.connect(lambda: self._command(core.release_stop))
        for made in (self.veto_button, self.release_button):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.setVisible(False)
            row.addWidget(made)

    @property
    def text(self) -> str:
        """Give what the row says of the machine."""
        return self._text.text()

    @property
    def ahead(self) -> str:
        """Give what the row says of the next rejects."""
        return self._ahead.text()

    @property
    def ground(self) -> str:
        """The token of the colour behind it."""
        return self._ground

    def show_status(self, status: MachineStatus | None) -> None:
        """Show how the machine is; None where none is set up."""
        self.setVisible(status is not None)
        if status is None:
            return
        if status.cause_number != self._cause_number:
            self._cause_number = status.cause_number
            self._shown_s = time.monotonic()
        text, self._ground = _words(status)
        ink = _INK[self._ground]
        self._sign.show_sign("check" if self._ground == _GREY else "warning", ink)
        set_text(self._text, text)
        self._text.setToolTip(text)
        set_text(self._ahead, _ahead_words(status.to_marker, status.to_roll))
        self._ahead.setToolTip(_marks_words(status))
        for made in (self._text, self._ahead):
            theme.restyle(made, f"alarm-{ink}")
        self.veto_button.setVisible(status.stop is StopState.ANNOUNCED)
        self.release_button.setVisible(status.stop is StopState.REQUESTED)
        self.setAccessibleDescription(f"{text}. {self.ahead}" if self.ahead else text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the ground and a line below."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(self._ground))
        if self._ground != _GREY:
            painter.fillRect(0, 0, self.width(), 3, theme.colour("panel"))  # the alarms above are red, too
        painter.setPen(theme.colour("edge_strong" if self._ground == _GREY else f"{self._ground}_deep"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()

    def _veto(self) -> None:
        """Veto what is on the screen, and nothing that came since."""
        shown = self._cause_number
        if time.monotonic() - self._shown_s >= READ_S:
            self._command(lambda by: self._core.veto_stop(by, shown))

    def _command(self, command: Callable[[str], None]) -> None:
        try:
            command(login())
        except StationError as error:
            self.told.emit(Notice(Severity.ERROR, str(error)))
        self.changed.emit()


def _words(status: MachineStatus) -> tuple[str, str]:
    """What to say of the machine, and the colour behind it; the gravest first."""
    if status.stop is StopState.REQUESTED:
        return f"{_stopping(status)}: {status.cause}", _RED
    if status.stop is StopState.ANNOUNCED:
        by_hand = "" if _is_stopped_from_here(status) else " by hand"
        return f"Stop{by_hand} in {metres(status.metres_to_stop or 0.0, 1)}: {status.cause}", _RED
    if status.heart_still:
        return f"{_stopping(status)}: the station cannot watch the cloth ({status.heart_still})", _RED
    if status.link is LinkState.LOST:
        return "The link to the machine is lost: no stop and no mark reaches it; trying again", _AMBER
    if status.link is LinkState.RESTING:
        return "The signals to the machine rest until a roll is open", _GREY
    moves = {True: "The machine runs", False: "The machine stands", None: "Machine"}[status.running]
    return f"{moves}; no stop is wanted", _GREY


def _stopping(status: MachineStatus) -> str:
    """What becomes of a stop that is wanted now: whether the machine hears of it, or a person has to stop it."""
    if _is_stopped_from_here(status):
        moves = {True: ", the machine still runs", False: ", the machine stands", None: ""}[status.running]
        return f"Stop requested{moves}"
    why = {LinkState.LOST: ", its link is lost", LinkState.RESTING: ", its signals rest"}.get(status.link, "")
    return f"Stop the machine by hand{why}"


def _is_stopped_from_here(status: MachineStatus) -> bool:
    return status.wires_stop and status.link is LinkState.CONNECTED


def _ahead_words(to_marker: NextReject | None, to_roll: NextReject | None) -> str:
    """How far the next reject is from the marker and from the cloth roll."""
    places = (("marker", to_marker), ("roll", to_roll))
    ways = [f"{name} in {metres(ahead.metres)} (No. {ahead.number})" for name, ahead in places if ahead]
    return f"Next reject:  {'   ·   '.join(ways)}" if ways else ""


def _marks_words(status: MachineStatus) -> str:
    return f"{status.marked} marked, {status.marked_late} of them late; {status.not_marked} not marked"
