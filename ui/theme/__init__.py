"""The theme gives colours, sizes and icons by meaning: one token file, one stylesheet, set once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontDatabase,
    QIcon,
    QPainter,
    QPainterPath,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QApplication, QWidget

_HERE = Path(__file__).parent


@cache
def tokens() -> dict[str, Any]:
    """Read the token file."""
    loaded: dict[str, Any] = json.loads((_HERE / "tokens.json").read_text(encoding="utf-8"))
    return loaded


def colour(name: str, alpha: int = 255) -> QColor:
    """Give the colour of a meaning, e.g. ``critical``.  ``alpha`` 0 to 255.  KeyError for an unknown meaning."""
    made = QColor(tokens()[name])
    made.setAlpha(alpha)
    return made


def font(size: str = "body", *, bold: bool = False) -> QFont:
    """Give the font of a size of the scale: caption, body, strong, title, figure or banner."""
    made = QFont(QApplication.font())
    made.setPixelSize(tokens()[f"size_{size}_px"])
    made.setBold(bold)
    return made


def hatch(name: str = "warning", alpha: int = 255) -> QBrush:
    """Make diagonal stripes in a colour: cloth nobody judged (colour is never the only sign)."""
    tile = QPixmap(8, 8)
    tile.fill(colour(name, alpha // 3))
    painter = QPainter(tile)
    painter.setPen(QPen(colour(name, alpha), 2.4))
    for shift in (-8, 0, 8):
        painter.drawLine(shift, 8, shift + 8, 0)
    painter.end()
    return QBrush(tile)


def apply(app: QApplication) -> None:
    """Dress the application.  The only place that sets a stylesheet."""
    values = dict(tokens())
    have = set(QFontDatabase.families())
    family = next((name for name in values.pop("font_families") if name in have), None)
    base = QFont(family) if family else QFont(app.font())
    base.setPixelSize(values["size_body_px"])
    app.setStyle("Fusion")
    app.setFont(base)
    app.setPalette(_palette())
    values["arrow_down"] = (_HERE / "arrow_down.svg").as_posix()
    app.setStyleSheet(Template((_HERE / "station.qss").read_text(encoding="utf-8")).substitute(values))


def restyle(widget: QWidget, role: str) -> bool:
    """Give ``widget`` another role of the stylesheet; False if it has it already."""
    if widget.property("role") == role:
        return False
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    return True


def _palette() -> QPalette:
    """Say what Fusion paints where the stylesheet is silent: the same in a light and a dark desktop."""
    palette = QPalette()
    for role, name in (
        (QPalette.ColorRole.Window, "ground"),
        (QPalette.ColorRole.Base, "field"),
        (QPalette.ColorRole.AlternateBase, "panel"),
        (QPalette.ColorRole.Button, "panel"),
        (QPalette.ColorRole.Text, "text"),
        (QPalette.ColorRole.WindowText, "text"),
        (QPalette.ColorRole.ButtonText, "text"),
        (QPalette.ColorRole.PlaceholderText, "text_faint"),
        (QPalette.ColorRole.Highlight, "selection"),
        (QPalette.ColorRole.HighlightedText, "text"),
    ):
        palette.setColor(role, colour(name))
    return palette


def _triangle(*points: tuple[float, float]) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
    path.closeSubpath()
    return path


def symbol_path(name: str) -> QPainterPath:
    """Draw a filled sign on a 16 × 16 square: play, pause, stop, warning, check, cross or dot.

    Drawn, not typed: signs must not depend on the fonts of a machine.
    """
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    if name == "play":
        path = _triangle((4, 2), (14, 8), (4, 14))
    elif name == "pause":
        path.addRect(QRectF(3, 2, 4, 12))
        path.addRect(QRectF(9, 2, 4, 12))
    elif name == "stop":
        path.addRect(QRectF(3, 3, 10, 10))
    elif name == "dot":
        path.addEllipse(QRectF(3, 3, 10, 10))
    elif name == "warning":
        path.addPath(_triangle((8, 1), (15.5, 14.5), (0.5, 14.5)))
        path.addRect(QRectF(7.2, 5.5, 1.6, 4.8))
        path.addRect(QRectF(7.2, 11.4, 1.6, 1.7))
    elif name == "check":
        path.addPolygon(QPolygonF([QPointF(*p) for p in ((2, 8), (4, 6), (7, 9), (13, 3), (15, 5), (7, 13), (2, 8))]))
    elif name == "cross":
        arms = (
            (2, 4),
            (4, 2),
            (8, 6),
            (12, 2),
            (14, 4),
            (10, 8),
            (14, 12),
            (12, 14),
            (8, 10),
            (4, 14),
            (2, 12),
            (6, 8),
        )
        path.addPolygon(QPolygonF([QPointF(*p) for p in (*arms, arms[0])]))
    else:
        raise KeyError(name)
    return path


def draw_symbol(painter: QPainter, name: str, x: float, y: float, side: float, fill: QColor) -> None:
    """Draw a sign with its upper left corner at ``x, y``; ``side`` px."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(x, y)
    painter.scale(side / 16, side / 16)
    painter.fillPath(symbol_path(name), fill)
    painter.restore()


def icon(name: str, colour_name: str = "text") -> QIcon:
    """Make a sign an icon; the disabled look is paler."""
    made = QIcon()
    for mode, shade in ((QIcon.Mode.Normal, colour_name), (QIcon.Mode.Disabled, "edge_strong")):
        picture = QPixmap(32, 32)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        draw_symbol(painter, name, 2, 2, 28, colour(shade))
        painter.end()
        made.addPixmap(picture, mode)
    return made
