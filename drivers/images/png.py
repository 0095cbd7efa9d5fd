"""This module reads PNG: chunks are walked for the header, libpng checks every checksum as it decodes."""

from __future__ import annotations

import io
import warnings
import zlib
from typing import IO

import imagecodecs
import numpy as np
from PIL import Image

from drivers.images.limits import check_side
from drivers.images.metadata import (
    CUT_OFF,
    EIGHT_BITS,
    ORIENTATION_TAG,
    SIXTEEN_BITS,
    TAKE_OUT,
    WHITES,
    FaultError,
    ImageMetadata,
    Raster,
)

START = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 1_000_000
"""libpng decodes no more lines or columns."""

_EXIF, _END = b"eXIf", b"\0\0\0\0IEND\xaeB`\x82"
_CHECKED_BYTES = 1 << 16  # chunks up to this size are read with the header
_COLOUR_TYPE_AT, _PALETTE = 25, 3
_COLOURED = frozenset({2, 3, 6})


def metadata(file: IO[bytes]) -> ImageMetadata:
    """Read a PNG's chunks up to its end, all but the pixels.  Raises FaultError."""
    chunks = _chunks(file)
    if b"IHDR" not in chunks:
        raise FaultError(f"cannot be read: its header is damaged; {TAKE_OUT}")
    if b"acTL" in chunks and int.from_bytes(chunks[b"acTL"][:4], "big") > 1:
        raise FaultError(
            f"holds {int.from_bytes(chunks[b'acTL'][:4], 'big')} pages; save each page as an image of its own"
        )
    header = chunks[b"IHDR"]
    width_px, lines = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    check_side(lines, width_px, MAX_SIDE, "PNG")
    return ImageMetadata(
        lines,
        width_px,
        channels=3 if header[9] in _COLOURED else 1,
        whites=_whites(max(chunks.get(b"sBIT", b"\0"))) if header[8] == 16 else (EIGHT_BITS,),
        orientation=exif_orientation(chunks.get(_EXIF, b"")),
    )


def _whites(significant_bits: int) -> tuple[int, ...]:
    """Return the white levels of 16-bit samples: by the letter significant bits fill all 16, in many files not."""
    return ((1 << significant_bits) - 1, SIXTEEN_BITS) if 0 < significant_bits < 16 else WHITES


def decode(data: bytes) -> Raster:
    """Decode a PNG: palettes give their colours, fewer than 8 bits are spread to 8."""
    pixels = imagecodecs.png_decode(data)
    if data[_COLOUR_TYPE_AT] == _PALETTE:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return Raster(pixels[..., :3], pixels[..., 3] if pixels.shape[2] == 4 else None, np.asarray(image))
    if pixels.ndim == 2:
        return Raster(pixels)
    if pixels.shape[2] == 2:
        return Raster(pixels[..., 0], pixels[..., 1])
    return Raster(pixels[..., :3], pixels[..., 3] if pixels.shape[2] == 4 else None)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation that EXIF data say, 1 where they say none that there is."""
    if not exif:
        return 1
    tags = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags.load(exif)
            orientation = int(tags.get(ORIENTATION_TAG, 1))
    except Exception:  # a note beside the picture; its damage does not spoil the pixels
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _exif_in(tail: bytes) -> dict[bytes, bytes]:
    """Return a whole EXIF chunk of a file's last bytes, if there is one."""
    at = tail.find(_EXIF)
    while at >= 4:
        end = at + 4 + int.from_bytes(tail[at - 4 : at], "big")
        if zlib.crc32(tail[at:end]).to_bytes(4, "big") == tail[end : end + 4]:
            return {_EXIF: tail[at + 4 : end]}
        at = tail.find(_EXIF, at + 1)
    return {}


def _chunks(file: IO[bytes]) -> dict[bytes, bytes]:
    """Return the small chunks by kind, their checksums held against their bytes; the file must reach its end chunk.

    Where the file ends with that, of what follows the first pixels only EXIF is looked for: thousands of chunks of
    pixels may lie between.
    """
    found: dict[bytes, bytes] = {}
    file.seek(len(START))
    is_first = True
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise FaultError(CUT_OFF)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if not kind.isalpha():
            raise FaultError(f"cannot be read: its chunks are damaged; {TAKE_OUT}")
        if kind == b"IDAT" and is_first:
            is_first, at = False, file.tell()
            file.seek(max(at, file.seek(0, 2) - 2 * _CHECKED_BYTES))
            tail = file.read()
            if tail.endswith(_END):
                return _exif_in(tail) | found
            file.seek(at)
        if kind == b"IDAT" or length > _CHECKED_BYTES:
            file.seek(length + 4, 1)
            continue
        body, checksum = file.read(length), file.read(4)
        if len(checksum) < 4:
            raise FaultError(CUT_OFF)
        if zlib.crc32(kind + body) != int.from_bytes(checksum, "big"):
            raise FaultError(f"cannot be read: the checksum of its {kind.decode()} chunk is wrong; {TAKE_OUT}")
        found.setdefault(kind, body)
        if kind == b"IEND":
            return found
