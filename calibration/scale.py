"""Scale: how many millimetres one pixel sees, across (camera and lens) and along (encoder)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError, TargetNotFoundError
from calibration.facts import Count, Facts, NotNegative, Number, Positive
from calibration.pictures import grey_of

_MIN_MARKS = 5


@dataclass(frozen=True, slots=True)
class BoardScale(Facts):
    """Scale from a chessboard.

    Attributes:
        across_mm_per_px: cross direction.
        along_mm_per_px: machine direction (mm per line).
        skew_deg: how far lines are from being square to the machine direction; 0 for a camera mounted well.
        residual_px, residual_mm: root mean square distance of the corners from where this scale puts them.  More than
            about a pixel means lens distortion, a tilted board or uneven transport.
        corners: how many corners were used.
    """

    across_mm_per_px: Positive
    along_mm_per_px: Positive
    skew_deg: Number
    residual_px: NotNegative
    residual_mm: NotNegative
    corners: Count


@dataclass(frozen=True, slots=True)
class RulerScale(Facts):
    """Scale across from the marks of a ruler; ``residual_…``: root mean square distance of marks from even spacing."""

    across_mm_per_px: Positive
    residual_px: NotNegative
    residual_mm: NotNegative
    marks: Count


def scale_from_chessboard(picture: NDArray[np.uint8], inner_corners: tuple[int, int], square_mm: float) -> BoardScale:
    """Scale from a picture of a flat chessboard, at any angle.

    Both axes are fitted at once (an affine map), as a line-scan camera has a scale of its own along.

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]``.
        inner_corners: corners where four squares meet, per row and per column of the board, e.g. (9, 6).
        square_mm: side of a square.

    Raises:
        TargetNotFoundError: no such board in the picture.
        CalibrationError: impossible settings.
        PictureError: not a uint8 picture.
    """
    columns, rows = inner_corners
    if columns < 3 or rows < 3 or not square_mm > 0:
        raise CalibrationError(
            f"A chessboard of {columns} x {rows} inner corners with squares of {square_mm} mm cannot be used; "
            "give 3 x 3 or more corners and the side of a square in mm."
        )
    grey = grey_of(picture)
    found, corners = cv2.findChessboardCornersSB(grey, inner_corners, flags=cv2.CALIB_CB_ACCURACY)
    if not found:
        raise TargetNotFoundError(
            f"No chessboard of {columns} x {rows} inner corners was found in the picture; show the whole board, flat, "
            "in focus, with a white margin, and count the corners where four squares meet."
        )
    seen = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    board = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2) * square_mm
    design = np.column_stack([board, np.ones(len(board))])
    fit, *_ = np.linalg.lstsq(design, seen, rcond=None)
    # Row norms survive any rotation of the board; their angle is what the machine adds.
    across, along = fit[:2, 0], fit[:2, 1]
    px_per_mm = np.array([np.linalg.norm(across), np.linalg.norm(along)])
    off_px = design @ fit - seen
    skew = np.degrees(np.arcsin(np.clip(across @ along / px_per_mm.prod(), -1, 1)))
    return BoardScale(
        across_mm_per_px=float(1 / px_per_mm[0]),
        along_mm_per_px=float(1 / px_per_mm[1]),
        skew_deg=float(skew),
        residual_px=_rms(off_px),
        residual_mm=_rms(off_px / px_per_mm),
        corners=len(seen),
    )


def scale_from_ruler(picture: NDArray[np.uint8], spacing_mm: float) -> RulerScale:
    """Scale across from evenly spaced dark marks (a ruler lying across the web, marks along the machine direction).

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]``, cut to lines that 5 marks or more all cross.
        spacing_mm: distance from mark to mark.

    Raises:
        TargetNotFoundError: too few marks, or marks that are not evenly spaced.
        CalibrationError: impossible spacing.
        PictureError: not a uint8 picture.
    """
    if not spacing_mm > 0:
        raise CalibrationError(f"A ruler with marks every {spacing_mm} mm cannot be used; give their distance in mm.")
    places = _marks(grey_of(picture).mean(axis=0))
    if len(places) < _MIN_MARKS:
        raise TargetNotFoundError(
            f"Only {len(places)} marks of a ruler were found; show at least {_MIN_MARKS}, dark on light, and cut the "
            "picture to the lines that all marks cross."
        )
    number = np.arange(len(places))
    px_per_mark, first = np.polyfit(number, places, 1)
    off_px = places - (first + px_per_mark * number)
    if np.abs(off_px).max() > 0.25 * px_per_mark:
        raise TargetNotFoundError(
            "The ruler's marks are not evenly spaced in the picture; cut it so that marks of one spacing only are seen."
        )
    mm_per_px = spacing_mm / px_per_mark
    residual = float(np.sqrt(np.mean(off_px**2)))
    return RulerScale(float(mm_per_px), residual, float(residual * mm_per_px), len(places))


def pulses_per_metre(pulses: int, length_mm: float) -> float:
    """Encoder pulses per metre of cloth, from a measured length that passed.

    Raises:
        CalibrationError: no pulses or no length.
    """
    if pulses == 0 or not length_mm > 0:
        raise CalibrationError(
            f"{pulses} encoder pulses over {length_mm} mm give no scale; check the encoder and measure a metre or more."
        )
    return abs(pulses) * 1000 / length_mm


def along_mm_per_line(per_metre: float, pulses_per_line: float) -> float:
    """Cloth length of one line, in mm, for a camera triggered every ``pulses_per_line`` encoder pulses.

    Raises:
        CalibrationError: a value is not positive.
    """
    if not (per_metre > 0 and pulses_per_line > 0):
        raise CalibrationError(
            f"{per_metre} encoder pulses per metre and {pulses_per_line} per line give no scale; both must be positive."
        )
    return 1000 * pulses_per_line / per_metre


def pulses_per_square_line(per_metre: float, across_mm_per_px: float) -> float:
    """Encoder pulses per line that make pixels square: what to set the camera's trigger divider to.

    Raises:
        CalibrationError: a value is not positive.
    """
    if not (per_metre > 0 and across_mm_per_px > 0):
        raise CalibrationError(
            f"{per_metre} encoder pulses per metre and {across_mm_per_px} mm per pixel give no divider; both must be "
            "positive."
        )
    return per_metre * across_mm_per_px / 1000


def _marks(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places of dark marks in a row of grey levels, in px, to a fraction of a pixel."""
    window = max(3, len(profile) // 16 | 1)
    lamp = np.asarray(cv2.blur(profile.reshape(1, -1), (window, 1))).ravel()
    darkness = np.clip(lamp - profile, 0, None)
    level = 0.4 * float(np.sort(darkness)[-_MIN_MARKS])  # a speck or two do not set the level
    if level < 2:  # nothing stands out by even a few grey levels
        return np.zeros(0)
    dark = np.concatenate([[False], darkness > level, [False]])
    starts, ends = np.flatnonzero(~dark[:-1] & dark[1:]), np.flatnonzero(dark[:-1] & ~dark[1:])
    inner = [(a, b) for a, b in zip(starts, ends, strict=True) if a > 0 and b < len(profile)]
    return np.array([np.average(np.arange(a - 1, b + 1), weights=darkness[a - 1 : b + 1]) for a, b in inner])


def _rms(offsets: NDArray[np.float64]) -> float:
    return float(np.sqrt((offsets**2).sum(axis=1).mean()))
