"""This module finds where the picture of one camera continues in that of its right neighbour (stitching)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from calibration.errors import CalibrationError, PictureError, TargetNotFoundError
from calibration.pictures import grey_of
from calibration.result import NotNegative, Number, Positive, Result

Floats = NDArray[np.float32]

MIN_OVERLAP_PX = 24
"""Both cameras must see at least this many common columns."""
MIN_LINES = 64
MIN_CONFIDENCE = 0.4
"""The best place must stand out above the next by this share."""

_MIN_LIKENESS = 0.25  # of the overlap; other pieces of one simulated cloth stay at 0.2, the same piece above 0.3
_NOISE = 10.0  # height of a peak, in standard deviations of all places, below which it may be chance
_MOST_LINES = 2048  # are searched
_COARSE_PX = 8.0  # slower changes are shading, which differs between cameras
_FINE_PX = 0.8  # finer ones are noise, or lost by sampling between pixels
_LOBE_PX = 3  # half width of a peak
_BANDS = 8


@dataclass(frozen=True, slots=True)
class Stitch(Result):
    """A stitch says how two neighbouring cameras fit together.

    Attributes:
        overlap_px: columns at the right edge of the left picture that the left edge of the right one shows again:
            column ``x`` of the right picture is column ``left width - overlap_px + x`` of the left one.
        offset_lines: line ``y`` of the right picture is line ``y + offset_lines`` of the left one.
        residual_px: root mean square distance at which bands of the overlap fit by themselves; a pixel or more means
            that a camera is turned, or that their lines are not of one length of cloth.
        confidence: 0 to 1, how far the place stands out: ``1 - likeness at the next best / likeness``.
    """

    overlap_px: Positive
    offset_lines: Number
    residual_px: NotNegative
    confidence: NotNegative


def stitch(
    left: NDArray[np.uint8],
    right: NDArray[np.uint8],
    *,
    most_overlap_px: int | None = None,
    most_offset_lines: int | None = None,
) -> Stitch:
    """Find overlap and offset of two cameras from a picture of each, of the same cloth or target at the same time.

    Phase correlation (Kuglin and Hines 1975) finds the place: it weighs all spatial frequencies equally, so that a
    weave, which repeats in a few of them, counts little, and what is unique in yarns or target counts.  Cloth or a
    target with nothing unique (a chessboard) fits in several places and is refused.  The enhanced correlation
    coefficient (Evangelidis and Psarakis 2008) then refines the place to a fraction of a pixel.

    Args:
        left, right: uint8 ``[lines, width]`` or ``[lines, width, 3]``, of equal lines and scale, 64 lines or more.
        most_overlap_px: largest possible overlap; None: half the narrower picture.
        most_offset_lines: largest possible distance of the cameras in machine direction; None: half the lines.

    Raises:
        PictureError: no pictures, or pictures that cannot be compared.
        TargetNotFoundError: they fit nowhere, or in several places.
        CalibrationError: impossible limits.
    """
    first, second = _comparable(left, right)
    most, reach = _limits(first, second, most_overlap_px, most_offset_lines)
    top = (len(first) - min(len(first), _MOST_LINES)) // 2
    a = _detail(first[top : top + _MOST_LINES, -most:])
    b = _detail(second[top : top + _MOST_LINES, :most])
    shift, lines, likeness, confidence = _best_place(a, b, min(reach, len(a) - MIN_LINES // 2))
    if likeness < _MIN_LIKENESS or confidence < MIN_CONFIDENCE:
        raise TargetNotFoundError(
            "The two pictures fit in no place clearly better than in others: either they do not show the same cloth, "
            "or it repeats, as weaves and chessboards do; take both at the same time, name the left camera first, and "
            "lay a printed page, which does not repeat, over the overlap."
        )
    (shift_px, offset_lines), residual_px = _refined(a, b, shift, lines)
    return Stitch(most - shift_px, offset_lines, residual_px, confidence)


def _comparable(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return both pictures in grey; refuse pictures of different numbers of lines."""
    first, second = grey_of(left), grey_of(right)
    if len(first) != len(second) or len(first) < MIN_LINES:
        raise PictureError(
            f"The left picture has {len(first)} lines and the right one {len(second)}; give two of equal lines, "
            f"{MIN_LINES} or more."
        )
    return first, second


def _limits(
    first: NDArray[np.uint8], second: NDArray[np.uint8], most: int | None, reach: int | None
) -> tuple[int, int]:
    """Return the largest overlap and offset to search."""
    narrower = min(first.shape[1], second.shape[1])
    most = narrower // 2 if most is None else most
    reach = len(first) // 2 if reach is None else reach
    if not MIN_OVERLAP_PX <= most <= narrower or not 0 <= reach < len(first):
        raise CalibrationError(
            f"An overlap of at most {most} px and an offset of at most {reach} lines cannot be searched in pictures of "
            f"{narrower} px and {len(first)} lines; an overlap has {MIN_OVERLAP_PX} px or more."
        )
    return most, reach


