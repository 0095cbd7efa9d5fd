"""The gallery shows recorded defects as crops in rows, told apart by sign and word as well as by colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from station.records.rows import DefectRow, Verdict
from station.state.defect_kind import kind_words
from ui import theme
from ui.widgets.crops import PictureCache
from ui.widgets.pictures import draw_fitted
from ui.words import position

Index = QModelIndex | QPersistentModelIndex
CELL_WIDE, WORDS_HIGH = 118, 34
_SAID = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
"""By these roles a row is told whole, as a sentence; on the screen there is not always room."""


class DefectGallery(QAbstractListModel):
    """The model holds recorded defects in the order given."""

    DefectRole = Qt.ItemDataRole.UserRole + 1
    IdRole = Qt.ItemDataRole.UserRole + 2
    VerdictRole = Qt.ItemDataRole.UserRole + 3
    NoteRole = Qt.ItemDataRole.UserRole + 4

    def __init__(self, pictures: PictureCache, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pictures = pictures
        pictures.arrived.connect(self._arrived)
        self._rows: list[DefectRow] = []
        self._notes: dict[int, str] = {}
        self._place: dict[int, int] = {}

    def roleNames(self) -> dict[int, Any]:
        """Name the roles."""
        return {self.DefectRole: b"defect", self.IdRole: b"id", self.VerdictRole: b"verdict", self.NoteRole: b"note"}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the defects."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give a defect's value for a role."""
        row = self._rows[index.row()]
        if role == self.DefectRole:
            return row
        if role == self.IdRole:
            return row.id
        if role == self.VerdictRole:
            return row.verdict
        if role == self.NoteRole:
            return self._notes.get(row.id, "")
        if role in _SAID:
            verdict = row.verdict.value if row.verdict else "not reviewed"
            what = kind_words(row.kind, row.parts, row.look)
            return f"{row.label}: {what} at {position(row.position_mm, row.unit)}, {verdict}"
        return None

    @property
    def rows(self) -> list[DefectRow]:
        """Give all defects, as shown."""
        return list(self._rows)

    def show_rows(self, rows: Sequence[DefectRow], notes: dict[int, str] | None = None) -> None:
        """Show other defects; ``notes`` by id replace the position under a picture."""
        self.beginResetModel()
        self._rows = list(rows)
        self._notes = dict(notes or {})
        self._place = {row.id: at for at, row in enumerate(self._rows)}
        self.endResetModel()

    def renew(self, row: DefectRow) -> None:
        """Show a defect that has changed."""
        at = self._place.get(row.id)
        if at is not None:
            self._rows[at] = row
            self.dataChanged.emit(self.index(at), self.index(at))

    def place(self, defect_id: int) -> int | None:
        """Find the row of a defect."""
        return self._place.get(defect_id)

    def _arrived(self, defect_id: int) -> None:
        at = self._place.get(defect_id)
        if at is not None:
            self.dataChanged.emit(self.index(at), self.index(at))


class GalleryDelegate(QStyledItemDelegate):
    """The delegate paints a cell: crop, number, place, review."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        """Give every cell the size of the view's grid."""
        view = self.parent()
        return view.gridSize() if isinstance(view, QListView) else QSize(CELL_WIDE, CELL_WIDE + WORDS_HIGH)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell."""
        row: DefectRow = index.data(DefectGallery.DefectRole)
        model = index.model()
        rect: QRect = option.rect.adjusted(4, 4, -4, -4)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.fillRect(rect, theme.colour("selection" if chosen else "field"))
        painter.setPen(QPen(theme.colour("selection_edge" if chosen else "edge"), 2 if chosen else 1))
        painter.drawRect(rect.adjusted(0, 0, -1, -1))
        picture = QRect(rect.left() + 6, rect.top() + 6, rect.width() - 12, rect.width() - 12)
        pictures = model.pictures.get(row) if isinstance(model, DefectGallery) else None
        draw_fitted(painter, pictures.crop if pictures else None, picture)
        if row.is_reject:
            painter.setPen(QPen(theme.colour("critical"), 2))
            painter.drawRect(picture)
        words = QRect(picture.left(), picture.bottom() + 5, picture.width(), rect.bottom() - picture.bottom() - 8)
        self._paint_words(painter, row, index.data(DefectGallery.NoteRole), words)
        painter.restore()

    def _paint_words(self, painter: QPainter, row: DefectRow, note: str, box: QRect) -> None:
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        upper = QRect(box.left(), box.top(), box.width(), 15)
        lower = upper.translated(0, 15)
        painter.setFont(theme.font("caption", bold=True))
        painter.setPen(theme.colour("text"))
        painter.drawText(upper, left, row.label)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("text_soft"))
        painter.drawText(upper, Qt.AlignmentFlag.AlignRight, note or position(row.position_mm, row.unit))
        kind = painter.fontMetrics().elidedText(
            kind_words(row.kind, row.parts, row.look), Qt.TextElideMode.ElideRight, box.width() - 18
        )
        painter.drawText(lower, left, kind)
        if row.verdict is not None:
            sign = {Verdict.CONFIRMED: "check", Verdict.FALSE_ALARM: "cross"}.get(row.verdict, "warning")
            theme.draw_symbol(painter, sign, lower.right() - 12, lower.top() + 2, 12, theme.colour("text"))


class GalleryView(QListView):
    """The view wraps its cells, and arrow keys walk through them."""

    def __init__(self, name: str, model: DefectGallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(GalleryDelegate(self))
        self.setAccessibleName(name)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setWrapping(True)
        self.setSpacing(0)
        self.setGridSize(QSize(CELL_WIDE, CELL_WIDE + WORDS_HIGH))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # its room stays, or cells would jump when it comes; its handle shows only where there is something to scroll
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        bar = self.verticalScrollBar()
        theme.restyle(bar, "idle")
        bar.rangeChanged.connect(lambda low, high: theme.restyle(bar, "idle" if low == high else ""))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out as many columns as fit, and cells that fill the width."""
        wide = self.viewport().width() - 2
        cell = wide // max(wide // CELL_WIDE, 1)
        self.setGridSize(QSize(cell, cell + WORDS_HIGH))
        super().resizeEvent(event)
