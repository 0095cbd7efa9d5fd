"""Crops and heat maps as images."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from ui import theme
from ui.theme.heat import heat_colours


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """An image that owns its pixels; ``[h, w]`` grey or ``[h, w, 3]`` RGB uint8."""
    pixels = np.ascontiguousarray(pixels)
    high, wide = pixels.shape[:2]
    form = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, wide, high, pixels.strides[0], form).copy()


def heat_image(heat: NDArray[np.uint8], crop: NDArray[np.uint8] | None) -> QImage:
    """Display scores (``[h, w]`` uint8, 128 = threshold) in colour over their pale crop."""
    under = np.full((*heat.shape, 3), 128, np.uint8)
    if crop is not None:
        grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        if grey.shape == heat.shape:
            under = np.repeat(grey[:, :, None] // 2 + 64, 3, axis=2).astype(np.uint8)
    colours = heat_colours()[heat].astype(np.uint16)
    rest = 255 - colours[:, :, 3:]
    rgb = colours[:, :, 2::-1] + under * rest // 255
    return image_of(np.clip(rgb, 0, 255).astype(np.uint8))


def draw_fitted(painter: QPainter, image: QImage | None, box: QRect) -> None:
    """Draw the whole image into ``box``, proportions kept, centred on a dark ground; a dash where there is none."""
    painter.fillRect(box, theme.colour("cloth_ground"))
    if image is None or image.isNull():
        painter.setPen(theme.colour("frame_text_soft"))
        painter.drawText(QRectF(box), Qt.AlignmentFlag.AlignCenter, "–")
        return
    size = image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
    at = box.topLeft() + QPoint((box.width() - size.width()) // 2, (box.height() - size.height()) // 2)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRect(at, size), image)


def thumbnail(pixels: NDArray[np.uint8], side: int) -> QImage:
    """The middle square of a crop, ``side`` px, sharp enough for a list."""
    high, wide = pixels.shape[:2]
    edge = min(high, wide)
    top, left = (high - edge) // 2, (wide - edge) // 2
    square = image_of(pixels[top : top + edge, left : left + edge])
    return square.scaled(
        QSize(side, side), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