def _detail(grey: NDArray[np.uint8]) -> Floats:
    """Return the picture without its shading, float32."""
    light = grey.astype(np.float32)
    return np.asarray(light - cv2.GaussianBlur(light, (0, 0), _COARSE_PX), dtype=np.float32)


def _best_place(a: Floats, b: Floats, reach: int) -> tuple[int, int, float, float]:
    """Find where ``b`` lies in ``a``: columns, lines, how alike (0 to about 1) they are there, and confidence."""
    size = tuple(fft.next_fast_len(2 * side, real=True) for side in a.shape)
    taper = np.outer(_taper(a.shape[0]), _taper(a.shape[1]))
    cross = fft.rfft2(a * taper, size) * np.conj(fft.rfft2(b * taper, size))
    cross /= np.maximum(np.abs(cross), 1e-6)
    cross *= np.outer(_lowpass(fft.fftfreq(size[0])), _lowpass(fft.rfftfreq(size[1])))
    surface = fft.irfft2(cross, size)
    lines = np.arange(-reach, reach + 1)
    heights = surface[lines % size[0], : a.shape[1] - MIN_OVERLAP_PX + 1] / max(float(surface.std()), 1e-12)
    # a small overlap makes a low peak: what counts is how high it is for its size
    shared = np.outer(1 - np.abs(lines) / a.shape[0], 1 - np.arange(heights.shape[1]) / a.shape[1])
    likeness = np.where(heights < _NOISE, 0, heights / (np.sqrt(a.size) * shared))
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    best = float(likeness[row, column])
    likeness[max(0, row - _LOBE_PX) : row + _LOBE_PX + 1, max(0, column - _LOBE_PX) : column + _LOBE_PX + 1] = 0
    confidence = 1 - float(likeness.max()) / best if best > 0 else 0.0
    return int(column), int(lines[row]), best, confidence


def _lowpass(frequency: NDArray[np.float64]) -> Floats:
    """Return the float32 weight of each frequency, in cycles per px."""
    return np.exp(-2 * (np.pi * _FINE_PX * frequency) ** 2).astype(np.float32)


def _taper(length: int) -> Floats:
    """Return a float32 ``[length]`` window that falls to 0 over 16 px at both ends, so that the edges are no detail."""
    rise = np.sin(np.linspace(0, np.pi / 2, 16, dtype=np.float32)) ** 2
    window = np.ones(length, np.float32)
    window[:16] *= rise
    window[-16:] *= rise[::-1]
    return window


def _refined(a: Floats, b: Floats, shift: int, lines: int) -> tuple[tuple[float, float], float]:
    """Return the refined columns and lines by which ``b`` lies in ``a``, and how far off bands fit alone, in px."""
    top, bottom = max(lines, 0), len(a) + min(lines, 0)
    mine = _doubled(a[top:bottom, shift:])
    other = _doubled(b[top - lines : bottom - lines, : a.shape[1] - shift])
    whole = _moved(mine, other, np.zeros(2))
    borders = np.linspace(0, len(mine), max(2, min(_BANDS, len(mine) // (2 * MIN_LINES))) + 1).astype(int)
    detailed = [(y, z) for y, z in pairwise(borders) if mine[y:z].std() > mine.std() / 2]  # an empty band fits anywhere
    bands = np.array([_moved(mine[y:z], other[y:z], whole) for y, z in detailed])
    residual = np.sqrt(((bands - whole) ** 2).sum(axis=1).mean())
    return (float(shift - whole[0] / 2), float(lines - whole[1] / 2)), float(residual / 2)


def _doubled(detail: Floats) -> Floats:
    """Double the size: linear interpolation between pixels would otherwise be a tenth of a pixel out on fine weaves."""
    return np.asarray(cv2.resize(detail, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _moved(mine: Floats, other: Floats, guess: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (x, y) from a place in ``mine`` to the same cloth in ``other``."""
    warp = np.array([[1, 0, guess[0]], [0, 1, guess[1]]], dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    try:
        _, found = cv2.findTransformECC(mine, other, warp, cv2.MOTION_TRANSLATION, until)
        moved = np.asarray(found, dtype=np.float64)[:, 2]
    except cv2.error:  # it did not converge
        moved = np.full(2, np.inf)
    if np.abs(moved - guess).max() > 2 * _LOBE_PX:
        raise TargetNotFoundError(
            "The two pictures cannot be brought to fit to a fraction of a pixel; take both in focus, at the same time, "
            "with clear detail all over the overlap."
        )
    return moved
