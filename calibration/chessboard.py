"""This module finds a chessboard's corners, or says why they cannot be measured."""

from __future__ import annotations

from math import inf

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError, TargetNotFoundError
from calibration.pictures import check_edges, check_levels, check_target

SEARCHED_PX = 2048  # longest side that is searched as it is


def board_mm(inner_corners: tuple[int, int], square_mm: float) -> NDArray[np.float64]:
    """Return where the inner corners lie on the board: float64 ``[corners, 2]`` in mm, row by row.

    Raises:
        CalibrationError: impossible settings.
    """
    columns, rows = inner_corners
    if columns < 3 or rows < 3 or not 0 < square_mm < inf:
        raise CalibrationError(
            f"A chessboard of {columns} x {rows} inner corners with squares of {square_mm} mm cannot be used; "
            "give 3 x 3 or more corners and the side of a square in mm."
        )
    corners = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    return np.asarray(corners * square_mm, dtype=np.float64)


def find_corners(grey: NDArray[np.uint8], inner_corners: tuple[int, int]) -> NDArray[np.float64]:
    """Find the inner corners in a picture uint8 ``[lines, width]``: float64 ``[corners, 2]`` (x, y) in px.

    Raises:
        TargetNotFoundError: no such board in the picture.
        PictureError: a picture, or board, that is too dark, over-exposed or out of focus.
    """
    columns, rows = inner_corners
    corners = _searched_small(grey, inner_corners)
    if corners is None:
        corners = _searched(grey, inner_corners)
    if corners is None:
        check_target(grey)
        raise TargetNotFoundError(
            f"No chessboard of {columns} x {rows} inner corners was found in the picture; show the "
            "whole board, flat, in focus, with a white margin, and count the corners where four squares meet."
        )
    measured = np.asarray(cv2.estimateChessboardSharpness(grey, inner_corners, corners)[0])
    rise_px, dark, light = (float(value) for value in measured[:3])
    check_levels(dark, light)
    check_edges(rise_px)
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2)


def _searched(grey: NDArray[np.uint8], inner_corners: tuple[int, int]) -> NDArray[np.float32] | None:
    found, corners = cv2.findChessboardCornersSB(grey, inner_corners, flags=cv2.CALIB_CB_ACCURACY)
    return np.asarray(corners, dtype=np.float32) if found else None


def _searched_small(grey: NDArray[np.uint8], inner_corners: tuple[int, int]) -> NDArray[np.float32] | None:
    """Find the corners of a large picture in a smaller one (many times faster), then refine them; None if not found."""
    step = -(-max(grey.shape) // SEARCHED_PX)
    if step == 1 or min(grey.shape) < step:
        return None
    height, width = (side // step for side in grey.shape)
    small = cv2.resize(grey[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA)
    corners = _searched(np.asarray(small, dtype=np.uint8), inner_corners)
    if corners is None:
        return None
    near = (corners + 0.5) * step - 0.5
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-3)
    refined = cv2.cornerSubPix(grey, near.astype(np.float32), (3 * step, 3 * step), (-1, -1), until)
    return np.asarray(refined, dtype=np.float32)
