"""This module reads a recording: an index of its entries at once, the pixels of each when they are asked for."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from drivers.camera import CameraError
from drivers.recording.format import CHECK, FRAME, MAGIC, MARK, SUFFIX, Entry, RecordingMetadata, What, entry_of, unpack


class RecordingError(CameraError):
    """A recording error says in one plain sentence why a recording cannot be read."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame says where an entry lies in its segment."""

    offset: int
    header_bytes: int
    payload_bytes: int
    header_check: int
    payload_check: int

    @property
    def payload_at(self) -> int:
        return self.offset + FRAME.size + CHECK.size + self.header_bytes

    @property
    def end(self) -> int:
        return self.payload_at + self.payload_bytes


@dataclass(frozen=True, slots=True, eq=False)
class _Indexed:
    path: Path
    frame: _Frame
    entry: Entry


class Recording:
    """A recording holds what was recorded, in order.

    Attributes:
        folder: where it lies.
        metadata: that of its first segment that is left.
        entries: all of them; a block's entry has its lines instead of its pixels, which ``load`` reads.
        is_whole: False if the writer was killed (or is still writing): then it ends with the last whole block.
        is_cut: True if its oldest segments were dropped to keep within the disk's bounds.

    Raises:
        RecordingError: no recording, a damaged one, or one with a segment missing between others.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = _segments(folder)
        self._indexed: list[_Indexed] = []
        metadata = [self._read(path, is_last=path == paths[-1]) for path in paths]
        self.metadata = next((found for found in metadata if found is not None), None) or _no_recording(folder)
        if not self._indexed:
            raise RecordingError(f"Recording {folder} holds nothing yet; it was broken off before its first block.")
        self.entries = [indexed.entry for indexed in self._indexed]
        self.is_whole = self.entries[-1].what is What.END
        self.is_cut = int(paths[0].stem) > 0

    @property
    def unrecorded(self) -> tuple[tuple[int, int], ...]:
        """Return half-open ranges of encoder lines that passed but are not recorded, whatever the camera showed."""
        started = next((entry for entry in self.entries if entry.what is not What.SILENCE), self.entries[0])
        came_late = started.what is What.START and not self.is_cut
        begin = started.reading.due_line if came_late else self.metadata.from_line
        blocks = (entry.lines[0] for entry in self.entries if entry.what is What.BLOCK and entry.lines)
        before = (self.metadata.origin_line, min(begin, next(blocks, begin)))
        missing = (entry.lines for entry in self.entries if entry.what is What.UNRECORDED and entry.lines)
        return tuple((first, end) for first, end in (before, *missing) if first < end)

    @property
    def end_line(self) -> int:
        """Return the line at which the recorded cloth ends."""
        if self.is_whole:
            return self.entries[-1].reading.due_line
        return max(entry.reading.due_line for entry in self.entries)

    def load(self, index: int) -> Entry:
        """Return an entry, with its pixels if it is a block's.  Raises RecordingError if they are damaged or gone."""
        indexed = self._indexed[index]
        if indexed.entry.what is not What.BLOCK:
            return indexed.entry
        try:
            with indexed.path.open("rb") as file:
                header = _header(file, indexed.frame)
                payload = _payload(file, indexed.frame)
            return entry_of(header, unpack(payload, tuple(header["block"]["shape"])))
        except FileNotFoundError:
            raise RecordingError(
                f"Segment {indexed.path} was removed while it was played; move a recording out of the station's "
                "folder to keep it."
            ) from None
        except OSError as error:
            raise RecordingError(f"Segment {indexed.path} cannot be read: {error.strerror or error}.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(indexed.path, indexed.frame.offset) from error

    def _read(self, path: Path, is_last: bool) -> RecordingMetadata | None:
        """Index one segment; return its metadata, None where the writer was killed before it had written them."""
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                magic = file.read(len(MAGIC))
                if is_last and MAGIC.startswith(magic) and magic != MAGIC:
                    return None
                if magic != MAGIC:
                    raise RecordingError(f"{path} is no segment of a recording this station can read; remove it.")
                frames = _frames(file, size, path, is_last)
                first = next(frames, None)
                if first is None:
                    return None
                for frame, header in frames:
                    self._indexed.append(_Indexed(path, frame, entry_of(header)))
                if is_last and self._indexed and self._indexed[-1].path == path:
                    self._drop_torn(file)
            return RecordingMetadata.model_validate(first[1])
        except OSError as error:
            raise RecordingError(f"Segment {path} cannot be read: {error.strerror or error}.") from error
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(f"Segment {path} is damaged; copy the recording again.") from error

    def _drop_torn(self, file: BinaryIO) -> None:
        """Drop the last block if its pixels are torn, as after a power loss although the file is long enough."""
        try:
            _payload(file, self._indexed[-1].frame)
        except ValueError:
            self._indexed.pop()


def first_metadata(folder: Path) -> RecordingMetadata:
    """Return what the first segment that is left says of a recording, without a look at the rest.

    Raises:
        RecordingError: no recording, or that segment cannot be read.
    """
    path = min(folder.glob(f"*{SUFFIX}"), default=None)
    if path is None:
        return _no_recording(folder)
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecordingError(f"{path} is no segment of a recording this station can read; remove it.")
            first = next(_frames(file, path.stat().st_size, path, True), None)
        if first is None:
            return _no_recording(folder)
        return RecordingMetadata.model_validate(first[1])
    except OSError as error:
        raise RecordingError(f"Segment {path} cannot be read: {error.strerror or error}.") from error
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"Segment {path} is damaged; copy the recording again.") from error


