"""This module finds the scale: how many millimetres a pixel sees, across (camera and lens) and along (encoder)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.chessboard import board_mm, find_corners
from calibration.errors import CalibrationError, PictureError, TargetNotFoundError
from calibration.pictures import check_target, grey_of, greys_of_one_size
from calibration.result import Count, NotNegative, Number, Positive, Result

SQUARE_TOLERANCE = 0.01
"""The scales across and along may differ by this share and still count as square pixels."""
SKEW_TOLERANCE_DEG = 0.5
_AGREEMENT = 0.01  # share by which scales of one set-up may differ
_MIN_MARKS = 5
_STEEPEST = 0.06  # lean of a ruler's marks, px per line: 3.4 degrees
_RULER_LINES = 256


@dataclass(frozen=True, slots=True)
class BoardScale(Result):
    """This is the scale found from a chessboard.

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
class RulerScale(Result):
    """This is the scale across, from a ruler; ``residual_…``: root mean square distance of marks from even spacing."""

    across_mm_per_px: Positive
    residual_px: NotNegative
    residual_mm: NotNegative
    marks: Count


def scale_from_chessboard(picture: NDArray[np.uint8], inner_corners: tuple[int, int], square_mm: float) -> BoardScale:
    """Find the scale from a picture of a flat chessboard, at any angle.

    Both axes are fitted at once (an affine map), because a line-scan camera has a scale of its own along.

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]``.
        inner_corners: corners where four squares meet, per row and per column of the board, e.g. (9, 6).
        square_mm: side of a square.

    Raises:
        TargetNotFoundError: no such board in the picture.
        CalibrationError: impossible settings.
        PictureError: no picture, or one that is too dark, over-exposed or blurred.
    """
    board = board_mm(inner_corners, square_mm)
    seen = find_corners(grey_of(picture), inner_corners)
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


def scale_from_chessboards(
    pictures: Sequence[NDArray[np.uint8]], inner_corners: tuple[int, int], square_mm: float
) -> BoardScale:
    """Find the scale from several pictures of a chessboard, as :func:`scale_from_chessboard`, averaged.

    Raises:
        TargetNotFoundError: no such board in one of them.
        CalibrationError: impossible settings, or none given.
        PictureError: pictures of several sizes or scales, too dark, over-exposed or blurred.
    """
    scales = [scale_from_chessboard(grey, inner_corners, square_mm) for grey in greys_of_one_size(pictures)]
    return BoardScale(
        across_mm_per_px=_agreed([scale.across_mm_per_px for scale in scales]),
        along_mm_per_px=_agreed([scale.along_mm_per_px for scale in scales]),
        skew_deg=float(np.mean([scale.skew_deg for scale in scales])),
        residual_px=float(np.sqrt(np.mean([scale.residual_px**2 for scale in scales]))),
        residual_mm=float(np.sqrt(np.mean([scale.residual_mm**2 for scale in scales]))),
        corners=sum(scale.corners for scale in scales),
    )


def squareness_warning(scale: BoardScale) -> str | None:
    """Return a warning if pixels are not square or lines not square to the machine direction; None if all is well."""
    said = []
    aspect = scale.along_mm_per_px / scale.across_mm_per_px
    if abs(aspect - 1) > SQUARE_TOLERANCE:
        said.append(
            f"Pixels are not square: {scale.across_mm_per_px:.4g} mm across and {scale.along_mm_per_px:.4g} mm along; "
            f"multiply a line-scan camera's trigger divider by {1 / aspect:.4g}, level an area camera."
        )
    if abs(scale.skew_deg) > SKEW_TOLERANCE_DEG:
        said.append(
            f"Lines stand {abs(scale.skew_deg):.1f} degrees off square to the machine direction; turn the camera about "
            "its axis by as much."
        )
    return " ".join(said) or None


def scale_from_ruler(picture: NDArray[np.uint8], spacing_mm: float) -> RulerScale:
    """Find the scale across from evenly spaced dark marks (a ruler across the web, marks along the machine direction).

    A ruler up to three degrees off square does no harm.

    Args:
        picture: uint8 ``[lines, width]`` or ``[lines, width, 3]``, cut to lines that 5 marks or more all cross.
        spacing_mm: distance from mark to mark.

    Raises:
        TargetNotFoundError: too few marks, or marks that are not evenly spaced.
        CalibrationError: impossible spacing.
        PictureError: no picture, or one that is too dark, over-exposed or blurred.
    """
    if not 0 < spacing_mm < inf:
        raise CalibrationError(f"A ruler with marks every {spacing_mm} mm cannot be used; give their distance in mm.")
    grey = grey_of(picture)
    check_target(grey)
    profile, lean = _along_marks(grey)
    places = _marks(profile)
    if len(places) < _MIN_MARKS:
        raise TargetNotFoundError(
            f"Only {len(places)} marks of a ruler were found; show at least {_MIN_MARKS}, dark on light, square across "
            "the picture, and cut it to the lines that all marks cross."
        )
    number = np.arange(len(places))
    px_per_mark, first = np.polyfit(number, places, 1)
    off_px = places - (first + px_per_mark * number)
    if np.abs(off_px).max() > 0.25 * px_per_mark:
        raise TargetNotFoundError(
            "The ruler's marks are not evenly spaced in the picture; cut it so that marks of one spacing only are seen."
        )
    mm_per_px = spacing_mm / (px_per_mark * np.cos(np.arctan(lean)))  # a turned ruler is crossed at an angle
    residual = float(np.sqrt(np.mean(off_px**2)))
    return RulerScale(float(mm_per_px), residual, float(residual * mm_per_px), len(places))


