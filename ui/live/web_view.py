"""The cloth as it passes: picture, heat, outlines, scales.  Newest cloth at the bottom; the cloth moves up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from station.contract import Defect, FeedState, LookView, Stretch, StripView
from station.state.defect_kind import kind_words
from ui import theme
from ui.banner import BANNER, BEHIND, CAMERA_MISSING, FAILED
from ui.live import marks
from ui.live.scroll import Follower
from ui.live.web_ring import WebRing

LEFT, TOP, GUTTER = 58, 30, 14
_KEEP_DEFECTS = 400
_LEAST_BOX = 26.0
_DESCRIPTION = "The web as it passes, newest cloth at the bottom, defects outlined"
_UNSEEN = (FeedState.GONE, FeedState.STALLED)
"""Cloth may pass without being looked at."""


class WebView(QWidget):
    """Scrolling picture of the judged cloth.

    Strips are laid into a :class:`WebRing` once; a paint is two blits and a few outlines.  Nothing here decides: it
    shows what the core said, and says large when the picture is not live.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Cloth")
        self.setAccessibleDescription(_DESCRIPTION)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.frames_painted = 0
        self.heat_shown = False
        self.ring = WebRing(640, 1024)
        self._resets = -1
        self._follower = Follower()
        self._images: tuple[QImage, QImage] | None = None
        self.defects: dict[int, Defect] = {}
        self._open_alarms: set[int] = set()
        self._stretches: list[Stretch] = []
        self.mm_per_px: float | None = None
        self._feed = FeedState.NO_PICTURE
        self._banner = (BANNER[FeedState.NO_PICTURE], "")
        self._trouble = ""
        self._flash_s = 0.0
        self._hatch = theme.hatch("warning")
        self._renew_images()

    def sizeHint(self) -> QSize:
        """Ask for room for about a metre of cloth."""
        return QSize(900, 760)

    def minimumSizeHint(self) -> QSize:
        """Ask for the least room in which cloth can be looked at."""
        return QSize(420, 320)

    # what the core says

    def begin_roll(self) -> None:
        """A new roll: an empty picture rather than the last roll's cloth."""
        self.ring.clear()
        self.defects.clear()
        self._open_alarms.clear()
        self._stretches.clear()
        self._follower.restart(0.0)
        self.update()

    def set_scale(self, mm_per_px: float | None) -> None:
        """Millimetres per camera pixel, or None: scales are then in lines and px."""
        self.mm_per_px = mm_per_px

    def add_strip(self, strip: StripView) -> None:
        """Show newly judged cloth."""
        self.ring.add(strip)
        if self._resets != self.ring.resets:
            self._resets = self.ring.resets
            self._follower.restart(self.ring.first_row)
        self._follower.arrive(self.ring.end_row)

    def add_look(self, view: LookView) -> None:
        """Lay what another look scores over the heat of cloth that is shown already."""
        self.ring.add_look(view)
        if self.heat_shown:
            self.update()

    def put_defect(self, defect: Defect, *, open_alarm: bool) -> None:
        """Outline a defect that has appeared, grown or closed."""
        self.defects[defect.number] = defect
        if len(self.defects) > _KEEP_DEFECTS:
            closed = (old.number for old in self.defects.values() if old.closed)  # one that grows is still in sight
            self.defects.pop(min(closed, default=min(self.defects)))
        (self._open_alarms.add if open_alarm else self._open_alarms.discard)(defect.number)

    def drop_defect(self, number: int) -> None:
        """Take the outline of a defect away that is part of another."""
        self._open_alarms.discard(number)
        if self.defects.pop(number, None) is not None:
            self.update()

    def acknowledge(self) -> None:
        """All alarms are answered: outlines flash no more."""
        self._open_alarms.clear()
        self.update()

    def add_stretch(self, stretch: Stretch) -> None:
        """A stretch of one fate is complete; only those that nobody judged are drawn."""
        if not stretch.inspected:
            self._stretches = [*self._stretches[-200:], stretch]

    def set_feed(self, feed: FeedState, banner: str, detail: str, trouble: str = "") -> None:
        """What the picture is worth; ``banner`` stands large over it with ``detail`` below, empty while it is live.

        ``trouble``: what a live picture lacks, in a sentence; empty if nothing.
        """
        if (feed, (banner, detail), trouble) != (self._feed, self._banner, self._trouble):
            self._feed = feed
            self._banner = (banner, detail)
            self._trouble = trouble
            self.setAccessibleDescription(f"{banner}. {detail}" if banner else trouble or _DESCRIPTION)
            self.update()

    def set_heat(self, shown: bool) -> None:
        """Lay the anomaly map over the picture, or not."""
        self.heat_shown = shown
        self.update()

    def advance(self, passed_s: float) -> None:
        """Scroll and flash on, by one beat of the bridge."""
        moved = self._follower.advance(passed_s)
        before = self._flash_on
        self._flash_s = (self._flash_s + passed_s) % 10.0 if self._open_alarms else 0.0
        if moved or before != self._flash_on:
            self.update()

    @property
    def banner(self) -> str:
        """What stands large over the picture; empty while it is live."""
        return self._banner[0]

    @property
    def badge(self) -> str:
        """What stands in the header; empty while the picture is live and whole."""
        return self.banner or (CAMERA_MISSING if self._trouble else "")

    @property
    def alarming(self) -> bool:
        """Whether cloth may pass unseen against everybody's will."""
        return self.banner == FAILED or (self._feed in _UNSEEN and self.banner == BANNER[self._feed])

    @property
    def ground(self) -> str:
        """Colour behind the words: red where cloth may pass unseen, amber where it is judged late or in part, else
        quiet."""
        return "critical" if self.alarming else "warning" if self.badge in (BEHIND, CAMERA_MISSING) else "frame"

    @property
    def web_px(self) -> tuple[int, int]:
        """Edges of the web on the newest strip, half-open camera columns; (0, 0) before the first strip."""
        newest = self.ring.newest
        return (newest.left_px, newest.right_px) if newest else (0, 0)

    @property
    def camera_px(self) -> int:
        """Width of the camera's picture, px; 0 before the first strip."""
        newest = self.ring.newest
        return int(newest.pixels.shape[1]) if newest else 0

    @property
    def lines_in_sight(self) -> tuple[int, int] | None:
        """Lines now on the screen, half-open; None before the first strip."""
        if self.ring.newest is None:
            return None
        bottom = self._bottom_row()
        top = max(bottom - self._canvas().height(), self.ring.first_row)
        return int(self.ring.line_of(top)), int(self.ring.line_of(bottom))

    def crop(self, defect: Defect) -> NDArray[np.uint8] | None:
        """Camera pixels around a defect that has no crop yet, as far as they are still here."""
        side = 96
        line, px = (defect.first_line + defect.end_line) // 2, (defect.first_px + defect.end_px) // 2
        return self.ring.crop(line - side, line + side, px - side, px + side)

    # geometry

    def _canvas(self) -> QRect:
        return QRect(LEFT + GUTTER, TOP, max(self.width() - LEFT - GUTTER, 16), max(self.height() - TOP, 64))

    def _bottom_row(self) -> int:
        return self._follower.row

    def _y_of_line(self, line: float) -> float:
        return self._canvas().bottom() + 1 - (self._bottom_row() - line * self.ring.scale)

    def outline(self, number: int) -> QRectF:
        """Where a defect's outline lies now, widget px; may be out of sight."""
        defect, scale = self.defects[number], self.ring.scale
        left = self._canvas().left() + defect.first_px * scale
        top = self._y_of_line(defect.first_line)
        wide = (defect.end_px - defect.first_px) * scale
        high = (defect.end_line - defect.first_line) * scale
        box = QRectF(left, top, wide, high)
        grow_x, grow_y = max(_LEAST_BOX - wide, 12) / 2, max(_LEAST_BOX - high, 12) / 2  # never over the flaw itself
        return box.adjusted(-grow_x, -grow_y, grow_x, grow_y)

    @property
    def _flash_on(self) -> bool:
        """Flash twice a second while an alarm is open."""
        return bool(self._open_alarms) and (self._flash_s * 2.0) % 1.0 < 0.5

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the cloth out anew for the new size."""
        canvas = self._canvas()
        newest = self.ring.newest is not None
        self.ring.resize(canvas.width(), canvas.height() + 1200)
        self._renew_images()
        if newest:
            self._follower.restart(self.ring.end_row)
        super().resizeEvent(event)

    def _renew_images(self) -> None:
        ring = self.ring
        stride = ring.width_px * 4
        self._images = (
            QImage(ring.picture.data, ring.width_px, ring.rows, stride, QImage.Format.Format_RGB32),
            QImage(ring.heat.data, ring.width_px, ring.rows, stride, QImage.Format.Format_ARGB32_Premultiplied),
        )

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint the cloth, then lines and words over it."""
        painter = QPainter(self)
        canvas = self._canvas()
        painter.fillRect(self.rect(), theme.colour("panel"))
        painter.fillRect(canvas, theme.colour("cloth_ground"))
        if self.ring.scale:
            self._paint_cloth(painter, canvas)
            self._paint_scales(painter, canvas)
            painter.setClipRect(canvas.adjusted(-GUTTER, 0, 0, 0))
            self._paint_stretches(painter, canvas)
            painter.setClipRect(canvas)
            self._paint_defects(painter, canvas)
            painter.setClipping(False)
        if self.banner:
            marks.paint_banner(painter, canvas, *self._banner, ground=self.ground)
        elif self._trouble:
            marks.paint_trouble(painter, canvas, self._trouble)
        painter.end()
        self.frames_painted += 1

    def _paint_cloth(self, painter: QPainter, canvas: QRect) -> None:
        ring, bottom = self.ring, self._bottom_row()
        first = max(bottom - canvas.height(), ring.first_row, ring.end_row - ring.rows)
        if bottom <= first or self._images is None:
            return
        y = canvas.bottom() + 1 - (bottom - first)
        start, count = first % ring.rows, bottom - first
        head = min(count, ring.rows - start)
        for image in self._images if self.heat_shown else self._images[:1]:
            painter.drawImage(QPoint(canvas.left(), y), image, QRect(0, start, ring.width_px, head))
            if count > head:
                painter.drawImage(QPoint(canvas.left(), y + head), image, QRect(0, 0, ring.width_px, count - head))

    def _paint_scales(self, painter: QPainter, canvas: QRect) -> None:
        ring, metric = self.ring, self.mm_per_px is not None
        per_unit = ring.scale / (self.mm_per_px or 1.0)  # screen px per mm (or per line)
        marks.paint_along(painter, canvas, LEFT, self._bottom_row() / per_unit, per_unit, metric)
        if ring.newest is not None:
            web = (canvas.left() + ring.newest.left_px * ring.scale, canvas.left() + ring.newest.right_px * ring.scale)
            marks.paint_across(painter, canvas, web, per_unit, metric)

    def _paint_stretches(self, painter: QPainter, canvas: QRect) -> None:
        for stretch in self._stretches:
            top = max(self._y_of_line(stretch.first_line), canvas.top() - 2.0)
            bottom = min(self._y_of_line(stretch.end_line), canvas.bottom() + 2.0)
            if bottom <= canvas.top() or top >= canvas.bottom() or stretch.reason is None:
                continue
            bottom = max(bottom, top + 3)
            painter.setBrushOrigin(QPointF(0, self._y_of_line(stretch.first_line)))
            painter.fillRect(QRectF(LEFT + 2, top, GUTTER - 4, bottom - top), self._hatch)
            painter.setPen(QPen(theme.colour("warning"), 1.5))
            for y in (top, bottom):
                painter.drawLine(QPointF(LEFT, y), QPointF(canvas.right(), y))
            at = QPointF(canvas.right() - 6, top + 6)  # right: flaws and their tags are read from the left
            marks.paint_tag(painter, canvas, at, f"not inspected · {stretch.reason.value}", "warning")

    def _paint_defects(self, painter: QPainter, canvas: QRect) -> None:
        for defect in self.defects.values():
            box = self.outline(defect.number)
            if not box.intersects(QRectF(canvas)):
                continue
            flash = defect.number in self._open_alarms and self._flash_on
            marks.paint_outline(painter, box, reject=defect.is_reject, flash=flash)
            if defect.is_reject:
                y = box.top() - 23 if box.top() - 23 > canvas.top() else box.bottom() + 4
                text = f"{defect.number} · {kind_words(defect.kind, defect.parts, defect.look)}"
                marks.paint_tag(painter, canvas, QPointF(box.left() - 2, y), text, "critical")
