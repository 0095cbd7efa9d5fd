"""This module reads TIFF of every compression; what tifffile and its codecs find damaged is refused."""

from __future__ import annotations

import io
import logging
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG, SAMPLEFORMAT, TiffFile, TiffPage

from drivers.images import jpeg
from drivers.images.limits import check_size
from drivers.images.metadata import (
    CUT_OFF,
    EIGHT_OR_SIXTEEN,
    ORIENTATION_TAG,
    SIXTEEN_BITS,
    TAKE_OUT,
    WHITES,
    FaultError,
    ImageMetadata,
    Raster,
)
from drivers.images.unfilled import refuse_unfilled

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAX_SAMPLE_VALUE = 281
_GREY = frozenset({PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK})
_READ = _GREY | {PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED, PHOTOMETRIC.YCBCR}
_JPEGS = frozenset({COMPRESSION.JPEG, COMPRESSION.OJPEG})

for _name in ("tifffile", "imagecodecs"):
    # What they log of damaged files comes from us in one sentence, with the file's name.
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


def metadata(file: IO[bytes]) -> ImageMetadata:
    """Read a TIFF's header, and whether all its data lie in the file.  Raises FaultError."""
    file.seek(0)
    with TiffFile(file) as tiff:
        page = _only_page(tiff)
        _refuse_kinds(page)
        _refuse_sizes(page)
        end = file.seek(0, 2)
        parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        if not parts or any(start + count > end for start, count in parts):
            raise FaultError(CUT_OFF)
        if any(count == 0 for _, count in parts) or len(parts) < _parts_due(page):
            raise FaultError(f"is damaged: it holds no data for some of its lines; {TAKE_OUT}")
        orientation = page.tags.valueof(ORIENTATION_TAG, 1)
        return ImageMetadata(
            page.imagelength,
            page.imagewidth,
            channels=1 if page.photometric in _GREY and _colours(page) == 1 else 3,
            whites=_whites(page),
            orientation=int(orientation) if orientation in range(1, 9) else 1,
            is_negative=page.photometric == PHOTOMETRIC.MINISWHITE,
            is_lossy=page.compression in _JPEGS,
        )


def decode(data: bytes) -> Raster:
    """Decode a TIFF.  Raises FaultError, or what its codec raises on damage."""
    with TiffFile(io.BytesIO(data)) as tiff:
        page = _only_page(tiff)
        if page.compression == COMPRESSION.JPEG:
            _refuse_damaged_jpeg(page, data)
        _refuse_unfilled(page, data)
        stored = page.asarray(maxworkers=1)
        if stored.dtype == np.bool_:
            stored = stored.astype(np.uint8)
        if page.planarconfig == PLANARCONFIG.SEPARATE and stored.ndim == 3:
            stored = np.moveaxis(stored, 0, -1)
        if stored.ndim == 2:
            is_palette = page.photometric == PHOTOMETRIC.PALETTE
            return Raster(_coloured(page, stored), indices=stored) if is_palette else Raster(stored)
        colours = _colours(page)
        alpha = stored[..., colours] if stored.shape[2] > colours else None
        if page.photometric == PHOTOMETRIC.SEPARATED:
            return Raster(_from_inks(stored[..., :4]))
        if page.photometric == PHOTOMETRIC.PALETTE:
            return Raster(_coloured(page, stored[..., 0]), alpha, stored[..., 0])
        return Raster(stored[..., 0] if colours < 3 else stored[..., :3], alpha)


def _only_page(tiff: TiffFile) -> TiffPage:
    """Return the first page.  Raises FaultError if there are others that are no smaller copies or masks of it."""
    first = tiff.pages.first
    pages = 1
    if len(tiff.pages) > 1:
        # Smaller copies and masks of the first page are no pages of their own: every viewer shows the first.
        pages += sum(not (page.is_reduced or page.is_mask) for page in tiff.pages[1:] if isinstance(page, TiffPage))
    if pages > 1 or first.imagedepth > 1:
        raise FaultError(f"holds {max(pages, first.imagedepth)} pages; save each page as an image of its own")
    return first


