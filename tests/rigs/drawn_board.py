"""A drawn chessboard of 9 x 6 inner corners, seen by a camera whose truth is known."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

INNER = (9, 6)
SQUARE_MM = 10.0
_DRAWN_PX = 40  # a square in the drawing


@cache
def _drawing(white: int, black: int) -> NDArray[np.uint8]:
    """The board with a margin of one square."""
    cells = np.indices((INNER[1] + 1, INNER[0] + 1)).sum(axis=0) % 2
    board = np.kron(white - (white - black) * cells, np.ones((_DRAWN_PX, _DRAWN_PX))).astype(np.uint8)
    return np.pad(board, _DRAWN_PX, constant_values=white)


def pose(
    tilt_deg: tuple[float, float, float], place_mm: tuple[float, float], distance_mm: float
) -> NDArray[np.float64]:
    """``[3, 4]``: the board turned about all three axes; its middle at that place, so far away."""
    turn = np.eye(3)
    for axis, angle in zip(np.eye(3), np.radians(tilt_deg), strict=True):
        turn = cv2.Rodrigues(axis * angle)[0] @ turn
    return np.column_stack([turn, [*place_mm, distance_mm]])


def photograph(
    board: NDArray[np.float64],
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    *,
    distortion: NDArray[np.float64] | None = None,
    blur_px: float = 0.8,
    noise: float = 2.0,
    levels: tuple[int, int] = (225, 40),
    light: float = 1.0,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """Picture uint8 ``[height, width]`` of the board at a :func:`pose`."""
    drawing = _drawing(*levels)
    middle = (np.array(drawing.shape[::-1]) - 1) / 2
    mm = SQUARE_MM / _DRAWN_PX
    to_board = np.array([[mm, 0, -middle[0] * mm], [0, mm, -middle[1] * mm], [0, 0, 0], [0, 0, 1]])
    seen = matrix @ board @ to_board
    if distortion is None:
        picture = cv2.warpPerspective(drawing, 2 * _halves() @ seen, (2 * size[0], 2 * size[1]), borderValue=levels[0])
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    else:
        pixels = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1).reshape(-1, 1, 2)
        straight = cv2.undistortPoints(pixels.astype(np.float64), matrix, distortion, P=matrix)
        places = cv2.perspectiveTransform(straight, np.linalg.inv(seen)).reshape(size[1], size[0], 2)
        picture = cv2.remap(drawing, places.astype(np.float32), None, cv2.INTER_LINEAR, borderValue=levels[0])
    blurred = cv2.GaussianBlur(picture, (0, 0), blur_px).astype(np.float64) * light
    grain = np.random.default_rng(seed).normal(0, noise, blurred.shape)
    return np.clip(np.rint(blurred + grain), 0, 255).astype(np.uint8)


def _halves() -> NDArray[np.float64]:
    """From pixels to half pixels, whose middles lie a quarter before and after (last row halved; to be doubled)."""
    return np.array([[1, 0, 0.25], [0, 1, 0.25], [0, 0, 0.5]])