@dataclass(frozen=True, slots=True)
class EncoderScale(Result):
    """This is the scale along, found from the encoder.

    Attributes:
        pulses_per_metre: encoder pulses per metre of cloth.
        residual_mm: root mean square of how far the measured lengths are off this scale; None from a single run.
        runs: how many lengths were measured.
    """

    pulses_per_metre: Positive
    residual_mm: NotNegative | None
    runs: Count


def encoder_scale(runs: Sequence[tuple[int, float]]) -> EncoderScale:
    """Find the scale along from runs of cloth, each as encoder pulses and measured length in mm (a metre or more).

    Raises:
        CalibrationError: no runs, no pulses or no length, or runs that disagree by more than a hundredth.
    """
    if not runs:
        raise CalibrationError("No run was measured; let a metre or more of cloth pass and give pulses and length.")
    each = [pulses_per_metre(pulses, length_mm) for pulses, length_mm in runs]
    if max(each) > (1 + _AGREEMENT) * min(each):
        raise CalibrationError(
            f"The runs disagree, from {min(each):.6g} to {max(each):.6g} encoder pulses per metre; check that the "
            "encoder's wheel does not slip and measure anew."
        )
    pulses, length_mm = np.abs(np.array(runs, dtype=np.float64)).T
    per_mm = float(pulses @ length_mm / (length_mm @ length_mm))
    off_mm = pulses / per_mm - length_mm
    residual = float(np.sqrt(np.mean(off_mm**2))) if len(runs) > 1 else None
    return EncoderScale(1000 * per_mm, residual, len(runs))


def pulses_per_metre(pulses: int, length_mm: float) -> float:
    """Return encoder pulses per metre of cloth, from a measured length that passed.

    Raises:
        CalibrationError: no pulses or no length.
    """
    if pulses == 0 or not 0 < length_mm < inf:
        raise CalibrationError(
            f"{pulses} encoder pulses over {length_mm} mm give no scale; check the encoder and measure a metre or more."
        )
    return abs(pulses) * 1000 / length_mm


def along_mm_per_line(per_metre: float, pulses_per_line: float) -> float:
    """Return the cloth length of one line, in mm, for a camera triggered every ``pulses_per_line`` encoder pulses.

    Raises:
        CalibrationError: a value is not positive.
    """
    if not (0 < per_metre < inf and 0 < pulses_per_line < inf):
        raise CalibrationError(
            f"{per_metre} encoder pulses per metre and {pulses_per_line} per line give no scale; both must be positive."
        )
    return 1000 * pulses_per_line / per_metre


def _agreed(scales: list[float]) -> float:
    """Return the mean of scales in mm per px; refuse scales that disagree."""
    if max(scales) > (1 + _AGREEMENT) * min(scales):
        raise PictureError(
            f"The pictures disagree about the scale, from {min(scales):.4g} to {max(scales):.4g} mm per px; leave the "
            "camera as it is, use one board only, and lay it flat where the cloth runs."
        )
    return float(np.mean(scales))


def _along_marks(grey: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
    """Return the mean level along the marks, float64 ``[width]``, and the lean, px per line, at which they stand out
    most."""
    top = (len(grey) - min(len(grey), _RULER_LINES)) // 2
    picture = grey[top : top + _RULER_LINES].astype(np.float32)
    lines, width = picture.shape
    steps = round(_STEEPEST * lines)  # a pixel of difference between the first and the last line
    best, best_lean, strongest = picture.mean(axis=0), 0.0, -1.0
    for lean in np.arange(-steps, steps + 1) / max(lines, 1):
        upright = np.array([[1, lean, -lean * (lines - 1) / 2], [0, 1, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        turned = cv2.warpAffine(picture, upright, (width, lines), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        profile = np.asarray(turned).mean(axis=0)
        strength = float(np.square(np.diff(profile)).sum())
        if strength > strongest:
            best, best_lean, strongest = profile, float(lean), strength
    return best.astype(np.float64), best_lean


def _marks(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the places of dark marks in a row of grey levels, in px, to a fraction of a pixel."""
    if len(profile) < _MIN_MARKS:
        return np.zeros(0)
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
