"""These functions paint scales, tags and words over and beside the cloth."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from ui import theme
from ui.widgets.gauges import round_step

_MIDDLE = Qt.AlignmentFlag.AlignVCenter


def paint_along(painter: QPainter, canvas: QRect, edge: int, bottom: float, per_unit: float, metric: bool) -> None:
    """Paint the scale along the roll, left of ``edge``.

    ``bottom`` is the place at the canvas' lower edge in mm (or lines), ``per_unit`` screen px per mm (or line).
    """
    painter.setFont(theme.font("caption"))
    painter.setPen(theme.colour("text_soft"))
    right = Qt.AlignmentFlag.AlignRight
    step = round_step(70 / per_unit)
    mark = math.floor(bottom / step) * step
    while mark >= 0 and (y := canvas.bottom() + 1 - (bottom - mark) * per_unit) > canvas.top() + 4:
        word = f"{mark / 1000:.{1 if step >= 100 else 2}f}" if metric else f"{mark:.0f}"
        painter.drawLine(QPointF(edge - 6, y), QPointF(edge - 1, y))
        if y < canvas.bottom() - 4:
            painter.drawText(QRectF(0, y - 9, edge - 10, 18), right | _MIDDLE, word)
        mark -= step
    painter.drawText(QRectF(0, 4, edge - 10, 18), right | _MIDDLE, "m" if metric else "line")


def paint_across(painter: QPainter, canvas: QRect, web: tuple[float, float], per_unit: float, metric: bool) -> None:
    """Paint the scale across, above the canvas, from the web's left edge; ``web`` is in widget px."""
    painter.setFont(theme.font("caption"))
    painter.setPen(theme.colour("text_soft"))
    step, wide, mark = round_step(90 / per_unit), 80.0, 0.0
    unit = "mm" if metric else "px"
    while (x := web[0] + mark * per_unit) <= web[1] + 0.5:
        painter.drawLine(QPointF(x, canvas.top() - 6), QPointF(x, canvas.top() - 2))
        left = min(max(x - wide / 2, canvas.left()), canvas.right() - wide)
        side = Qt.AlignmentFlag.AlignHCenter
        if left != x - wide / 2:
            side = Qt.AlignmentFlag.AlignLeft if left > x - wide / 2 else Qt.AlignmentFlag.AlignRight
        painter.drawText(
            QRectF(left, 4, wide, 18), side | _MIDDLE, f"{mark:.0f} {unit}" if mark == 0 else f"{mark:.0f}"
        )
        mark += step


def paint_outline(painter: QPainter, box: QRectF, *, reject: bool, flash: bool) -> None:
    """Paint a double stroke, dark outside and bright inside: it is seen on white, black and patterned cloth.

    Rejects are solid and red (white while they flash), what passes is thin, dashed and grey.
    """
    name, line = ("overlay_reject_flash" if flash else "overlay_reject", 2.4) if reject else ("overlay_pass", 1.2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.colour("overlay_halo", 190), line + 2.6))
    painter.drawRect(box)
    dash = Qt.PenStyle.SolidLine if reject else Qt.PenStyle.DashLine
    painter.setPen(QPen(theme.colour(name), line, dash, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
    painter.drawRect(box)


def paint_tag(painter: QPainter, canvas: QRect, at: QPointF, text: str, name: str) -> None:
    """Paint words on the colour of their meaning, kept inside the canvas."""
    painter.setFont(theme.font("caption", bold=True))
    wide = painter.fontMetrics().horizontalAdvance(text) + 14
    x = min(max(at.x(), canvas.left() + 2), canvas.right() - wide - 2)
    rect = QRectF(x, at.y(), wide, 19)
    painter.fillRect(rect, theme.colour(name))
    painter.setPen(theme.colour(f"{name}_text"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def paint_trouble(painter: QPainter, canvas: QRect, text: str) -> None:
    """Say above live cloth what is missing of it; the newest cloth, below, stays in sight."""
    painter.setFont(theme.font("strong", bold=True))
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    words = QRectF(canvas.left() + 16, canvas.top() + 8, canvas.width() - 32, 60)
    high = painter.boundingRect(words, flags, text).height()
    painter.fillRect(QRectF(canvas.left(), canvas.top(), canvas.width(), high + 16), theme.colour("warning"))
    painter.setPen(theme.colour("warning_text"))
    painter.drawText(QRectF(words.left(), words.top(), words.width(), high), flags, text)


def paint_banner(painter: QPainter, canvas: QRect, text: str, detail: str, *, ground: str) -> None:
    """Say large that the picture is not live; the last cloth stays dimly in sight."""
    painter.fillRect(canvas, theme.colour("cloth_ground", 150))
    band = QRectF(canvas.left(), canvas.center().y() - 66, canvas.width(), 132)
    painter.fillRect(band, theme.colour(ground, 240))
    painter.setPen(theme.colour("warning_text" if ground == "warning" else "frame_text"))
    painter.setFont(theme.font("banner", bold=True))
    painter.drawText(QRectF(band.left(), band.top() + 14, band.width(), 62), Qt.AlignmentFlag.AlignCenter, text)
    painter.setFont(theme.font("strong"))
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    painter.drawText(QRectF(band.left() + 16, band.top() + 80, band.width() - 32, 44), flags, detail)
