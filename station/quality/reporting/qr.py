"""This module draws a text as a QR code: the roll's name, which leads back to the roll wherever a name can be typed."""

from __future__ import annotations

import cv2
import numpy as np

QUIET = 4
"""A code is found with so many light modules around it (ISO/IEC 18004)."""


def qr_svg(text: str) -> str:
    """Return the text as a QR code, an SVG drawing of black squares on white; it is kept as UTF-8 where it must be."""
    params = cv2.QRCodeEncoder.Params()
    params.correction_level = cv2.QRCodeEncoder_CORRECT_LEVEL_M
    dark = cv2.QRCodeEncoder.create(params).encode(text) == 0
    ys, xs = np.nonzero(dark)
    dark = dark[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]  # the encoder's own margin is too small
    side = len(dark) + 2 * QUIET
    squares = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, x in np.argwhere(dark).tolist())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{squares}"/></svg>'
    )
