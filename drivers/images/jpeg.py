"""This module reads JPEG, and of the JPEGs of phones that hold several pictures (MPO) the first, as every viewer does.

libjpeg fills up with grey what is broken and only prints a warning; here such a warning refuses the picture.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import IO, Any

import simplejpeg
from numpy.typing import NDArray

from drivers.images.limits import check_side
from drivers.images.metadata import (
    CUT_OFF,
    EIGHT_OR_SIXTEEN,
    LOST_AT,
    LOST_BYTES,
    TAKE_OUT,
    FaultError,
    ImageMetadata,
    Raster,
)
from drivers.images.png import exif_orientation

START = b"\xff\xd8\xff"
MAX_SIDE = 65_500
"""libjpeg decodes no more lines or columns."""

_END, _SCAN, _APP1, _EXIF = b"\xff\xd9", 0xDA, 0xE1, b"Exif\0\0"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_TABLES, _LUMA = 0xC4, 0x10
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_HARMLESS = re.compile(r"Adobe color transform|SOS parameters|JFIF revision|ICC marker")
"""Warnings with these words are about notes beside the picture, not about its pixels."""
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_PADDING_BYTES = 64
"""Some cameras put zeros before the end marker; up to so many are no damage."""


def metadata(file: IO[bytes]) -> ImageMetadata:
    """Read a JPEG's header, and look for its end.  Raises FaultError."""
    parts = _segments(file)
    frame = parts.frame
    if len(frame) < 6:
        raise FaultError(f"cannot be read: its header is damaged; {TAKE_OUT}")
    if frame[0] != 8:
        raise FaultError(f"has {frame[0]} bits in a JPEG; {EIGHT_OR_SIXTEEN}, as PNG or TIFF")
    lines, width_px = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    check_side(lines, width_px, MAX_SIDE, "JPEG")
    _refuse_cut_off(file, parts.scan_at)
    return ImageMetadata(
        lines,
        width_px,
        channels=1 if frame[5] == 1 else 3,
        orientation=exif_orientation(parts.exif),
        is_lossy=True,
    )


def decode(data: bytes) -> Raster:
    """Decode a JPEG.  Raises FaultError where libjpeg warns of damage, or a stretch of it is zeros."""
    parts = _segments(io.BytesIO(data))
    if parts.is_never_zeros and (at := data.find(bytes(LOST_BYTES), parts.scan_at)) >= 0:
        raise FaultError(f"is damaged ({LOST_AT.format(at)}); {TAKE_OUT}")
    return Raster(decoded(data))


def decoded(data: bytes) -> NDArray[Any]:
    """Return the pixels, uint8 ``[h, w]`` or RGB ``[h, w, 3]``.  Raises FaultError where libjpeg warns of damage."""
    is_grey = simplejpeg.decode_jpeg_header(data, strict=False)[2] == "Gray"
    how = "GRAY" if is_grey else "RGB"
    try:
        pixels = simplejpeg.decode_jpeg(data, how, strict=True)
    except ValueError as warning:
        if not _HARMLESS.search(str(warning)) and not _is_padding(data, str(warning)):
            raise FaultError(f"is damaged ({warning}); {TAKE_OUT}") from warning
        pixels = simplejpeg.decode_jpeg(data, how, strict=False)
    return pixels[..., 0] if is_grey else pixels


def _is_padding(data: bytes, warning: str) -> bool:
    """Say whether a warning tells only of some bytes of padding before the end marker."""
    left_over = _LEFT_OVER.search(warning)
    count = int(left_over[1]) if left_over else 0
    end = data.rfind(_END)
    return 0 < count <= _PADDING_BYTES and set(data[end - count : end]) <= {0x00, 0xFF}


@dataclass(frozen=True, slots=True)
class _Segments:
    """These are the parts of a JPEG before its first scan.

    Attributes:
        frame, exif: the frame's header and the EXIF data; empty if there are none.
        scan_at: where the first scan begins.
        is_never_zeros: a long run of zeros in the scan cannot be a picture: in the usual table of codes zeros mean
            coefficients of -1, where other tables may have flat cloth for them.
    """

    frame: bytes
    exif: bytes
    scan_at: int
    is_never_zeros: bool


def _segments(file: IO[bytes]) -> _Segments:
    """Walk a JPEG's segments up to its first scan.  Raises FaultError."""
    frame, exif, luma_codes, kind = b"", b"", b"", 0
    file.seek(2)
    while len(marker := file.read(2)) == 2 and marker[0] == 0xFF:
        if marker[1] == 0xFF:  # a fill byte
            file.seek(-1, 1)
            continue
        if marker[1] == _SCAN:
            scan_at, components = file.tell() - 2, file.read(3)[2:]
            is_whole = kind in _SEQUENTIAL and components == frame[5:6]
            return _Segments(frame, exif, scan_at, is_whole and luma_codes[17:18] not in (b"", b"\0"))
        if marker[1] in _BARE:
            continue
        body = file.read(max(int.from_bytes(file.read(2), "big") - 2, 0))
        if marker[1] in _FRAMES and not frame:
            frame, kind = body, marker[1]
        elif marker[1] == _TABLES:
            luma_codes = _codes_of(body) or luma_codes
        elif marker[1] == _APP1 and body.startswith(_EXIF) and not exif:
            exif = body
    raise FaultError(CUT_OFF if len(marker) < 2 else f"cannot be read: its header is damaged; {TAKE_OUT}")


def _codes_of(tables: bytes) -> bytes:
    """Return the first Huffman table for the coefficients of brightness: its head, 16 counts, then what codes mean."""
    while len(tables) > 17:
        end = 17 + sum(tables[1:17])
        if tables[0] == _LUMA:
            return tables[:end]
        tables = tables[end:]
    return b""


def _refuse_cut_off(file: IO[bytes], scan: int) -> None:
    """Look for the end marker; a thumbnail in the metadata has one of its own, so only behind the scan's beginning."""
    end = file.seek(0, 2)
    file.seek(max(scan, end - 2))
    if file.read(2) == _END:
        return
    file.seek(scan)
    if file.read().find(_END) < 0:
        raise FaultError(CUT_OFF)
