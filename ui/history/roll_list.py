"""The list of rolls is a model with named roles and a delegate that paints a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from station.records.rows import RollRow
from ui import theme
from ui.words import count, grouped, metres, when

Index = QModelIndex | QPersistentModelIndex
ROW_HIGH = 70
UNDER_WAY = "under way, counted at its end"


def span_of(roll: RollRow, lines: int) -> str:
    """Write a length in metres where the roll has a scale, in lines where not."""
    if roll.mm_per_line is None:
        return f"{grouped(lines)} lines"
    length_m = lines * roll.mm_per_line / 1000
    return metres(length_m, 1 if length_m >= 1 or lines == 0 else 2)


class RollList(QAbstractListModel):
    """The model holds rolls, newest first."""

    RollRole = Qt.ItemDataRole.UserRole + 1
    IdRole = Qt.ItemDataRole.UserRole + 2

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RollRow] = []

    def roleNames(self) -> dict[int, Any]:
        """Name the roles."""
        return {self.RollRole: b"roll", self.IdRole: b"id"}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the rolls."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give a roll's value for a role."""
        roll = self._rows[index.row()]
        if role == self.RollRole:
            return roll
        if role == self.IdRole:
            return roll.id
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            lost = roll.ledger.lines_uninspected
            missed = f", {span_of(roll, lost)} not inspected" if lost else ""
            found = count(roll.rejects, "reject") if roll.ended_at else UNDER_WAY
            incomplete = ", incomplete" if roll.incomplete else ""
            return f"{roll.name}, {roll.fabric}, {found}{incomplete}{missed}"
        return None

    @property
    def rows(self) -> list[RollRow]:
        """Give all rolls, as shown."""
        return list(self._rows)

    def show_rows(self, rows: Sequence[RollRow]) -> None:
        """Show other rolls."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def row_of(self, roll_id: int) -> int | None:
        """Find the row of a roll."""
        return next((at for at, roll in enumerate(self._rows) if roll.id == roll_id), None)


class RollDelegate(QStyledItemDelegate):
    """The delegate paints name, fabric, time, metres and rejects; an amber sign where cloth was not
    inspected or the record is incomplete."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        """Give every row the same height."""
        return QSize(240, ROW_HIGH)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        roll: RollRow = index.data(RollList.RollRole)
        rect: QRect = option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect.adjusted(0, 0, 0, -1), theme.colour("selection"))
            painter.fillRect(QRect(rect.left(), rect.top(), 4, rect.height() - 1), theme.colour("selection_edge"))
        painter.setPen(theme.colour("edge"))
        painter.drawLine(rect.left() + 14, rect.bottom(), rect.right() - 14, rect.bottom())
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        box = rect.adjusted(14, 8, -14, -8)
        lines = [QRect(box.left(), box.top() + at * 18, box.width(), 18) for at in range(3)]
        painter.setFont(theme.font("body", bold=True))
        painter.setPen(theme.colour("text"))
        painter.drawText(lines[0], left, roll.name)
        if roll.ended_at:
            painter.setPen(theme.colour("critical_deep" if roll.rejects else "text_soft"))
            painter.drawText(lines[0], right, count(roll.rejects, "reject"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("text_soft"))
        painter.drawText(lines[1], left, f"{roll.fabric} · v{roll.recipe_version}")
        painter.drawText(lines[1], right, when(roll.started_at))
        done = f"{span_of(roll, roll.ledger.lines_inspected)} inspected"
        painter.drawText(lines[2], left, done if roll.ended_at else UNDER_WAY)
        lost = roll.ledger.lines_uninspected
        if lost or roll.incomplete:
            text = "incomplete" if roll.incomplete else f"{span_of(roll, lost)} not inspected"
            painter.setPen(theme.colour("warning_deep"))
            painter.drawText(lines[2], right, text)
            x = lines[2].right() - painter.fontMetrics().horizontalAdvance(text) - 17
            theme.draw_symbol(painter, "warning", x, lines[2].top() + 3, 12, theme.colour("warning_deep"))
        painter.restore()
