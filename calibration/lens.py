"""This module calibrates the lens of an area camera and straightens the lines that it bends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.chessboard import board_mm, find_corners
from calibration.errors import CalibrationError, PictureError
from calibration.pictures import greys_of_one_size
from calibration.result import Count, NotNegative, Number, Positive, Result

MIN_VIEWS = 6
MIN_TILT_DEG = 10.0
"""At least two views must differ by this tilt."""
MOST_RESIDUAL_PX = 1.0
"""A board is printed and flat to better than this; a larger residual means that something else is wrong."""
_DOWN, _ACROSS = ("top", "middle", "bottom"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True)
class Lens(Result):
    """A lens says how a camera bends lines, and straightens its pictures.

    Attributes:
        width_px, height_px: size of the picture it is for.
        focal_px, centre_px: (x, y) of the pinhole camera.
        distortion: k1, k2 (radial), p1, p2 (tangential) of Brown's model, as OpenCV has them.
        residual_px: root mean square distance of the corners from where this lens puts them.
        views: number of pictures it was made from.
    """

    width_px: Count
    height_px: Count
    focal_px: tuple[Positive, Positive]
    centre_px: tuple[Number, Number]
    distortion: tuple[Number, Number, Number, Number]
    residual_px: NotNegative
    views: Count

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Give the camera matrix, float64 ``[3, 3]``."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])

    def undistort(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture as a lens without distortion would show it, equally large; new edges repeat the old ones.

        Args:
            picture: uint8 ``[height, width]`` or ``[height, width, 3]``.

        Raises:
            PictureError: no picture, or of another size than the lens is for.
        """
        if picture.shape[:2] != (self.height_px, self.width_px) or picture.dtype != np.uint8:
            raise PictureError(
                f"A lens calibrated at {self.width_px} x {self.height_px} px cannot straighten {picture.dtype} pixels "
                f"of shape {list(picture.shape)}; calibrate the lens for this camera and this picture size."
            )
        places, fractions = _maps(self)
        straight = cv2.remap(picture, places, fractions, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(straight, dtype=np.uint8)


def lens_from_chessboards(
    pictures: Sequence[NDArray[np.uint8]], inner_corners: tuple[int, int], square_mm: float
) -> Lens:
    """Find the lens from pictures of one flat chessboard, held at several tilts and in all parts of the frame.

    OpenCV does it by Zhang's method (2000), with two radial and two tangential terms.

    Args:
        pictures: 6 or more, uint8 ``[height, width]`` or ``[height, width, 3]``, all of one size.
        inner_corners: corners where four squares meet, per row and per column of the board, e.g. (9, 6).
        square_mm: side of a square.

    Raises:
        TargetNotFoundError: no such board in one of them, which is numbered.
        PictureError: too few pictures or of several sizes, one too dark, over-exposed or blurred, parts of the frame
            where no board was shown, or a board never tilted.
        CalibrationError: impossible settings, or corners that fit no lens.
    """
    board = board_mm(inner_corners, square_mm)
    greys = greys_of_one_size(pictures)
    if len(greys) < MIN_VIEWS:
        raise PictureError(
            f"{len(greys)} pictures are too few for a lens; take {MIN_VIEWS} or more of the board, each tilted "
            "otherwise and elsewhere in the frame."
        )
    seen = [_corners_of(number, grey, inner_corners) for number, grey in enumerate(greys, start=1)]
    height, width = greys[0].shape
    _check_cover(np.concatenate(seen), width, height)
    flat = np.column_stack([board, np.zeros(len(board))]).astype(np.float32)
    residual, matrix, distortion, turns, _ = cv2.calibrateCamera(
        [flat] * len(seen),
        [corners.astype(np.float32) for corners in seen],
        (width, height),
        np.eye(3),
        np.zeros(4),
        flags=cv2.CALIB_FIX_K3,
    )
    _check_fit(float(residual))
    _check_tilts([np.asarray(turn, dtype=np.float64) for turn in turns])
    k1, k2, p1, p2 = (float(term) for term in np.ravel(distortion)[:4])
    return Lens(
        width_px=width,
        height_px=height,
        focal_px=(float(matrix[0, 0]), float(matrix[1, 1])),
        centre_px=(float(matrix[0, 2]), float(matrix[1, 2])),
        distortion=(k1, k2, p1, p2),
        residual_px=float(residual),
        views=len(seen),
    )


def _corners_of(number: int, grey: NDArray[np.uint8], inner_corners: tuple[int, int]) -> NDArray[np.float64]:
    try:
        return find_corners(grey, inner_corners)
    except CalibrationError as error:
        raise type(error)(f"Picture {number}: {error}") from error


def _check_cover(corners: NDArray[np.float64], width: int, height: int) -> None:
    """Refuse views that leave out one of nine parts of the frame: its outer parts show the distortion."""
    column = np.clip(corners[:, 0] * 3 // width, 0, 2)
    row = np.clip(corners[:, 1] * 3 // height, 0, 2)
    empty = [
        f"{down} {across}"
        for y, down in enumerate(_DOWN)
        for x, across in enumerate(_ACROSS)
        if not ((row == y) & (column == x)).any()
    ]
    if empty:
        raise PictureError(
            f"No picture shows the board's corners at the {', '.join(empty)} of the frame; take more pictures with the "
            "board there."
        )


def _check_fit(residual_px: float) -> None:
    if not residual_px <= MOST_RESIDUAL_PX:
        raise CalibrationError(
            f"The corners lie {residual_px:.1f} px from where any lens would put them; use a flat, stiff board, count "
            "its corners anew, and take all pictures at one focus and zoom."
        )


def _check_tilts(turns: list[NDArray[np.float64]]) -> None:
    """Refuse views of one tilt, which do not fix the distance: a near board looks like a far one, magnified."""
    normals = np.array([cv2.Rodrigues(turn)[0][:, 2] for turn in turns])
    widest = np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1).min()))
    if widest < MIN_TILT_DEG:
        raise PictureError(
            f"All pictures show the board at much the same tilt, within {widest:.0f} degrees; tilt it by 20 to 40 "
            "degrees, to another side in each picture."
        )


@lru_cache(maxsize=8)
def _maps(lens: Lens) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Return where each pixel of the straight picture comes from, in fixed point, which ``cv2.remap`` does fastest."""
    size = (lens.width_px, lens.height_px)
    x, y = cv2.initUndistortRectifyMap(lens.matrix, np.array(lens.distortion), None, lens.matrix, size, cv2.CV_32FC1)
    places, fractions = cv2.convertMaps(x, y, cv2.CV_16SC2)
    return np.asarray(places, dtype=np.int16), np.asarray(fractions, dtype=np.uint16)
