"""This module records a camera's cloth beside all other work: bounded in memory and on disk, never in the way.

An engineer who is called to a complaint wants the newest cloth, so the oldest is dropped first when a folder of
recordings has reached its limit; what is left says so.  A disk that fails ends the recording, not the line.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from drivers import abandoned
from drivers.camera import EncoderReading
from drivers.notice import Notice, Severity
from drivers.recording.format import SUFFIX, Entry, RecordingMetadata, What
from drivers.recording.writer import SEGMENT_BYTES, RecordingWriter
from model.durable import make_private
from station.bugs import log_bug, reason
from station.line.channel import Channel, Closed

GB = 1_000_000_000
Kept = Callable[[], Collection[Path]]
"""This function returns the folders of recordings that somebody said are to be kept."""

WAITING_BYTES = 128 * 2**20
"""So many bytes of pixels may wait for the disk: seconds of cloth, to bridge a short stop of the disk."""

WAITING_BLOCKS, WAITING_ENTRIES = 2048, 4096
"""So many blocks, however small, and so many entries of all kinds may wait: room is left for those without a block."""

SPARE_BYTES = GB
"""So many bytes are left free on the disk, whatever the limit says: the records are there, too."""

PATIENCE_S = 10.0
"""A camera that can wait is made to wait this long for a slow disk."""

LAST_S = 30.0
"""The end of a recording may take this long; then its thread is abandoned."""

NICENESS = 10


class ClothRecorder:
    """The recorder writes what it is told into one recording, in a thread of its own.

    Args:
        folder: the recording's folder; made here, in the thread.
        metadata: what to store of the camera and the roll.
        limit_bytes: what the segments in ``shelf`` may take together, those of this recording included.
        shelf: folder of recordings that share the limit; None: this recording has the limit for itself.
        can_wait: whether the camera may be made to wait for room.
        kept: gives the folders of recordings that are never dropped; they count to the limit all the same.
        spare_bytes: bytes to leave free on the disk.
        waiting_bytes: bytes of pixels that may wait for the disk.
    """

    def __init__(
        self,
        folder: Path,
        metadata: RecordingMetadata,
        *,
        limit_bytes: int,
        shelf: Path | None = None,
        can_wait: bool = False,
        kept: Kept = lambda: frozenset(),
        spare_bytes: int = SPARE_BYTES,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self.folder = folder
        self._shelf = shelf
        self._limit_bytes = limit_bytes
        self._spare_bytes = spare_bytes
        self._can_wait = can_wait
        self._kept = kept
        self._waiting_bytes = waiting_bytes
        self._queue: Channel[list[Entry]] = Channel(WAITING_ENTRIES, limit=waiting_bytes, weigh=self._weigh)
        self._writer = RecordingWriter(
            folder, metadata, segment_bytes=min(SEGMENT_BYTES, limit_bytes // 8), make_room=self._make_room
        )
        self._telling = threading.Lock()
        self._missing: Entry | None = None
        self._notices: SimpleQueue[Notice] = SimpleQueue()
        self._told: set[Severity] = set()
        self.failure: Exception | None = None
        self.blocks = 0
        self.lines_unrecorded = 0
        self.pixel_bytes = 0
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def bytes_written(self) -> int:
        """Give the bytes written to the disk so far, those of dropped segments included."""
        return self._writer.bytes_written

    def take_notices(self) -> list[Notice]:
        """Return what people should know since the last call: blocks that did not fit, old cloth that was dropped, a
        disk that failed.  Each kind is told once in a recording."""
        notices = []
        with contextlib.suppress(Empty):
            while True:
                notices.append(self._notices.get_nowait())
        return notices

    def tell(self, entry: Entry) -> None:
        """Record an entry if there is room; else count the lost lines and declare them in the recording."""
        with self._telling:
            if self.failure is not None:
                return
            if self._offer([entry], PATIENCE_S if self._can_wait else 0.0):
                return
            self._can_wait = False
            if entry.block is not None:
                self._miss(entry)
            elif entry.what is not What.SILENCE:
                self._fail(OSError("the disk does not answer"))

    def close(self, end_line: int | None = None) -> None:
        """Write what waits and end the recording.

        Args:
            end_line: where its cloth ends by the encoder; None where nothing better is known than its last entry.
        """
        with self._telling:
            end = EncoderReading(end_line or 0, 0.0)
            last = [] if end_line is None else [Entry(What.END, time.monotonic_ns(), end)]
            self._offer(last, PATIENCE_S)
            self._queue.close()
        self._thread.join(LAST_S)
        if self._thread.is_alive():
            self._fail(OSError("the disk does not answer"))
            abandoned.abandon(self._thread)

    def _weigh(self, entries: list[Entry]) -> float:
        """Weigh entries in bytes of pixels, a block at most half of the room, so that what is no block always fits."""
        blocks = [entry.block.pixels.nbytes for entry in entries if entry.block is not None]
        least = self._waiting_bytes / WAITING_BLOCKS
        return sum(min(max(size, least), self._waiting_bytes / 2) for size in blocks)

    def _offer(self, entries: list[Entry], patience_s: float) -> bool:
        """Queue a note of what is missing, if anything is, then the entries.  Returns False if they do not fit."""
        items = entries if self._missing is None else [self._missing, *entries]
        until = time.monotonic() + patience_s
        while not self._queue.offer(items):
            if time.monotonic() >= until or self.failure is not None:
                return False
            time.sleep(0.01)
        self._missing = None
        return True

    def _miss(self, entry: Entry) -> None:
        assert entry.block is not None
        first, end = entry.block.first_line, entry.block.end_line
        if self._missing is not None and self._missing.lines is not None:
            first, end = min(first, self._missing.lines[0]), max(end, self._missing.lines[1])
        self._missing = Entry(What.UNRECORDED, entry.at_ns, entry.reading, lines=(first, end))
        self.lines_unrecorded += entry.block.lines
        self._notify_once(Severity.WARNING, f"The recording does not keep up: lines from {first} on are not recorded.")

    def _run(self) -> None:
        be_nice()
        try:
            make_private(self.folder)
            while (entries := self._queue.get()) is not None:
                for entry in entries:
                    self._write(entry)
        except Closed:
            pass
        except Exception as error:
            self._fail(error)
        try:
            self._writer.close()
        except OSError as error:
            self._fail(error)
        if self._shelf is not None:
            with contextlib.suppress(OSError):
                self.folder.rmdir()  # only if nothing was recorded

    def _write(self, entry: Entry) -> None:
        self._writer.write(entry)
        if entry.block is not None:
            self.blocks += 1
            self.pixel_bytes += entry.block.pixels.nbytes

    def _make_room(self, bytes_wanted: int) -> None:
        """Drop the oldest segments until another fits.  Raises OSError and drops nothing if that would not help."""
        sizes = {path: _size(path) for path in oldest_first(self.folder, self._shelf)}
        total = sum(sizes.values())
        kept = self._kept() if total + bytes_wanted > self._limit_bytes or not self._has_spare(bytes_wanted) else ()
        segments = [path for path in sizes if path.parent not in kept]
        droppable = sum(sizes[path] for path in segments)
        if not self._has_spare(bytes_wanted - droppable):
            raise OSError("the disk is nearly full")
        if kept and total - droppable + bytes_wanted > self._limit_bytes:
            raise OSError("recordings that are kept on purpose take all the room there is for recordings")
        for path in segments:
            if total + bytes_wanted <= self._limit_bytes and self._has_spare(bytes_wanted):
                return
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            total -= sizes[path]
            if path.parent != self.folder:
                with contextlib.suppress(OSError):
                    path.parent.rmdir()  # only if nothing of that recording is left
            limit = f"{self._limit_bytes / GB:g} GB"
            text = f"Recordings have reached {limit} or the disk's end; the oldest cloth is dropped."
            self._notify_once(Severity.INFO, text)

    def _has_spare(self, bytes_wanted: int) -> bool:
        return shutil.disk_usage(self.folder).free >= self._spare_bytes + bytes_wanted

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            self.failure = error
            log_bug(error, "the recording has stopped")
            why = error.strerror if isinstance(error, OSError) and error.strerror else reason(error)
            text = f"Recording to {self.folder} has stopped: {why.rstrip('.')}. Everything else goes on."
            self._notify_once(Severity.ERROR, text)
        self._queue.abort()

    def _notify_once(self, severity: Severity, text: str) -> None:
        if severity not in self._told:
            self._told.add(severity)
            self._notices.put(Notice(severity, text))


def oldest_first(folder: Path, shelf: Path | None) -> list[Path]:
    """Return the segments of one recording, or of all on a shelf, the oldest first."""
    paths = folder.glob(f"*{SUFFIX}") if shelf is None else shelf.glob(f"*/*{SUFFIX}")
    return [path for _, path in sorted((_written_ns(path), path) for path in paths)]


def new_folder(shelf: Path) -> Path:
    """Return a new folder's path for a recording that begins now; no name of a roll ever becomes a path."""
    name = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    beside = (shelf / (name if number == 1 else f"{name}_{number}") for number in range(1, 1000))
    return next(path for path in beside if not path.exists())


def _written_ns(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def be_nice() -> None:
    """Lower this thread's priority where the system can (Linux): inspection comes first."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
