"""This module writes a recording: it appends entries to segments, so that a kill costs only the block being written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import zstandard

from drivers.recording.format import MAGIC, SUFFIX, Entry, RecordingMetadata, framed, header_of, pack

SEGMENT_BYTES = 64 * 2**20


class RecordingWriter:
    """A recording writer appends entries to a recording.  Used by one thread.

    Args:
        folder: folder of this recording; exists.
        metadata: metadata of this recording; the writer fills in its line numbers.
        segment_bytes: a segment that would grow beyond this is closed and the next one begun.
        make_room: called before a segment is begun, with the bytes it may take; may remove old segments.

    Raises:
        OSError: from any method, if the disk refuses; what was whole before stays readable.
    """

    def __init__(
        self,
        folder: Path,
        metadata: RecordingMetadata,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        make_room: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._metadata = metadata
        self._segment_bytes = segment_bytes
        self._make_room = make_room
        self._packer = zstandard.ZstdCompressor(level=1)
        self._file: int | None = None
        self._size = 0
        self._segments = 0
        self._origin: int | None = None
        self._reach = 0
        self.bytes_written = 0

    def write(self, entry: Entry) -> None:
        """Append one entry; the operating system has it before this returns."""
        if self._origin is None:
            self._origin = entry.reading.due_line
            self._reach = self._origin
        frame = framed(header_of(entry), b"" if entry.block is None else pack(entry.block.pixels, self._packer))
        if self._file is None or self._size + len(frame) > self._segment_bytes:
            self._next_segment(len(frame))
        self._append(frame)
        if entry.block is not None:
            self._reach = max(self._reach, entry.block.end_line)
        elif entry.lines is not None:
            self._reach = max(self._reach, entry.lines[1])

    def close(self) -> None:
        """Close the last segment, safe on the disk.  May be called twice."""
        file = self._file
        self._file = None
        if file is not None:
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def _next_segment(self, bytes_wanted: int) -> None:
        self.close()
        self._make_room(max(self._segment_bytes, bytes_wanted))
        path = self._folder / f"{self._segments:06d}{SUFFIX}"
        how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, how, 0o600)
        self._segments = self._segments + 1
        self._size = 0
        metadata = self._metadata.model_copy(update={"origin_line": self._origin, "from_line": self._reach})
        self._append(MAGIC + framed(metadata.model_dump(), b""))

    def _append(self, data: bytes) -> None:
        """Append all of ``data`` or, if the disk refuses, none of it."""
        assert self._file is not None
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)
        self.bytes_written += len(data)
