"""The roll map shows from above where defects lie and which metres nobody looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui import theme
from ui.widgets.gauges import round_step

_MARK = 9.0
_MANY, _CELL = 400, 5.0


@dataclass(frozen=True, slots=True)
class MapDefect:
    """A mark has its extent along in lines, its middle across as a share; ``key`` comes back when clicked."""

    key: int
    first_line: int
    end_line: int
    across: float
    is_reject: bool
    dismissed: bool = False


class RollMap(QWidget):
    """The map starts at the left or, upright, at the top, so that both read like the cloth.

    Rejects are red diamonds, passed defects small grey dots, false alarms crossed out, cloth nobody judged is hatched
    amber, and cloth that differs as a whole from what was taught is hatched grey.
    """

    chosen = Signal(int)

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._across = orientation is Qt.Orientation.Horizontal
        self.setAccessibleName("Roll map")
        grow, keep = QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        self.setSizePolicy(grow if self._across else keep, keep if self._across else grow)
        self._lines = 0
        self._mm_per_px: float | None = None
        self.defects: Sequence[MapDefect] = ()
        self.stretches: Sequence[tuple[int, int]] = ()
        self.differing: Sequence[tuple[int, int]] = ()
        self._window: tuple[int, int] | None = None
        self._chosen: int | None = None
        self._hatch = theme.hatch("warning")
        self._other_cloth = theme.hatch("data", 110)

    def sizeHint(self) -> QSize:
        """Ask for little room across the cloth, and for as much as there is along it."""
        return QSize(500, 112) if self._across else QSize(92, 400)

    def show_roll(
        self,
        lines: int,
        mm_per_px: float | None,
        defects: Sequence[MapDefect],
        uninspected: Sequence[tuple[int, int]],
        window: tuple[int, int] | None = None,
        differing: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Show ``lines`` of cloth, its defects, its uninspected stretches, the lines now in sight elsewhere, and where
        the cloth differed as a whole from what was taught."""
        self._lines = lines
        self._mm_per_px = mm_per_px
        self._window = window
        self.defects = defects
        self.stretches = uninspected
        self.differing = differing
        self.update()

    def choose(self, key: int | None) -> None:
        """Draw a ring round one mark."""
        self._chosen = key
        self.update()

    # geometry: "along" runs with the roll, "across" with the web

    def _band(self) -> QRectF:
        if self._across:
            return QRectF(10, 8, max(self.width() - 20, 10), max(self.height() - 34, 10))
        return QRectF(8, 26, max(self.width() - 48, 10), max(self.height() - 36, 10))

    def _along(self, line: float) -> float:
        band = self._band()
        start, size = (band.left(), band.width()) if self._across else (band.top(), band.height())
        return start + size * min(max(line / max(self._lines, 1), 0.0), 1.0)

    def _rect(self, first_line: float, end_line: float, least: float) -> QRectF:
        band, first = self._band(), self._along(first_line)
        long = max(self._along(end_line) - first, least)
        if self._across:
            return QRectF(first, band.top(), long, band.height())
        return QRectF(band.left(), first, band.width(), long)

    def point_of(self, defect: MapDefect) -> QPointF:
        band, along = self._band(), self._along((defect.first_line + defect.end_line) / 2)
        if self._across:
            return QPointF(along, band.top() + band.height() * defect.across)
        return QPointF(band.left() + band.width() * defect.across, along)

    def _apart(self) -> Sequence[MapDefect]:
        """Choose the marks to paint, rejects last: of thousands the longest that do not hide each other."""
        if len(self.defects) <= _MANY:
            return sorted(self.defects, key=lambda d: d.is_reject)
        table = np.array([(d.first_line, d.end_line, d.across, d.is_reject, d.dismissed) for d in self.defects])
        band = self._band()
        along, across = (band.width(), band.height()) if self._across else (band.height(), band.width())
        row = (table[:, :2].mean(axis=1) / max(self._lines, 1) * along) // _CELL
        column = (table[:, 2] * across) // _CELL
        longest = np.argsort(table[:, 0] - table[:, 1], kind="stable")
        cells = np.stack([table[:, 3], table[:, 4], row, column], axis=1)[longest]
        _, kept = np.unique(cells, axis=0, return_index=True)  # in the order of the cells: rejects last
        return [self.defects[at] for at in longest[kept]]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the mark nearest to the click, if one is near."""
        near = [(abs((p := self.point_of(d) - event.position()).x()) + abs(p.y()), d.key) for d in self.defects]
        if near and min(near)[0] < 14:
            self.chosen.emit(min(near)[1])
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint band, stretches, marks and scale."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        band = self._band()
        painter.setPen(QPen(theme.colour("edge_strong"), 1))
        painter.setBrush(theme.colour("field"))
        painter.drawRect(band)
        if self._lines:
            for first, end in self.differing:
                painter.fillRect(self._rect(first, end, 2.0), self._other_cloth)
            for first, end in self.stretches:
                painter.fillRect(self._rect(first, end, 2.0), theme.colour("field"))
                painter.fillRect(self._rect(first, end, 2.0), self._hatch)
            if self._window:
                painter.setBrush(theme.colour("data", 40))
                painter.setPen(QPen(theme.colour("data_strong"), 1))
                painter.drawRect(self._rect(*self._window, 4.0))
            for defect in self._apart():
                self._paint_mark(painter, defect)
            self._paint_choice(painter)
            self._paint_scale(painter, band)
        painter.end()

    def _paint_mark(self, painter: QPainter, defect: MapDefect) -> None:
        at = self.point_of(defect)
        red = defect.is_reject and not defect.dismissed
        painter.setPen(QPen(theme.colour("critical" if red else "data"), 2.4 if red else 1.6))
        run = self._rect(defect.first_line, defect.end_line, 0.0)
        if self._across and run.width() > _MARK:
            painter.drawLine(QPointF(run.left(), at.y()), QPointF(run.right(), at.y()))
        elif not self._across and run.height() > _MARK:
            painter.drawLine(QPointF(at.x(), run.top()), QPointF(at.x(), run.bottom()))
        if defect.dismissed:
            theme.draw_symbol(painter, "cross", at.x() - 4, at.y() - 4, 8, theme.colour("data_strong"))
        elif red:
            painter.save()
            painter.translate(at)
            painter.rotate(45)
            painter.setPen(QPen(theme.colour("field"), 1))
            painter.setBrush(theme.colour("critical"))
            painter.drawRect(QRectF(-_MARK / 2, -_MARK / 2, _MARK, _MARK))
            painter.restore()
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("data"))
            painter.drawEllipse(at, 2.6, 2.6)

    def _paint_choice(self, painter: QPainter) -> None:
        chosen = next((d for d in self.defects if d.key == self._chosen), None)
        if chosen is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawEllipse(self.point_of(chosen), 10, 10)

    def _paint_scale(self, painter: QPainter, band: QRectF) -> None:
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("text_soft"))
        per_unit = (self._mm_per_px or 1000.0) / 1000  # metres (or lines) per line
        total = self._lines * per_unit
        room = band.width() / 90 if self._across else band.height() / 60
        step = round_step(total / max(room, 1.0))
        digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
        for index in range(int(total / step * 1.0001) + 1):
            at = self._along(index * step / per_unit)
            self._paint_tick(painter, band, at, f"{index * step:.{digits}f}")
        unit = "m" if self._mm_per_px else "lines"
        if not self._across:
            painter.drawText(QRectF(band.right() + 8, 2, 40, 16), Qt.AlignmentFlag.AlignLeft, unit)

    def _paint_tick(self, painter: QPainter, band: QRectF, at: float, word: str) -> None:
        if not self._across:
            painter.drawLine(QPointF(band.right() + 1, at), QPointF(band.right() + 5, at))
            place = QRectF(band.right() + 8, at - 9, 40, 18)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, word)
            return
        painter.drawLine(QPointF(at, band.bottom() + 1), QPointF(at, band.bottom() + 5))
        place = QRectF(min(max(at - 40, band.left()), band.right() - 80), band.bottom() + 6, 80, 18)
        side = Qt.AlignmentFlag.AlignHCenter
        if place.left() != at - 40:
            side = Qt.AlignmentFlag.AlignLeft if at < self.width() / 2 else Qt.AlignmentFlag.AlignRight
        painter.drawText(place, side, word + (" m" if self._mm_per_px and word.strip("0.") == "" else ""))
