"""Drawn cloth, and picture files of it as other programs write them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivers.camera import CameraError

ORIENTATION = 274


def drawn_cloth(lines: int = 160, width_px: int = 240, seed: int = 0) -> NDArray[np.uint8]:
    """Grey cloth, uint8 [lines, width]: two sets of yarns, uneven, with noise; no two rows or columns are alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:lines, :width_px]
    yarns = np.sin(x / 1.1 + rng.random()) * np.sin(y / 1.3 + rng.random())
    slope = np.linspace(-15, 25, width_px) + np.linspace(-10, 10, lines)[:, None]
    return np.clip(110 + 45 * yarns + slope + rng.normal(0, 4, (lines, width_px)), 0, 255).astype(np.uint8)


def encoded(kind: str, pixels: NDArray[Any], orientation: int = 1, **options: Any) -> bytes:
    """Pixels as a file of that kind, written by Pillow."""
    if orientation != 1:
        options["exif"] = Image.Exif()
        options["exif"][ORIENTATION] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def write(path: Path, data: bytes) -> Path:
    """Write a file, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def refusal(look: Callable[[], object]) -> str:
    """The sentence with which a look at a picture is refused, '' if it is not."""
    try:
        look()
    except CameraError as error:
        return str(error)
    return ""


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG with its right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    return png[:33] + png_chunk(kind, body) + png[33:]


def blank_png(lines: int, width_px: int) -> bytes:
    """A black grey PNG of any size, written row by row: small, whatever it unpacks to."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(width_px + 1)) for _ in range(lines)) + packer.flush()
    header = struct.pack(">IIBBBBB", width_px, lines, 8, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def lying_png(lines: int, width_px: int) -> bytes:
    """A PNG whose header says that size, with hardly any data."""
    png = blank_png(1, 1)
    return png[:8] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, lines, 8, 0, 0, 0, 0)) + png[33:]
