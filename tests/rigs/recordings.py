"""Recordings made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivers.camera import EncoderReading, LineBlock
from drivers.recording.format import Entry, RecordingMetadata, What
from drivers.recording.writer import RecordingWriter

WIDTH = 64
SECOND = 1_000_000_000


def pixels(lines: int, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (lines, width), np.uint8)


def came(first: int, lines: int = 8, at_s: float = 0.0, due: int | None = None) -> Entry:
    """A block of the camera, as it was taken."""
    due = first + lines if due is None else due
    captured_ns = round((at_s - 0.01) * SECOND) + 10 * SECOND
    block = LineBlock(pixels(lines, first), first, 1.0, captured_ns, "left")
    return Entry(What.BLOCK, 10 * SECOND + round(at_s * SECOND), EncoderReading(due, 80.0), block)


def look(what: What, due: int, at_s: float = 0.0, **more: object) -> Entry:
    """Anything but a block."""
    return Entry(what, 10 * SECOND + round(at_s * SECOND), EncoderReading(due, 80.0), **more)  # type: ignore[arg-type]


def metadata(**changes: object) -> RecordingMetadata:
    values: dict[str, object] = {
        "camera_id": "left",
        "width_px": WIDTH,
        "channels": 1,
        "started_at": "2026-01-31T12:00:00+01:00",
        "mm_per_px": 0.5,
        **changes,
    }
    return RecordingMetadata.model_validate(values)


def record(folder: Path, *entries: Entry, segment_bytes: int = 2**20, close: bool = True) -> Path:
    """A recording with these entries."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = RecordingWriter(folder, metadata(), segment_bytes=segment_bytes)
    for entry in entries:
        writer.write(entry)
    if close:
        writer.close()
    return folder


def same(one: LineBlock, other: LineBlock, *, but_time: bool = False) -> bool:
    """Whether two blocks are equal to the bit."""
    fields = ("first_line", "ticks_per_line", "camera_id", "piece", "blind_px", "is_camera_gone")
    return (
        one.pixels.dtype == other.pixels.dtype
        and np.array_equal(one.pixels, other.pixels)
        and all(getattr(one, name) == getattr(other, name) for name in fields)
        and (but_time or one.captured_ns == other.captured_ns)
    )
