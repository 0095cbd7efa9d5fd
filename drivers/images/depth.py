"""This module finds the white level of 16-bit pictures: one for a whole folder, never one for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivers.camera import CameraError
from drivers.images.metadata import EIGHT_BITS, WHITES, ImageMetadata
from drivers.images.reader import read_raster, white_level

MOST_PICTURES = 200
MOST_SAMPLES = 1 << 29
"""No more pictures and samples are looked at, spread over the folder: that takes some seconds."""


def white_of(files: Sequence[tuple[Path, ImageMetadata]]) -> int:
    """Return the white level of a folder: 255 for 8 bits, 4095 for 12 in 16.

    Where headers do not say it, it is the least of 8, 10, 12, 14 or 16 bits that holds the brightest sample of a fair
    share of the pictures.  A damaged picture among them is passed over; whoever plays it finds it.
    """
    deep = [(path, header) for path, header in files if header.is_deep]
    unsaid = [(path, header) for path, header in deep if header.white is None]
    if not unsaid:
        return max((header.white or EIGHT_BITS for _, header in deep), default=EIGHT_BITS)
    whites = WHITES
    for _, header in unsaid:
        whites = tuple(white for white in whites if white in header.whites) or header.whites
    return white_level(whites, _brightest(unsaid))


def depth_in_words(white: int) -> str:
    """Say a white level in words, such as ``12 bits (white at 4095)``."""
    return f"{white.bit_length()} bits (white at {white})"


def _brightest(files: Sequence[tuple[Path, ImageMetadata]]) -> int:
    count = min(len(files), MOST_PICTURES)
    brightest, left = 0, MOST_SAMPLES
    # From the ends inwards would favour one part of a roll; the order below is spread however early it stops.
    for index in _spread(np.linspace(0, len(files) - 1, count).astype(int).tolist()):
        path, header = files[index]
        left -= header.lines * header.width_px * header.channels
        try:
            brightest = max(brightest, int(read_raster(path)[0].samples.max()))
        except CameraError:
            continue
        if left < 0:
            break
    return brightest


def _spread(places: list[int]) -> list[int]:
    """Return the places so that any first part of them is spread evenly: every 16th, then those between, and so on."""
    kept: dict[int, None] = {}
    for step in (16, 8, 4, 2, 1):
        kept.update(dict.fromkeys(places[::step]))
    return list(kept)
