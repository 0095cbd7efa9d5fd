"""This module reads PBM, PGM, PPM and PAM; their headers say which value is white."""

from __future__ import annotations

import io
from typing import IO, BinaryIO, cast

import numpy as np
from netpbmfile import NetpbmFile

from drivers.images.metadata import (
    CUT_OFF,
    EIGHT_OR_SIXTEEN,
    SIXTEEN_BITS,
    TAKE_OUT,
    WHITES,
    FaultError,
    ImageMetadata,
    Raster,
)
from drivers.images.unfilled import refuse_unfilled

STARTS = tuple(f"P{number}".encode() for number in (1, 2, 3, 4, 5, 6, 7, "f", "F"))
_PLAIN = frozenset({"P1", "P2", "P3"})
_PLAIN_MOST = 50_000_000
_BLACK_IS_ONE = frozenset({"P1", "P4"})


def metadata(file: IO[bytes]) -> ImageMetadata:
    """Read the header, and whether all data lie in the file.  Raises FaultError."""
    file.seek(0)
    header = NetpbmFile(cast(BinaryIO, file))
    if header.magicnumber.upper() == "PF":
        raise FaultError(f"has float pixels; {EIGHT_OR_SIXTEEN}")
    if not 0 < header.maxval <= SIXTEEN_BITS or header.depth not in range(1, 5):
        raise FaultError(f"cannot be read: its header is damaged; {TAKE_OUT}")
    row_bytes = -(-header.width // 8) if header.magicnumber == "P4" else header.width * header.depth * _bytes(header)
    held = file.seek(0, 2) - header.dataoffset
    if header.magicnumber in _PLAIN:
        if header.width * header.height * header.depth > _PLAIN_MOST:
            raise FaultError(f"is too large: more than {_PLAIN_MOST:,} numbers as text; save it in binary")
    else:
        if held < header.height * row_bytes:
            raise FaultError(CUT_OFF)
        if held >= 2 * header.height * row_bytes:
            raise FaultError(f"holds {header.frames} pages; save each page as an image of its own")
    return ImageMetadata(
        header.height,
        header.width,
        channels=3 if header.depth >= 3 else 1,
        whites=WHITES if header.maxval == SIXTEEN_BITS else (header.maxval,),
        is_negative=header.magicnumber in _BLACK_IS_ONE,
    )


def decode(data: bytes) -> Raster:
    """Decode the pixels, values as stored.  Raises FaultError where the file's end was never written."""
    header = NetpbmFile(io.BytesIO(data))
    if header.magicnumber not in _PLAIN and header.magicnumber != "P4":
        line_bytes = header.width * header.depth * _bytes(header)
        stored = data[header.dataoffset : header.dataoffset + header.height * line_bytes]
        refuse_unfilled(stored, line_bytes, _bytes(header))
    pixels = header.asarray()
    pixels = pixels.reshape(-1, header.height, header.width, header.depth)[0]
    pixels = pixels.astype(np.uint8 if header.maxval < 256 else np.uint16)
    colours = 3 if header.depth >= 3 else 1
    alpha = pixels[..., colours] if header.depth > colours else None
    return Raster(pixels[..., 0] if colours == 1 else pixels[..., :3], alpha)


def _bytes(header: NetpbmFile) -> int:
    return 1 if header.maxval < 256 else 2
