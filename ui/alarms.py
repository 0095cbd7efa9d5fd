"""The alarm row shows rejects nobody has answered, and what a person should know, in the same place on every page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from station.contract import Acknowledged, Defect, Notice, Severity, StationError
from station.current_user import login
from station.state.defect_kind import kind_words
from ui import actions, theme
from ui.widgets.gauges import Sign
from ui.widgets.parts import ElidedLabel
from ui.words import count, position, size

HIGH = 46
_MOST_NOTICES = 50
_SEVERITY_ORDER = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_RED, _AMBER, _GREY = "critical", "warning", "panel"


def _severity_rank(notice: Notice) -> int:
    return _SEVERITY_ORDER[notice.severity]


class AlarmRow(QWidget):
    """One row under the header.  Grey and quiet at rest; red and flashing while a reject is unanswered.

    Nothing pops up over it and nothing moves when it changes.  ``acknowledged`` is emitted when a person answers,
    with the numbers of the rejects (a set), once the answer was taken; a refused one is told, and nothing clears.

    Args:
        answer: takes all that a person answers, for the record; raises StationError where it is refused.
        parent: the widget it lies in.
    """

    acknowledged = Signal(object)

    def __init__(self, answer: Callable[[Acknowledged], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answer = answer
        self.setFixedHeight(HIGH)
        self.setAccessibleName("Alarms")
        self._rejects: dict[int, str] = {}
        self._notices: list[Notice] = []
        self._since_s = 0.0
        self._ground = _GREY
        self._sign = Sign(18)
        self._text = ElidedLabel()
        self._button = QPushButton(actions.caption("acknowledge"))
        self._button.setToolTip(actions.tooltip("acknowledge"))
        self._button.setAccessibleName("Acknowledge alarms")
        self._button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._button.clicked.connect(self.acknowledge)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 0, 12, 0)
        row.setSpacing(12)
        row.addWidget(self._sign)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        self._show()

    @property
    def text(self) -> str:
        """Give what the row says."""
        return self._text.text()

    @property
    def open_alarms(self) -> set[int]:
        """Give the numbers of the rejects nobody has answered."""
        return set(self._rejects)

    @property
    def has_notice(self) -> bool:
        """Tell whether a notice waits to be acknowledged."""
        return bool(self._notices)

    def put_reject(self, defect: Defect, unit: str) -> None:
        """Show a reject that has appeared or grown."""
        where = f"{position(defect.position_mm, unit)}, {defect.across_mm:.0f} {unit} across"
        what = f"{kind_words(defect.kind, defect.parts, defect.look)} {size(defect.length_mm, defect.width_mm, unit)}"
        self._rejects[defect.number] = f"No. {defect.number}, {what}, at {where}"
        self._show()

    def withdraw(self, number: int) -> None:
        """Take a reject back that turned out to pass, or to be part of another."""
        if self._rejects.pop(number, None) is not None:
            self._show()

    def forget_rejects(self) -> None:
        """A new roll: rejects of the last one are closed with it.  Notices stay until a person answers them."""
        self._rejects.clear()
        self._show()

    def put_notice(self, notice: Notice) -> None:
        """Something a person should know; stays until it was shown and acknowledged.

        The newest of the gravest is shown, the others are counted; of too many the oldest of the least grave goes.
        """
        self._notices = [old for old in self._notices if old.text != notice.text] + [notice]
        if len(self._notices) > _MOST_NOTICES:
            self._notices.remove(min(self._notices, key=_severity_rank))
        self._show()

    def acknowledge(self) -> None:
        """A person has seen what is shown: the rejects, which are listed too, and one notice.  The next follows."""
        if self._rejects or self._notices:
            answered, seen = self.open_alarms, self._foremost
            try:
                self._answer(Acknowledged(login(), tuple(sorted(answered)), () if seen is None else (seen.text,)))
            except StationError as error:
                self.put_notice(Notice(Severity.ERROR, str(error)))
                return
            self._rejects.clear()
            if seen is not None:
                self._notices.remove(seen)
            self._show()
            self.acknowledged.emit(answered)

    def advance(self, passed_s: float) -> None:
        """Flash twice a second while a reject is open."""
        if self._rejects:
            before = self._flash_on
            self._since_s = (self._since_s + passed_s) % 10.0
            if before != self._flash_on:
                self.update()

    @property
    def _flash_on(self) -> bool:
        return bool(self._rejects) and (self._since_s * 2.0) % 1.0 >= 0.5

    @property
    def _foremost(self) -> Notice | None:
        """The notice that is shown: the newest of the gravest."""
        return max(reversed(self._notices), key=_severity_rank, default=None)

    def _show(self) -> None:
        worst = self._foremost
        severity = worst.severity if worst else Severity.INFO
        more = f" (and {len(self._notices) - 1} more)" if len(self._notices) > 1 else ""
        words = [worst.text + more] if worst else []
        if self._rejects:
            lead, newest = count(len(self._rejects), "unanswered reject"), self._rejects[max(self._rejects)]
            # beside a long notice only the count is sure to be seen
            words = [lead, *words, newest] if words else [f"{lead}:  {newest}"]
        if self._rejects or severity is Severity.ERROR:
            self._ground = _RED
            sign = "warning"
            text = "critical_text"
            button = "alarm"
        elif severity is Severity.WARNING:
            self._ground = _AMBER
            sign = "warning"
            text = "warning_text"
            button = "alarm-warning"
        else:
            self._ground = _GREY
            sign = "check"
            text = "text_soft"
            button = "button"
        self._sign.show_sign(sign, text)
        self._text.setText("   ·   ".join(words) or "No unanswered alarms")
        self._text.setToolTip("\n".join([*(notice.text for notice in self._notices), *self._rejects.values()]))
        theme.restyle(self._text, f"alarm-{text}")
        theme.restyle(self._button, button)
        self._button.setVisible(bool(words))
        self.setAccessibleDescription(self._text.text())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the ground and a line below."""
        painter = QPainter(self)
        deep = self._ground == _RED and self._flash_on
        painter.fillRect(self.rect(), theme.colour("critical_deep" if deep else self._ground))
        painter.setPen(theme.colour("edge_strong" if self._ground == _GREY else f"{self._ground}_deep"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()
