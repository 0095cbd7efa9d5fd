"""This module limits the size of a picture: a small file may unpack to more than the memory holds."""

from __future__ import annotations

import os
from pathlib import Path

from drivers.camera import CameraError
from drivers.images.metadata import FaultError

SETTING = "STATION_MAX_PICTURE_MPX"
"""This environment variable sets how many million pixels a picture may have."""

DEFAULT_MPX = 268.0
BYTES_PER_PX = 4
"""The bytes a picture may unpack to are limited with its pixels: 268 million pixels may take 1.07 GB."""


def max_mpx() -> float:
    """Return how many million pixels a picture may have.  Raises CameraError if the setting is no number above 0."""
    text = os.environ.get(SETTING, "").strip()
    if not text:
        return DEFAULT_MPX
    try:
        mpx = float(text)
    except ValueError:
        mpx = 0.0
    if not 0 < mpx < 1e6:
        raise CameraError(f"{SETTING} is '{text}'; set it to a number of million pixels, such as {DEFAULT_MPX:.0f}.")
    return mpx


def check_size(lines: int, width_px: int, bytes_per_px: int) -> None:
    """Check a picture's size as its header says it, before anything is unpacked.

    Raises:
        FaultError: it has no pixels, or more than are allowed.
        CameraError: see :func:`max_mpx`.
    """
    if lines < 1 or width_px < 1:
        raise FaultError(f"is empty: {width_px} x {lines} px; replace it or take it out of the folder")
    mpx = max_mpx() * min(1.0, BYTES_PER_PX / bytes_per_px)
    if lines * width_px > mpx * 1e6:
        most = f"{mpx:g} million pixels" + (f" of {bytes_per_px} bytes" if bytes_per_px > BYTES_PER_PX else "")
        raise FaultError(
            f"is too large: {width_px} x {lines} px, at most {most} are read at once; cut it into pieces, or set "
            f"{SETTING} higher if the memory allows"
        )


def check_side(lines: int, width_px: int, most: int, format_name: str) -> None:
    """Check a picture's sides against the limit of its decoder.  Raises FaultError."""
    if max(lines, width_px) > most:
        raise FaultError(
            f"is too large: {width_px} x {lines} px, at most {most:,} lines or columns of a {format_name} are read; "
            "cut it into pieces"
        )


def check_file(path: Path) -> None:
    """Check a file's own size: it is read whole.  Raises FaultError, OSError, and CameraError as :func:`max_mpx`."""
    size, most = path.stat().st_size, int(max_mpx() * 1e6) * BYTES_PER_PX
    if size == 0:
        raise FaultError("is empty (0 bytes); replace it or take it out of the folder")
    if size > most:
        raise FaultError(
            f"is too large: {size / 1e6:,.0f} MB, at most {most / 1e6:,.0f} MB are read at once; cut it into pieces, "
            f"or set {SETTING} higher if the memory allows"
        )