def _segments(folder: Path) -> list[Path]:
    if not folder.exists():
        raise RecordingError(f"Recording {folder} does not exist; check the path.")
    if not folder.is_dir():
        raise RecordingError(f"{folder} is not a folder; a recording is the folder that holds its segments.")
    paths = sorted(path for path in folder.glob(f"*{SUFFIX}"))
    if not paths:
        _no_recording(folder)
    stranger = next((path for path in paths if not path.stem.isdecimal()), None)
    if stranger is not None:
        raise RecordingError(f"{stranger} is no segment of a recording; remove it.")
    numbers = [int(path.stem) for path in paths]
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        raise RecordingError(
            f"Recording {folder} lacks segment {missing[0]:06d}{SUFFIX} between others; copy it again."
        )
    return paths


def _no_recording(folder: Path) -> RecordingMetadata:
    raise RecordingError(f"Folder {folder} holds no recording; name the folder that `station record` has made.")


def _frames(file: BinaryIO, size: int, path: Path, is_last: bool) -> Iterator[tuple[_Frame, dict[str, Any]]]:
    """Yield the frames of a segment and their headers; in the last segment they end where its writer was killed."""
    offset = file.tell()
    while offset < size:
        file.seek(offset)
        head = file.read(FRAME.size + CHECK.size)
        if len(head) < FRAME.size + CHECK.size or not any(head):
            break
        mark, *numbers = FRAME.unpack_from(head)
        if mark != MARK or CHECK.unpack_from(head, FRAME.size)[0] != zlib.crc32(head[: FRAME.size]):
            raise _damaged(path, offset)
        frame = _Frame(offset, *numbers)
        if frame.end > size:
            break
        try:
            header = _header(file, frame)
        except ValueError:
            raise _damaged(path, offset) from None
        yield frame, header
        offset = frame.end
    if offset < size and not is_last:
        raise _damaged(path, offset)


def _header(file: BinaryIO, frame: _Frame) -> dict[str, Any]:
    """Return the entry's header.  Raises ValueError if it is not as it was written."""
    file.seek(frame.offset + FRAME.size + CHECK.size)
    text = file.read(frame.header_bytes)
    if zlib.crc32(text) != frame.header_check:
        raise ValueError("the header's checksum does not fit")
    return json.loads(text)


def _payload(file: BinaryIO, frame: _Frame) -> bytes:
    """Return the entry's payload.  Raises ValueError if it is not as it was written."""
    file.seek(frame.payload_at)
    payload = file.read(frame.payload_bytes)
    if zlib.crc32(payload) != frame.payload_check:
        raise ValueError("the payload's checksum does not fit")
    return payload


def _damaged(path: Path, offset: int) -> RecordingError:
    return RecordingError(f"Segment {path} is damaged at byte {offset}; copy the recording again.")
