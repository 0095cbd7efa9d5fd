"""Crops and heat maps as images."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from station.display_score import AT_THRESHOLD
from ui import theme

_HEAT_FROM = 0.3


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """An image that owns its pixels; ``[h, w]`` grey or ``[h, w, 3]`` RGB uint8."""
    pixels = np.ascontiguousarray(pixels)
    high, wide = pixels.shape[:2]
    form = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, wide, high, pixels.strides[0], form).copy()


def heat_colours() -> NDArray[np.uint8]:
    """Colours of display scores: ``[256, 4]`` premultiplied BGRA, index = 255 × score, opaque-most at 1.

    Amber from 0.3, red from the threshold at 0.5: the jump of hue is the decision, not a matter of taste.
    """
    score = np.arange(256) / 255.0
    alpha = np.clip((score - _HEAT_FROM) / 0.5, 0, 1) * 0.55 + 0.15
    alpha[score < _HEAT_FROM] = 0
    table = np.empty((256, 4))
    table[:, :3] = np.where(score[:, None] < AT_THRESHOLD, (10, 163, 240), (61, 45, 255))
    table[:, 3] = 255
    return np.rint(table * alpha[:, None]).astype(np.uint8)


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
