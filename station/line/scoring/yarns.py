"""This module sees yarns: narrow peaks in the power spectrum, which tables, lamps and the noise of cameras do not have.

A window of 64 × 64 px holds a weave's repeat several times, so that its spectrum peaks where the yarns repeat, however
dark or fine the cloth is; averaged over many windows, a peak of a tenth of the camera's noise stands out.  Lines along
and across have their spectrum on the axes, light that changes slowly has it in the middle: neither is looked at, but
for ends alone, which repeat across.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import median_filter

WINDOW_PX, HOP_PX = 64, 32
LEAST_SIGMAS = 5.0
"""A peak stands this many standard deviations above the spectrum around it, at least,"""
LEAST_RATIO = 2.3
"""and this many times: the spectra of tables and of pictures compressed as JPEG are uneven by less."""

Floats = NDArray[np.float32]

FEW, FEW_PEAKS = 16, 3
"""So many windows and peaks say quickly whether yarns that are known show."""

_HALF = WINDOW_PX // 2
_HANN = np.hanning(WINDOW_PX + 1)[:-1].astype(np.float32)
_ALONG = np.minimum(np.arange(WINDOW_PX), WINDOW_PX - np.arange(WINDOW_PX))[:, None]
_ACROSS = np.arange(_HALF + 1)[None]
_RADIUS = np.hypot(_ALONG, _ACROSS)
_SLOW = 3.5  # cycles in a window: below is light
_LOOKED_AT = (_RADIUS >= _SLOW) & (_ACROSS >= 3) & ~((_ACROSS == _HALF) & (_ALONG <= 2))
_AXIS = (-2, -1, 0, 1, 2)  # rows of the spectrum into which lines along the machine spread
_INDEPENDENT = 0.5  # of overlapping windows: so many are worth one that overlaps none


def spectra(grey: NDArray[np.uint8]) -> tuple[Floats, int]:
    """Return the power spectra of windows side by side, each the mean over the lines.

    Args:
        grey: uint8 ``[lines, width]``, 64 or more each.

    Returns:
        float32 ``[windows, 64, 33]`` for windows that begin every 32 px, and how many windows each is the mean of.
    """
    first, *others = range(0, len(grey) - WINDOW_PX + 1, HOP_PX)
    total = _row_of_spectra(grey[first : first + WINDOW_PX])
    for line in others:
        total += _row_of_spectra(grey[line : line + WINDOW_PX])
    return np.asarray(total / (1 + len(others)), np.float32), 1 + len(others)


def _row_of_spectra(lines: NDArray[np.uint8]) -> Floats:
    return _spectra_of(sliding_window_view(lines, WINDOW_PX, axis=1)[:, ::HOP_PX].transpose(1, 0, 2))


def _spectra_of(pixels: NDArray[np.uint8]) -> Floats:
    """Return the power spectrum of each window, float32 ``[windows, 64, 33]``."""
    windows = pixels.astype(np.float32)
    windows -= windows.mean(axis=(1, 2), keepdims=True)
    windows *= _HANN[:, None] * _HANN
    waves = fft.rfft2(windows)
    return np.asarray(waves.real**2 + waves.imag**2, np.float32)


def shown(grey: NDArray[np.uint8], peaks: Sequence[tuple[int, int]]) -> float:
    """Return how many times the power in peaks stands above what lies around them, in a few windows spread over a
    block, uint8 ``[lines, width]`` of 64 or more each; noise has about 1.5."""
    lines, width = grey.shape
    number = np.arange(FEW)
    tops = (number * 7 % FEW) * (lines - WINDOW_PX) // (FEW - 1)
    lefts = number * (width - WINDOW_PX) // (FEW - 1)
    pairs = zip(tops.tolist(), lefts.tolist(), strict=True)
    windows = np.stack([grey[top : top + WINDOW_PX, left : left + WINDOW_PX] for top, left in pairs])
    high, low = against_around(_spectra_of(windows), peaks[:FEW_PEAKS])
    return float((high / low).mean())


def has_yarns(grey: NDArray[np.uint8]) -> bool:
    """Say whether any yarns show in a block, uint8 ``[lines, width]`` of 64 or more each."""
    power, rows = spectra(grey)
    scale = np.maximum(np.median(power.reshape(len(power), -1), axis=1), 1e-3)
    even = power / scale[:, None, None]
    return bool(sigmas(over_floor(np.asarray(even.mean(axis=0), np.float32)), rows * len(even)).max() >= LEAST_SIGMAS)


def floor_of(power: Floats) -> Floats:
    """Return what a spectrum ``[64, 33]`` would be without its narrow peaks, likewise."""
    logs = np.log(power + 1e-6)
    rings = np.arange(int(_RADIUS.max()) + 2)
    by_ring = [np.median(logs[np.abs(_RADIUS - ring) <= 1]) for ring in rings]
    trend = np.interp(_RADIUS, rings, by_ring)
    rest = logs - trend
    mirrored = np.roll(rest[::-1], 1, axis=0)[:, _HALF - 1 : 0 : -1]
    whole = np.fft.fftshift(np.concatenate([rest, mirrored], axis=1)).astype(np.float32)
    side = WINDOW_PX // 4
    small = cv2.resize(
        cv2.copyMakeBorder(whole, side, side, side, side, cv2.BORDER_WRAP),
        None,
        fx=0.5,
        fy=0.5,
        interpolation=cv2.INTER_AREA,
    )
    small = cv2.GaussianBlur(cv2.medianBlur(cv2.medianBlur(small, 5), 5), (0, 0), 1)
    even = cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[side:-side, side:-side]
    floor = np.fft.ifftshift(even)[:, : _HALF + 1] + trend
    for row in _AXIS:
        floor[row] = np.maximum(floor[row], median_filter(logs[row], 11, mode="mirror"))
    return np.asarray(np.exp(floor), np.float32)


def over_floor(power: Floats) -> Floats:
    """Return how many times a spectrum stands above its floor, ``[64, 33]``; 1 is usual."""
    ratios = power / floor_of(power)
    return np.asarray(ratios / np.median(ratios[_LOOKED_AT]), np.float32)


def sigmas(ratios: Floats, windows: float) -> NDArray[np.float64]:
    """Return by how many standard deviations a mean of spectra stands above its floor, ``[64, 33]``.

    Power is distributed as chi-squared, whose cube root is all but normal; what the floor misses widens it.

    Args:
        ratios: from :func:`over_floor`.
        windows: the spectrum is the mean of so many, overlapping by half.
    """
    degrees = np.sqrt(9 * windows * _INDEPENDENT)
    apart = np.cbrt(ratios.astype(np.float64)) * degrees
    apart -= np.median(apart[_LOOKED_AT])
    apart /= max(1.0, 1.4826 * float(np.median(np.abs(apart[_LOOKED_AT]))))
    return np.where(_LOOKED_AT & (ratios >= LEAST_RATIO), apart, 0.0)


def peaks_of(sigma: NDArray[np.float64], most: int) -> list[tuple[int, int]]:
    """Return the highest peaks as (cycles along, cycles across) in a window, the highest first.

    Args:
        sigma: from :func:`sigmas`.
        most: no more than these.
    """
    padded = np.pad(sigma, ((1, 1), (0, 0)), mode="wrap")
    highest = cv2.dilate(padded, np.ones((3, 3)))[1:-1]
    rows, columns = np.nonzero((sigma >= LEAST_SIGMAS) & (sigma == highest))
    order = np.argsort(-sigma[rows, columns], kind="stable")[:most]
    return [(int(rows[i]) - WINDOW_PX * int(rows[i] > _HALF), int(columns[i])) for i in order]


def against_around(power: Floats, peaks: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Return the power of spectra in each peak, and around each but in no other: there the floor is.

    Args:
        power: float32 ``[windows, 64, 33]``.
        peaks: from :func:`peaks_of`.

    Returns:
        Two of float32 ``[windows, peaks]``, the floor above 0.
    """
    rows, columns = np.indices(power.shape[1:])
    apart = [np.maximum(np.abs((rows - y + _HALF) % WINDOW_PX - _HALF), np.abs(columns - x)) for y, x in peaks]
    is_free = _LOOKED_AT & (np.min(apart, axis=0) >= 3)
    high = power[:, [y for y, _ in peaks], [x for _, x in peaks]]
    low = np.empty_like(high)
    for number, one in enumerate(apart):
        ring = (one >= 3) & (one <= 7)
        chosen = ring & is_free if (ring & is_free).any() else ring
        low[:, number] = np.median(power[:, chosen], axis=1)
    return high, np.maximum(low, 1e-3)