def _refuse_kinds(page: TiffPage) -> None:
    bits = page.bitspersample
    if page.sampleformat == SAMPLEFORMAT.IEEEFP:
        raise FaultError(f"has float{bits} pixels; {EIGHT_OR_SIXTEEN}")
    if page.sampleformat not in (SAMPLEFORMAT.UINT, SAMPLEFORMAT.VOID) or not isinstance(bits, int) or bits > 16:
        kind = "" if page.sampleformat == SAMPLEFORMAT.UINT else "signed "
        raise FaultError(f"has {kind}{bits}-bit pixels; {EIGHT_OR_SIXTEEN}")
    is_odd_print = page.photometric == PHOTOMETRIC.SEPARATED and (bits != 8 or _colours(page) < 4)
    if page.photometric not in _READ or is_odd_print:
        named = getattr(page.photometric, "name", page.photometric)
        raise FaultError(f"stores its colours as {named}; save it in grey or RGB")
    if page.photometric == PHOTOMETRIC.YCBCR and page.compression not in _JPEGS:
        raise FaultError("stores its colours as YCBCR without JPEG; save it in grey or RGB")


def _refuse_sizes(page: TiffPage) -> None:
    """Check what is unpacked at once, by a header that may lie: the picture with all its samples, and a tile."""
    bytes_per_px = int(page.samplesperpixel) * (2 if int(page.bitspersample) > 8 else 1)
    sizes = [(page.imagelength, page.imagewidth)]
    sizes += [(page.tilelength, page.tilewidth)] if page.is_tiled else []
    for lines, width_px in sizes:
        if not (isinstance(lines, int) and isinstance(width_px, int)):
            raise FaultError(f"cannot be read: its header is damaged; {TAKE_OUT}")
        check_size(lines, width_px, bytes_per_px)


def _parts_due(page: TiffPage) -> int:
    """Return how many strips or tiles the picture must have; those missing would be read as black."""
    lines, width_px = page.imagelength, page.imagewidth
    planes = int(page.samplesperpixel) if page.planarconfig == PLANARCONFIG.SEPARATE else 1
    if page.compression == COMPRESSION.OJPEG:
        return 1
    if page.is_tiled:
        return -(-lines // page.tilelength) * -(-width_px // page.tilewidth) * planes
    return -(-lines // min(page.rowsperstrip, lines)) * planes


def _colours(page: TiffPage) -> int:
    """Return the samples of a pixel, without alpha."""
    return int(page.samplesperpixel) - len(page.extrasamples)


def _whites(page: TiffPage) -> tuple[int, ...]:
    bits = int(page.bitspersample)
    if page.photometric == PHOTOMETRIC.PALETTE:
        return (255,)
    if bits < 16:
        return ((1 << bits) - 1,)
    value = page.tags.valueof(_MAX_SAMPLE_VALUE, 0)
    brightest = max(value) if isinstance(value, tuple) else int(value)
    # By the letter that is the brightest sample of this picture, and 65535 where a program did not look.
    return tuple(white for white in WHITES if white >= brightest) if brightest < SIXTEEN_BITS else WHITES


def _coloured(page: TiffPage, indices: NDArray[Any]) -> NDArray[np.uint8]:
    table = np.asarray(page.colormap)
    if table.max() > 255:  # some programs store 8 bits where 16 are asked for
        table = table >> 8  # programs repeat the byte or fill with zeros: both give the byte back
    return table.T.astype(np.uint8)[indices]


def _from_inks(inks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    light = 255 - inks.astype(np.uint16)
    return ((light[..., :3] * light[..., 3:] + 127) // 255).astype(np.uint8)


def _refuse_unfilled(page: TiffPage, data: bytes) -> None:
    """Look at the end of uncompressed pixels; tiles at the edges are filled up with zeros and may end so."""
    has_filling = page.is_tiled and (page.imagelength % page.tilelength or page.imagewidth % page.tilewidth)
    bits = int(page.bitspersample)
    if page.compression != COMPRESSION.NONE or has_filling or bits not in (8, 16):
        return
    parts = sorted(zip(page.dataoffsets, page.databytecounts, strict=True))
    stored = b"".join(data[start : start + count] for start, count in parts)
    samples = 1 if page.planarconfig == PLANARCONFIG.SEPARATE else int(page.samplesperpixel)
    refuse_unfilled(stored, page.imagewidth * samples * (bits // 8), bits // 8)


def _refuse_damaged_jpeg(page: TiffPage, data: bytes) -> None:
    """Decode each part of a TIFF packed as JPEG on its own, as tifffile's codec does not tell of damage."""
    tables = (page.jpegtables or b"")[:-2]
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        part = data[start : start + count]
        jpeg.decoded(tables + part[2:] if tables else part)
