"""This module evens out what lens, lamp and sensor do to the brightness across the picture (flat field).

It computes ``corrected = (pixel - offset) * gain``, column by column; dead columns show their nearest living neighbour.
The mean brightness stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.columns import (
    DEAD_LOSS,
    NARROWEST_PX,
    ColumnFault,
    column_faults,
    cuts_of,
    dead_columns,
    living,
    slow_curves,
)
from calibration.errors import CalibrationError, PictureError
from calibration.pictures import CLIPPED

Floats = NDArray[np.float32]
Profile = NDArray[np.float64]
Columns = NDArray[np.intp]

HIGHEST_GAIN = 4.0
"""A column that needs more than this has no light to correct."""
MIN_CLOTH_LINES = 1000
"""Calibration needs this many lines of cloth, a metre at 1 mm per line; where the scale is known, exactly a metre."""
MIN_CLOTH_MM = 1000.0

_STRIP_LINES = 16  # lines corrected at once: the working memory then stays in the processor's cache
_CHUNK_LINES = 64  # lines averaged into one reading of the cloth
_MOST_CLIPPED = 0.01
_DARKEST = 8.0
_MOST_DEAD_PX = 4  # side by side; more is no fault of single columns


@dataclass(frozen=True, slots=True, eq=False)
class Shading:
    """A shading is the flat-field correction for one camera.

    Attributes:
        gain: float32 ``[width]``, > 0; 1 leaves a column unchanged.
        offset: float32 ``[width]``, grey levels the sensor shows without light.
        residual: non-uniformity that is left, as a share of the mean brightness: the root mean square of the
            corrected column means (from cloth: of their slow curve) about their mean, on lines that were not used for
            the correction.
        residual_before: the same without correction.
        faults: dead and dusty columns; only a white reference shows dust, because in cloth a dark end looks like it.

    Raises:
        CalibrationError: gain and offset do not fit each other or are not finite and positive.
    """

    gain: Floats
    offset: Floats
    residual: float = float("nan")
    residual_before: float = float("nan")
    faults: tuple[ColumnFault, ...] = ()
    _maps: dict[int, tuple[Floats, Floats | None]] = field(default_factory=dict, init=False, repr=False)
    _stand_in: tuple[Columns, Columns] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be applied."""
        gain, offset = self.gain, self.offset
        if gain.ndim != 1 or gain.shape != offset.shape or not len(gain):
            raise CalibrationError(
                f"A shading needs a gain and an offset per column, not {gain.shape} and {offset.shape}; calibrate anew."
            )
        if not (np.isfinite(gain).all() and np.isfinite(offset).all() and gain.min() > 0):
            raise CalibrationError("A shading has gains that are not finite and positive; calibrate anew.")
        if any(not fault.first_px <= fault.last_px < len(gain) for fault in self.faults):
            raise CalibrationError("A shading names columns that it does not have; calibrate anew.")
        dead = dead_columns(self.faults, len(gain))
        if dead.all():
            raise CalibrationError("A shading has only dead columns; calibrate anew.")
        if dead.any():
            places, alive = np.flatnonzero(dead), np.flatnonzero(~dead)
            nearest = alive[np.abs(places[:, None] - alive).argmin(axis=1)]
            object.__setattr__(self, "_stand_in", (places, nearest))

    @property
    def width_px(self) -> int:
        """Give the number of columns it was made for."""
        return len(self.gain)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return corrected pixels, rounded and clipped to 0..255, in a new array.

        Args:
            pixels: uint8 ``[lines, width]`` or ``[lines, width, 3]``.

        Raises:
            PictureError: another width or type than the shading is for.
        """
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[1] != self.width_px:
            raise PictureError(
                f"A shading for {self.width_px} columns cannot correct {pixels.dtype} pixels of shape "
                f"{list(pixels.shape)}; calibrate the shading for this camera and this width."
            )
        gain, dark = self._map(1 if pixels.ndim == 2 else pixels.shape[2])
        flat = pixels.reshape(len(pixels), -1)
        corrected = np.empty_like(flat)
        for line in range(0, len(flat), _STRIP_LINES):
            strip = flat[line : line + _STRIP_LINES]
            lines, out = len(strip), corrected[line : line + _STRIP_LINES]
            if dark is None:
                cv2.multiply(strip, gain[:lines], dst=out, dtype=cv2.CV_8U)
            else:
                light = cv2.multiply(strip, gain[:lines], dtype=cv2.CV_32F)
                cv2.subtract(light, dark[:lines], dst=out, dtype=cv2.CV_8U)
        corrected = corrected.reshape(*pixels.shape)
        if self._stand_in is not None:
            dead, nearest = self._stand_in
            corrected[:, dead] = corrected[:, nearest]
        return corrected

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the record (JSON); :meth:`from_dict` reads them."""
        return {
            "gain": [round(float(g), 6) for g in self.gain],
            "offset": [round(float(o), 4) for o in self.offset],
            "residual": None if np.isnan(self.residual) else self.residual,
            "residual_before": None if np.isnan(self.residual_before) else self.residual_before,
            "faults": [fault.to_dict() for fault in self.faults],
        }

    @classmethod
    def from_dict(cls, result: Mapping[str, Any]) -> Shading:
        """Read a shading from the record.

        Raises:
            CalibrationError: the record is damaged.
        """
        try:
            nan = float("nan")
            residual, before = result.get("residual"), result.get("residual_before")
            return cls(
                np.asarray(result["gain"], dtype=np.float32),
                np.asarray(result["offset"], dtype=np.float32),
                nan if residual is None else float(residual),
                nan if before is None else float(before),
                tuple(ColumnFault.from_dict(fault) for fault in result.get("faults", ())),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise CalibrationError(f"The record of a shading cannot be read ({error!r}); calibrate anew.") from error

    def _map(self, channels: int) -> tuple[Floats, Floats | None]:
        """Return gain and offset × gain as float32 ``[_STRIP_LINES, width * channels]``, made once."""
        known = self._maps.get(channels)
        if known is None:
            gain = np.tile(np.repeat(self.gain, channels), (_STRIP_LINES, 1))
            dark = np.tile(np.repeat(self.gain * self.offset, channels), (_STRIP_LINES, 1))
            known = (gain, dark if self.offset.any() else None)
            self._maps[channels] = known
        return known


def shading_from_references(dark: NDArray[np.uint8], white: NDArray[np.uint8]) -> Shading:
    """Find the shading from a picture without light and one of an even white surface.

    The surface should move, so that dirt averages out.  Every column is corrected on its own, so dust on the lens and
    unequal sensor pixels are corrected too, and named.

    Args:
        dark: uint8 ``[lines, width]``, lens covered.
        white: uint8 ``[lines, width]``, bright but not clipped; at least 16 lines each.

    Raises:
        PictureError: shapes differ, too few lines, clipped or too dark, columns side by side without light.
    """
    _check_pixels(dark, "dark reference")
    _check_pixels(white, "white reference")
    if dark.shape[1] != white.shape[1] or min(len(dark), len(white)) < 16:
        raise PictureError(
            f"The dark reference has shape {list(dark.shape)} and the white one {list(white.shape)}; "
            "take both with the same camera, at least 16 lines each."
        )
    _check_light(white, "white reference")
    if (white >= CLIPPED).mean() > _MOST_CLIPPED:
        raise PictureError("The white reference is over-exposed; expose shorter, then calibrate anew.")
    offset = dark.mean(axis=0, dtype=np.float64)
    light = white[::2].mean(axis=0, dtype=np.float64) - offset
    faults = column_faults(light)
    for fault in faults:
        if fault.reason == "dead" and fault.width_px > _MOST_DEAD_PX:
            raise PictureError(
                f"Columns {fault.first_px} to {fault.last_px} of the white reference are too dark to correct; take "
                "away what covers lens or lamp, then calibrate anew."
            )
    gain = _gain_to_mean(living(light, faults), "white reference")
    check = living(white[1::2].mean(axis=0, dtype=np.float64) - offset, faults)
    residual, before = _non_uniformity(check * gain), _non_uniformity(check)
    return Shading(gain.astype(np.float32), offset.astype(np.float32), residual, before, faults)


def shading_from_cloth(
    blocks: Iterable[NDArray[np.uint8]],
    *,
    web_px: tuple[int, int] | None = None,
    mm_per_line: float | None = None,
    joints_px: Sequence[int] = (),
) -> Shading:
    """Find the shading from a metre or more of good cloth that moves past the camera.

    Lines are averaged into column means, chunk by chunk; each chunk is divided by its own mean (lamp drift), and the
    median over chunks leaves flaws out.  Warp yarns and warp stripes stay in their columns while the cloth moves, so
    the means alone would cancel them as if they were shading.  Therefore only a slow curve is taken, a polynomial of
    degree 4 fitted robustly to the logarithm of the means: it follows lens and lamp, and cannot follow anything
    narrower than about a quarter of the web.  What is narrow and fixed, such as dust on the lens, stays;
    :func:`shading_from_references` corrects that, and is better for cloth with stripes wider than a hundredth of the
    web, which bend the curve at the edges.  The dark level is taken as 0.

    Where pictures of several cameras are joined, each has a curve of its own, so that a step of light between them is
    evened out, too; a part of the web narrower than 64 columns goes with its neighbour.

    Args:
        blocks: uint8 ``[lines, width]`` or ``[lines, width, 3]``, all of one width, a metre or more in total.
        web_px: half-open columns of the web; beside it the correction continues as at the edge.  None: all columns.
        mm_per_line: scale along, to know what a metre is; None: 1000 lines are enough.
        joints_px: columns at which another camera's picture begins, in order.

    Raises:
        PictureError: too few lines, differing widths, clipped or too dark cloth, a web that does not fit.
    """
    least = MIN_CLOTH_LINES if mm_per_line is None else max(2 * _CHUNK_LINES, math.ceil(MIN_CLOTH_MM / mm_per_line))
    means = _chunk_means(blocks, least)
    width = means.shape[1]
    left, right = web_px or (0, width)
    if not 0 <= left < right <= width or right - left < NARROWEST_PX:
        raise PictureError(f"The web {left}..{right} does not fit a picture of {width} columns; find its edges first.")
    web = means[:, left:right]
    if (web >= CLIPPED).mean() > _MOST_CLIPPED:
        raise PictureError("The cloth is over-exposed; expose shorter, then calibrate anew.")
    web = web / web.mean(axis=1, keepdims=True)
    light, check = np.median(web[::2], axis=0), np.median(web[1::2], axis=0)
    dead = _black_columns(light, np.median(means[:, left:right], axis=0))
    cuts = cuts_of(joints_px, left, right)
    curve = slow_curves(living(light, dead), cuts)
    gain = np.pad(_gain_to_mean(curve, "cloth"), (left, width - right), mode="edge")
    check = living(check, dead)
    after = _non_uniformity(slow_curves(check * gain[left:right], cuts))
    before = _non_uniformity(slow_curves(check, cuts))
    faults = tuple(replace(fault, first_px=left + fault.first_px, last_px=left + fault.last_px) for fault in dead)
    return Shading(gain.astype(np.float32), np.zeros(width, np.float32), after, before, faults)


def _chunk_means(blocks: Iterable[NDArray[np.uint8]], least: int) -> Profile:
    """Return column means float64 ``[chunks, width]`` of ``_CHUNK_LINES`` lines each, across the borders of blocks."""
    sums: list[Profile] = []
    total, lines, seen = np.zeros(0), 0, 0
    for block in blocks:
        grey = np.asarray(cv2.cvtColor(block, cv2.COLOR_RGB2GRAY), dtype=np.uint8) if block.ndim == 3 else block
        _check_pixels(grey, "cloth")
        if not len(total):
            total = np.zeros(grey.shape[1])
        if grey.shape[1] != len(total):
            raise PictureError(
                f"A block of cloth is {grey.shape[1]} columns wide, those before it {len(total)}; use one camera only."
            )
        _check_light(grey, "cloth")
        seen += len(grey)
        while len(grey):
            taken, grey = grey[: _CHUNK_LINES - lines], grey[_CHUNK_LINES - lines :]
            total, lines = total + taken.sum(axis=0, dtype=np.float64), lines + len(taken)
            if lines == _CHUNK_LINES:
                sums.append(total / lines)
                total, lines = np.zeros_like(total), 0
    if seen < least:
        raise PictureError(
            f"Only {seen} lines of cloth were given to calibrate the shading; let at least {least} lines "
            "(a metre or more) of good cloth pass."
        )
    return np.stack(sums)


def _black_columns(light: Profile, level: Profile) -> tuple[ColumnFault, ...]:
    """Find dead columns on cloth: single ones that are black, as dark warp stripes hardly are."""
    faults = column_faults(light, DEAD_LOSS)
    return tuple(f for f in faults if f.width_px <= _MOST_DEAD_PX and level[f.columns].max() < _DARKEST)


def _gain_to_mean(light: Profile, what: str) -> Profile:
    mean = float(light.mean())
    weakest = int(np.argmin(light))
    if mean <= 0 or light[weakest] * HIGHEST_GAIN < mean:
        raise PictureError(
            f"Column {weakest} of the {what} is too dark to correct; check lamp, lens and focus, then calibrate anew."
        )
    return mean / light


def _non_uniformity(profile: Profile) -> float:
    return float(profile.std() / profile.mean())


def _check_pixels(pixels: NDArray[np.uint8], what: str) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or not pixels.size:
        raise PictureError(
            f"The {what} has {pixels.dtype} pixels of shape {list(pixels.shape)}; give grey uint8 [lines, width]."
        )


def _check_light(pixels: NDArray[np.uint8], what: str) -> None:
    if pixels.mean() < _DARKEST:
        raise PictureError(f"The {what} is almost black; switch the lamp on or expose longer, then calibrate anew.")
