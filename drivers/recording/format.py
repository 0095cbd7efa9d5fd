"""This module defines the format of a recording: what a camera delivered, to the bit, and the encoder's readings.

A recording is a folder of segments, ``000000.cloth`` and so on, that are only ever appended to.  A segment begins with
:data:`MAGIC` and its metadata, so that it can be read without those before it.  Then come entries, each framed alike::

    4 bytes mark · length of header · of payload · CRC-32 of header · of payload · CRC-32 of these 20 bytes
    header: JSON · payload: the pixels of a block, else nothing

What was written whole can be read whatever came later: killing the writer costs only the block it was writing.

Pixels are stored as differences to their neighbours (the gradient predictor of PNG's family: left plus above less
above left, modulo 256) and packed by Zstandard at level 1; ``python -m benchmarks.recording_speed`` measures it.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from drivers.camera import EncoderReading, LineBlock

SUFFIX = ".cloth"
MAGIC = b"cloth recording 1\n"
MARK = b"ENTR"
FRAME = struct.Struct("<4sIIII")
CHECK = struct.Struct("<I")
LARGEST_BLOCK = 2**30
"""No block has this many bytes of pixels; a file that claims more is not believed."""


class What(StrEnum):
    """Each look at the camera had one of these results."""

    START = "start"  # the camera was started, or came back
    BLOCK = "block"  # a block came
    SILENCE = "silence"  # none came, but the encoder has a new reading
    GONE = "gone"  # the camera vanished, or still is not there
    UNRECORDED = "unrecorded"  # blocks came, but could not be recorded
    END = "end"  # the recording was ended on purpose


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An entry records one look at the camera.

    Attributes:
        what: its result.
        at_ns: when, ``time.monotonic_ns()`` of the machine that recorded.
        reading: where the machine was then; for ``END`` its ``due_line`` is where the recorded cloth ends.
        block: for ``BLOCK``, the block.
        lines: for ``UNRECORDED``, the half-open range that its blocks span; for an indexed ``BLOCK``, its own range.
        text: for ``GONE``, the camera's message.
    """

    what: What
    at_ns: int
    reading: EncoderReading
    block: LineBlock | None = None
    lines: tuple[int, int] | None = None
    text: str = ""


class RecordingMetadata(BaseModel):
    """Every segment carries this metadata about its recording.

    ``started_at`` is ISO 8601 with an offset.  ``origin_line`` is the encoder's due line when the recording (and its
    roll) began, ``from_line`` the line that was reached when the segment began.
    """

    model_config = ConfigDict(frozen=True)

    camera_id: str = Field(min_length=1)
    serial: str = ""
    width_px: int = Field(ge=1, le=2**20)
    channels: int = Field(ge=1, le=3)
    started_at: str
    mm_per_px: float | None = Field(None, gt=0)
    roll: str | None = None
    origin_line: int = 0
    from_line: int = 0


def framed(header: dict[str, Any], payload: bytes) -> bytes:
    """Return the bytes of one entry."""
    text = json.dumps(header, separators=(",", ":")).encode()
    frame = FRAME.pack(MARK, len(text), len(payload), zlib.crc32(text), zlib.crc32(payload))
    return b"".join((frame, CHECK.pack(zlib.crc32(frame)), text, payload))


def header_of(entry: Entry) -> dict[str, Any]:
    """Return all of an entry except its pixels."""
    header: dict[str, Any] = {
        "what": entry.what,
        "at_ns": entry.at_ns,
        "due_line": entry.reading.due_line,
        "lines_per_s": entry.reading.lines_per_s,
    }
    if (block := entry.block) is not None:
        header["block"] = {
            "shape": block.pixels.shape,
            "first_line": block.first_line,
            "ticks_per_line": block.ticks_per_line,
            "captured_ns": block.captured_ns,
            "camera_id": block.camera_id,
            "piece": block.piece,
            "blind_px": block.blind_px,
            "is_camera_gone": block.is_camera_gone,
            **({"frame_line": block.frame_line, "frame_lines": block.frame_lines} if block.frame_lines else {}),
        }
    if entry.lines is not None:
        header["lines"] = entry.lines
    if entry.text:
        header["text"] = entry.text
    return header


def entry_of(header: dict[str, Any], pixels: NDArray[np.uint8] | None = None) -> Entry:
    """Invert :func:`header_of`; without pixels, a block's entry has the range of its lines instead.

    Raises:
        KeyError, TypeError, ValueError: it is no entry's header.
    """
    block = None
    if pixels is not None:
        metadata = {key: value for key, value in header["block"].items() if key != "shape"}
        metadata["blind_px"] = tuple((int(first), int(end)) for first, end in metadata["blind_px"])
        block = LineBlock(pixels, **metadata)
    lines = header.get("lines")
    if "block" in header and pixels is None:
        first_line = int(header["block"]["first_line"])
        lines = first_line, first_line + int(header["block"]["shape"][0])
    return Entry(
        What(header["what"]),
        int(header["at_ns"]),
        EncoderReading(int(header["due_line"]), float(header["lines_per_s"])),
        block,
        None if lines is None else (int(lines[0]), int(lines[1])),
        str(header.get("text", "")),
    )


def pack(pixels: NDArray[np.uint8], packer: zstandard.ZstdCompressor) -> bytes:
    """Pack pixels ``[lines, width]`` or ``[lines, width, 3]`` as compressed differences."""
    across = pixels.copy(order="C")
    np.subtract(pixels[:, 1:], pixels[:, :-1], out=across[:, 1:])
    differences = across.copy()
    np.subtract(across[1:], across[:-1], out=differences[1:])
    return packer.compress(differences.data)


def unpack(payload: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Invert :func:`pack`.  Raises ValueError if the payload does not hold such pixels."""
    size = math.prod(shape)
    if len(shape) not in (2, 3) or min(shape) < 0 or size > LARGEST_BLOCK:
        raise ValueError(f"no pixels have the shape {shape}")
    if zstandard.frame_content_size(payload) != size:
        raise ValueError(f"the pixels are not {size} bytes")
    try:
        data = zstandard.ZstdDecompressor().decompress(payload)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    sums = np.frombuffer(data, np.uint8).reshape(shape).copy()
    for line in range(1, len(sums)):  # seven times as fast as cumsum along this axis
        np.add(sums[line], sums[line - 1], out=sums[line])
    return np.cumsum(sums, axis=1, dtype=np.uint8)
