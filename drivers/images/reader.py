"""This module decides how a picture file becomes pixels: for pictures, masks, calibration and teaching alike.

docs/pictures.md has the table of what is read how.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.images import jpeg, netpbm, others, png, tiff
from drivers.images.limits import check_file, check_size
from drivers.images.metadata import TAKE_OUT, FaultError, ImageMetadata, Raster, named

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
) | frozenset({".pgm", ".ppm", ".pnm", ".pbm", ".pam", ".jp2", ".j2k", ".avif", ".ras", ".sr"})


@dataclass(frozen=True, slots=True)
class _Format:
    begins: Callable[[bytes], bool]
    metadata: Callable[[IO[bytes]], ImageMetadata]
    decode: Callable[[bytes], Raster]


_FORMATS = (
    _Format(lambda start: start.startswith(png.START), png.metadata, png.decode),
    _Format(lambda start: start.startswith(jpeg.START), jpeg.metadata, jpeg.decode),
    _Format(lambda start: start.startswith(tiff.STARTS), tiff.metadata, tiff.decode),
    _Format(lambda start: start.startswith(netpbm.STARTS), netpbm.metadata, netpbm.decode),
    _Format(
        lambda start: (
            start.startswith(others.BMP_STARTS + others.SUN_STARTS + others.JPEG_2000_STARTS)
            or others.is_webp(start)
            or others.is_avif(start)
        ),
        others.metadata,
        others.decode,
    ),
)
_START_BYTES = 16


def image_metadata(path: Path) -> ImageMetadata:
    """Return what the header of ``path`` says; no pixel is decoded.

    Raises:
        CameraError: missing, no image, empty, too large, of several pages, of pixels that are not read, or, where the
            file shows it without being decoded, damaged.
    """
    with named(path):
        check_file(path)
        with path.open("rb") as file:
            return _metadata(_format_of(file), file)


def read_raster(path: Path) -> tuple[Raster, ImageMetadata]:
    """Return samples and header of an image, turned upright.

    Raises:
        CameraError: as :func:`image_metadata`, or damaged.
    """
    with named(path):
        check_file(path)
        data = path.read_bytes()
        file = io.BytesIO(data)
        how = _format_of(file)
        header = _metadata(how, file)
        raster = how.decode(data)
        alpha, indices = (
            None if part is None else _turned(part, header.orientation) for part in (raster.alpha, raster.indices)
        )
        turned = Raster(_turned(raster.samples, header.orientation), alpha, indices)
        if turned.samples.shape[:2] != (header.lines, header.width_px):
            raise FaultError(f"is damaged: its header and its pixels differ in size; {TAKE_OUT}")
    return turned, header


def read_image(path: Path, channels: int, white: int | None = None) -> NDArray[np.uint8]:
    """Return the pixels as viewers show them: uint8, contiguous, grey ``[h, w]`` or RGB ``[h, w, 3]``.

    The white level becomes 255, black 0.  Alpha is dropped, a grey image asked for in colour repeats its grey.

    Args:
        path: the file; any character the file system takes.
        channels: 1 or 3, as wanted.
        white: the white level of 16-bit images that do not say theirs; None: the least that holds this image.

    Raises:
        CameraError: as :func:`read_raster`.
    """
    raster, header = read_raster(path)
    return in_channels(to_uint8(raster, header, white), channels)


def white_level(whites: tuple[int, ...], brightest: int) -> int:
    """Return the least of the white levels that holds the brightest value, else the greatest."""
    return next((white for white in whites if brightest <= white), whites[-1])


def to_uint8(raster: Raster, header: ImageMetadata, white: int | None) -> NDArray[np.uint8]:
    """Return the samples scaled to 0..255; brighter ones than ``white`` are clipped."""
    samples = raster.samples
    used = header.white or white or white_level(header.whites, int(samples.max()))
    if used == np.iinfo(np.uint8).max and samples.dtype == np.uint8 and not header.is_negative:
        return samples
    values = np.minimum(np.arange(np.iinfo(samples.dtype).max + 1, dtype=np.uint32), used)
    if header.is_negative:
        values = used - values
    return ((values * 255 + used // 2) // used).astype(np.uint8)[samples]


def in_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return the pixels contiguous, in grey (1) or RGB (3)."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels if channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if channels == 1:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)
    return np.ascontiguousarray(pixels)


def _format_of(file: IO[bytes]) -> _Format:
    start = file.read(_START_BYTES)
    found = next((known for known in _FORMATS if known.begins(start)), None)
    if found is None:
        raise FaultError(f"cannot be read: it is damaged or no image of a kind that is read; {TAKE_OUT}")
    return found


def _metadata(how: _Format, file: IO[bytes]) -> ImageMetadata:
    found = how.metadata(file).upright()
    check_size(found.lines, found.width_px, found.channels * (2 if found.is_deep else 1))
    return found


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels as EXIF's orientation says: 2 mirrored, 3 upside down, 6 and 8 a quarter turn."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
