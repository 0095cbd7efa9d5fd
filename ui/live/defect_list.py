"""The list of the last defects is a model with named roles and a delegate that paints a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from station.contract import Defect
from station.display_score import display_score
from station.state.defect_kind import kind_words
from ui import theme
from ui.widgets.gauges import draw_score_bar
from ui.words import position, size

Index = QModelIndex | QPersistentModelIndex
ROW_HIGH = 84
THUMB = 64
_KEEP = 200
_SAID = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
"""By these roles a row is told whole, as a sentence; on the screen there is not always room."""


@dataclass(frozen=True, slots=True)
class LiveDefect:
    """A row holds the defect, its picture if there is one, and whether its alarm waits for an answer."""

    defect: Defect
    unit: str
    thumb: QImage | None
    open_alarm: bool


class LiveDefects(QAbstractListModel):
    """The model holds the open roll's defects, newest first, at most 200; one that still grows outlasts closed ones.

    Item role: the whole row, for the delegate; ``Qt.DisplayRole`` reads it aloud.
    """

    ItemRole = Qt.ItemDataRole.UserRole + 1
    NumberRole = Qt.ItemDataRole.UserRole + 2
    RejectRole = Qt.ItemDataRole.UserRole + 3
    AlarmRole = Qt.ItemDataRole.UserRole + 4

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[LiveDefect] = []

    def roleNames(self) -> dict[int, Any]:
        """Name the roles."""
        return {
            self.ItemRole: b"item",
            self.NumberRole: b"number",
            self.RejectRole: b"reject",
            self.AlarmRole: b"alarm",
        }

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give a row's value for a role."""
        row = self._rows[index.row()]
        if role == self.ItemRole:
            return row
        if role == self.NumberRole:
            return row.defect.number
        if role == self.RejectRole:
            return row.defect.is_reject
        if role == self.AlarmRole:
            return row.open_alarm
        if role in _SAID:
            return describe(row)
        return None

    @property
    def rows(self) -> list[LiveDefect]:
        """Give all rows, newest first."""
        return list(self._rows)

    def put(self, row: LiveDefect) -> None:
        """Insert a defect in its place, a new one at the top, or renew a known one (a picture once seen stays)."""
        for at, old in enumerate(self._rows):
            if old.defect.number == row.defect.number:
                if row.thumb is None:
                    row = replace(row, thumb=old.thumb)
                self._rows[at] = row
                self.dataChanged.emit(self.index(at), self.index(at))
                return
        place = self._place_of(row.defect.number)
        self.beginInsertRows(QModelIndex(), place, place)
        self._rows.insert(place, row)
        self.endInsertRows()
        if len(self._rows) > _KEEP:
            closed = (at for at in reversed(range(len(self._rows))) if self._rows[at].defect.closed)
            self._remove(next(closed, len(self._rows) - 1))

    def drop(self, number: int) -> None:
        """Take a defect off the list; nothing happens if it is not there."""
        for at, row in enumerate(self._rows):
            if row.defect.number == number:
                self._remove(at)
                return

    def _place_of(self, number: int) -> int:
        return next((at for at, row in enumerate(self._rows) if row.defect.number < number), len(self._rows))

    def _remove(self, at: int) -> None:
        self.beginRemoveRows(QModelIndex(), at, at)
        del self._rows[at]
        self.endRemoveRows()

    def acknowledge(self) -> None:
        """Mark all alarms as answered."""
        self._rows = [replace(row, open_alarm=False) for row in self._rows]
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def clear(self) -> None:
        """Forget all defects, for a new roll."""
        self.beginResetModel()
        self._rows.clear()
        self.endResetModel()


class ListedDefects(QSortFilterProxyModel):
    """The list shows rejects, and what passes only if wanted."""

    def __init__(self, source: LiveDefects, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all = False
        self.setSourceModel(source)

    def show_all(self, wanted: bool) -> None:
        """List what passes too."""
        self._all = wanted
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """Tell whether a row is listed."""
        source = self.sourceModel()
        return self._all or bool(source.index(source_row, 0, source_parent).data(LiveDefects.RejectRole))


def describe(row: LiveDefect) -> str:
    """Describe a row in one line."""
    d = row.defect
    verdict = "reject" if d.is_reject else "passes"
    where = f"{position(d.position_mm, row.unit)}, {d.across_mm:.0f} {row.unit} across"
    what = f"{kind_words(d.kind, d.parts, d.look)}, {size(d.length_mm, d.width_mm, row.unit)}"
    return f"{d.number}: {what}, at {where}, {verdict}"


class LiveDefectDelegate(QStyledItemDelegate):
    """The delegate paints a row: picture, kind, size, place, score bar, verdict in words and sign."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        """Give every row the same height."""
        return QSize(260, ROW_HIGH)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        row: LiveDefect = index.data(LiveDefects.ItemRole)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect.adjusted(0, 1, 0, -2), theme.colour("selection"))
        if row.open_alarm:
            painter.fillRect(QRect(rect.left(), rect.top() + 1, 4, rect.height() - 3), theme.colour("critical"))
        painter.setPen(theme.colour("edge"))
        painter.drawLine(rect.left() + 10, rect.bottom(), rect.right() - 10, rect.bottom())
        self._paint_thumb(painter, row, QRect(rect.left() + 12, rect.top() + 10, THUMB, THUMB))
        self._paint_words(painter, row, rect.adjusted(12 + THUMB + 12, 9, -12, -9))
        painter.restore()

    def _paint_thumb(self, painter: QPainter, row: LiveDefect, box: QRect) -> None:
        painter.fillRect(box, theme.colour("cloth_ground"))
        if row.thumb is not None:
            painter.drawImage(box.topLeft(), row.thumb)
        painter.setPen(QPen(theme.colour("critical" if row.defect.is_reject else "edge_strong"), 2))
        painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _paint_words(self, painter: QPainter, row: LiveDefect, box: QRect) -> None:
        d = row.defect
        left, top = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignVCenter
        verdict, shade = ("REJECT", "critical_deep") if d.is_reject else ("passes", "text_soft")
        painter.setFont(theme.font("caption", bold=True))
        wide = painter.fontMetrics().horizontalAdvance(verdict)
        painter.setPen(theme.colour(shade))
        line = QRect(box.left(), box.top(), box.width(), 18)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | top, verdict)
        sign = "warning" if d.is_reject else "check"
        theme.draw_symbol(painter, sign, line.right() - wide - 17, line.top() + 3, 12, theme.colour(shade))
        painter.setFont(theme.font("body", bold=True))
        painter.setPen(theme.colour("text"))
        title = QRect(line.left(), line.top(), line.width() - wide - 24, line.height())
        text = painter.fontMetrics().elidedText(
            f"{d.number}  {kind_words(d.kind, d.parts, d.look)}", Qt.TextElideMode.ElideRight, title.width()
        )
        painter.drawText(title, left | top, text)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("text_soft"))
        painter.drawText(
            QRect(box.left(), box.top() + 19, box.width(), 16), left | top, size(d.length_mm, d.width_mm, row.unit)
        )
        place = f"{position(d.position_mm, row.unit)}  ·  {d.across_mm:.0f} {row.unit} across"
        painter.drawText(QRect(box.left(), box.top() + 35, box.width(), 16), left | top, place)
        bar = QRectF(box.left(), box.bottom() - 8, box.width(), 6)
        draw_score_bar(painter, bar, display_score(d.score, d.threshold))
