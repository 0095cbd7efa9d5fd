"""This module reads image files: the header alone, or the pixels as uint8; what fails is one clear sentence."""

from __future__ import annotations

import errno
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from drivers.camera import CameraError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".dib", ".tif", ".tiff", ".webp"}) | frozenset(
    {".pgm", ".ppm", ".pnm", ".pbm", ".pam", ".jp2", ".avif", ".ras", ".sr"}
)
WHITES = tuple((1 << bits) - 1 for bits in (8, 10, 12, 14, 16))
_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB\x60\x82"
_JPEG_START, _JPEG_END, _JPEG_SCAN = b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xda"


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """Image metadata is what the header of an image file says."""

    lines: int
    width_px: int
    channels: int
    is_deep: bool = False
    """Say whether samples have more than 8 bits, so that the white level must be known."""


def image_metadata(path: Path) -> ImageMetadata:
    """Return size and channels (1 grey, 3 colour; alpha does not count) of ``path``; only odd headers need decoding.

    Raises:
        CameraError: not readable as an image, empty, of several pages, or a PNG or JPEG without its end.
    """
    _refuse_cut_off(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # long strips of cloth are no attack; the decoder finds damage
            with Image.open(path) as header:
                pages = int(getattr(header, "n_frames", 1))
                width_px, lines = header.size
                channels = 1 if header.mode in _GREY_MODES else 3
                is_deep = header.mode.startswith("I") or _has_deep_samples(path, header)
    except UnidentifiedImageError:
        return _metadata_by_decoding(path)
    except Image.DecompressionBombError:
        return _metadata_by_decoding(path)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise _unreadable(path, error) from error
        return _metadata_by_decoding(path)
    if pages > 1:
        raise CameraError(f"{path} holds {pages} pages; save each page as an image of its own.")
    return ImageMetadata(lines, width_px, channels, is_deep)


def brightest(path: Path) -> int:
    """Return the brightest stored value of an image.  Raises CameraError, as :func:`read_image`."""
    return int(_decode(path).max())


def white_for(brightest_value: int) -> int:
    """Return the white level of 8, 10, 12, 14 or 16 bits that holds the brightest value of a whole folder."""
    return next(white for white in WHITES if brightest_value <= white)


def read_image(path: Path, channels: int, white: int = 65535) -> NDArray[np.uint8]:
    """Return the pixels as stored (no EXIF rotation): uint8, contiguous, grey ``[h, w]`` or RGB ``[h, w, 3]``.

    Alpha is dropped, a grey image asked for in colour repeats its grey.

    Args:
        path: the file; any character the file system takes.
        channels: 1 or 3, as wanted.
        white: the stored value of 16-bit images that becomes 255; brighter ones are clipped.

    Raises:
        CameraError: missing, unreadable, truncated or of an unsupported pixel type.
    """
    pixels = _to_uint8(_decode(path), path, white)
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels if channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if channels == 1:
        # Only grey with alpha and formats that store grey as three equal channels come here.
        return np.ascontiguousarray(pixels[..., 0])
    code = cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.ascontiguousarray(cv2.cvtColor(pixels, code), dtype=np.uint8)


def _refuse_cut_off(path: Path) -> None:
    """Check the file's first and last bytes; read it whole only if it does not end as a PNG or JPEG should."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            file.seek(-min(8, len(start)), os.SEEK_END)
            end = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    ends_well = end.endswith((_PNG_END, _JPEG_END))
    if start.startswith((_PNG_START, _JPEG_START)) and not ends_well:
        _read_whole(path)


def _read_whole(path: Path) -> bytes:
    """Return the file's bytes.  Raises CameraError if there are none or the end is missing."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data:
        raise CameraError(f"Image {path} is empty (0 bytes); replace it or take it out of the folder.")
    if _is_truncated(data):
        raise CameraError(f"Image {path} is truncated (its end is missing); replace it or take it out of the folder.")
    return data


def _decode(path: Path) -> NDArray[Any]:
    data = _read_whole(path)
    try:
        # From memory, not by name: OpenCV cannot open names outside the code page on Windows.
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise CameraError(f"Image {path} cannot be read ({error.err}); replace it or take it out.") from error
    if pixels is None:
        raise CameraError(
            f"Image {path} cannot be read: it is damaged or no image; replace it or take it out of the folder."
        )
    return pixels


def _is_truncated(data: bytes) -> bool:
    """Return True if a PNG or JPEG lacks its end; decoders may otherwise fill up with grey and say nothing."""
    if data.startswith(_PNG_START):
        return data.rfind(_PNG_END) < 0
    if data.startswith(_JPEG_START):
        # Behind the scan header: a thumbnail in the metadata has an end marker of its own.
        return data.find(_JPEG_END, max(_scan_start(data), 0)) < 0
    return False


def _scan_start(data: bytes) -> int:
    """Return the offset of the first scan of a JPEG, or its length if there is none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at : at + 2] == _JPEG_SCAN:
            return at
        if data[at + 1] == 0xFF:  # fill byte
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return len(data)


def _to_uint8(pixels: NDArray[Any], path: Path, white: int) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint16:
        values = np.minimum(np.arange(1 << 16, dtype=np.uint32), white)
        return ((values * 255 + white // 2) // white).astype(np.uint8)[pixels]
    if pixels.dtype == np.uint8:
        return pixels
    raise CameraError(f"Image {path} has {pixels.dtype} pixels; save it with 8 or 16 bits per channel.")


def _metadata_by_decoding(path: Path) -> ImageMetadata:
    pixels = _decode(path)
    channels = 1 if pixels.ndim == 2 else 3
    return ImageMetadata(int(pixels.shape[0]), int(pixels.shape[1]), channels, pixels.dtype == np.uint16)


def _has_deep_samples(path: Path, header: Image.Image) -> bool:
    if header.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24:] == bytes([16])
    bits = getattr(header, "tag_v2", {}).get(258, ())
    return 16 in bits


def _unreadable(path: Path, error: OSError) -> CameraError:
    if error.errno == errno.ENOENT:
        return CameraError(f"Image {path} is missing; it was moved or deleted: put it back or start again.")
    return CameraError(f"Image {path} cannot be read ({error.strerror}); check its permissions and the disk.")
