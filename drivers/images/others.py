"""This module reads what Pillow reads well: BMP, Sun raster, WebP and AVIF, and JPEG 2000 with OpenJPEG."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivers.images.limits import check_size
from drivers.images.metadata import (
    CUT_OFF,
    EIGHT_BITS,
    EIGHT_OR_SIXTEEN,
    LOST_AT,
    LOST_BYTES,
    SIXTEEN_BITS,
    TAKE_OUT,
    WHITES,
    FaultError,
    ImageMetadata,
    Raster,
)
from drivers.images.png import exif_orientation
from drivers.images.unfilled import refuse_unfilled

BMP_STARTS, SUN_STARTS = (b"BM",), (b"\x59\xa6\x6a\x95",)
JPEG_2000_STARTS = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_FORMATS = ("BMP", "DIB", "SUN", "WEBP", "AVIF", "JPEG2000")
_GREY = frozenset({"1", "L", "LA", "La", "I;16"})
_PLAIN = frozenset({"BMP", "DIB", "SUN"})
_LOSSY = frozenset({"WEBP", "AVIF", "JPEG2000"})
_LOSSLESS = b"VP8L"
_SIZ, _PRECISION_AT = b"\xff\x4f\xff\x51", 42
_HEADER_BYTES = 1 << 16

Image.MAX_IMAGE_PIXELS = None  # drivers.images.limits takes its place, for all formats, in a sentence


def metadata(file: IO[bytes]) -> ImageMetadata:
    """Read the header; uncompressed pixels must lie in the file.  Raises FaultError."""
    with _opened(file) as header:
        pages = int(getattr(header, "n_frames", 1))
        if pages > 1:
            raise FaultError(f"holds {pages} pages; save each page as an image of its own")
        width_px, lines = header.size
        check_size(lines, width_px, 1)
        parts = getattr(header, "tile", [])
        if header.format in _PLAIN and parts and parts[0][0] == "raw":
            _, _, offset, how = parts[0]
            if offset + lines * abs(int(how[1])) > file.seek(0, 2):
                raise FaultError(CUT_OFF)
        return ImageMetadata(
            lines,
            width_px,
            channels=1 if header.mode in _GREY else 3,
            whites=_whites(file) if header.format == "JPEG2000" else (EIGHT_BITS,),
            orientation=exif_orientation(header.info.get("exif", b"")),
            is_lossy=header.format in _LOSSY,
        )


def decode(data: bytes) -> Raster:
    """Decode the pixels.  Raises FaultError where a stretch is lost, and what the decoder raises on damage."""
    _refuse_lost(data)
    if data.startswith(JPEG_2000_STARTS):
        return _split(imagecodecs.jpeg2k_decode(data))
    with _opened(io.BytesIO(data)) as image:
        _refuse_unfilled(image, data)
        image.load()
        indices = np.asarray(image) if image.mode == "P" else None
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
        elif image.mode == "1":
            image = image.convert("L")
        return replace(_split(np.asarray(image)), indices=indices)


def is_webp(start: bytes) -> bool:
    """Say whether a file begins like WebP."""
    return start[:4] == b"RIFF" and start[8:12] == b"WEBP"


def is_avif(start: bytes) -> bool:
    """Say whether a file begins like AVIF."""
    return start[4:12] in (b"ftypavif", b"ftypavis", b"ftypmif1")


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    file.seek(0)
    with Image.open(file, formats=_FORMATS) as image:
        yield image


def _refuse_lost(data: bytes) -> None:
    """Look for a long run of zeros in what never has one; a lossy WebP has some where a picture is all black."""
    end = len(data)
    if data.startswith(JPEG_2000_STARTS):
        start = data.find(_SIZ)
    else:
        start = data.find(_LOSSLESS, 12, 64) if is_webp(data) else -1
        end = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
    if start >= 0 and (at := data.find(bytes(LOST_BYTES), start, end)) >= 0:
        raise FaultError(f"is damaged ({LOST_AT.format(at)}); {TAKE_OUT}")


def _refuse_unfilled(image: Image.Image, data: bytes) -> None:
    """Look at the end of pixels that are stored as they are, a byte or more each."""
    parts = getattr(image, "tile", [])
    if image.format not in _PLAIN or not parts or parts[0][0] != "raw":
        return
    _, _, offset, how = parts[0]
    line_bytes = abs(int(how[1])) or image.width
    if line_bytes >= image.width:
        refuse_unfilled(data[offset : offset + image.height * line_bytes], line_bytes, 1)


def _split(pixels: NDArray[Any]) -> Raster:
    if pixels.ndim == 2:
        return Raster(pixels)
    colours = 3 if pixels.shape[2] >= 3 else 1
    alpha = pixels[..., colours] if pixels.shape[2] > colours else None
    return Raster(pixels[..., 0] if colours == 1 else pixels[..., :3], alpha)


def _whites(file: IO[bytes]) -> tuple[int, ...]:
    """Return the white level of a JPEG 2000 file, whose header says how many bits a sample has."""
    file.seek(0)
    start = file.read(_HEADER_BYTES)
    at = start.find(_SIZ) + _PRECISION_AT
    said = start[at] if _PRECISION_AT <= at < len(start) else 7
    bits = (said & 0x7F) + 1
    if said & 0x80 or bits > 16:
        raise FaultError(f"has {'signed ' if said & 0x80 else ''}{bits}-bit pixels; {EIGHT_OR_SIXTEEN}")
    return WHITES if bits == SIXTEEN_BITS.bit_length() else ((1 << bits) - 1,)
