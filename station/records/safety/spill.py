"""This module keeps what memory does not hold in files, while the database cannot be written to.

A spill file is appended to, line by line; each line has a checksum, so a torn end is noticed.  Its first line names the
run of the program; a line per roll, written twice, says all that is needed to put the roll on record again; a line per
event has its number, by which the events of all files of one run are in order and each is taken only once.  The next
start of the station takes the files in (:mod:`station.records.safety.take_in`).
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from station.records.locks import keep_to_oneself
from station.records.rolls import Entry
from station.records.safety.codec import as_line, content_of, entry_content, entry_of

FOLDER = "unrecorded"
SUFFIX = ".events"
RETRY_S = 5.0
"""Folders that refused are asked again after this time."""
SYNC_S = 0.5
"""A power cut costs at most what was told within this time."""

CHUNK = 1 << 16
TRIES = 8

RollHeader = dict[str, Any]
"""All that puts a roll on record again, JSON-able; see :func:`station.records.safety.take_in.roll_header`."""

log = logging.getLogger("station.records")


@dataclass(slots=True, eq=False)
class _File:
    path: Path
    stream: io.FileIO
    rolls: set[int]
    size: int = 0
    is_sealed: bool = False  # a torn line could not be cut off its end

    @property
    def is_gone(self) -> bool:
        """Say whether somebody deleted it; what it holds can be read until it is closed."""
        return os.fstat(self.stream.fileno()).st_nlink == 0

    def line(self, offset: int) -> bytes:
        """Return the line that starts at ``offset``.  Raises OSError."""
        self.stream.seek(offset)
        parts: list[bytes] = []
        while part := self.stream.read(CHUNK):
            head, end, _ = part.partition(b"\n")
            parts.append(head)
            if end:
                break
        return b"".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """An entry's line in a file: where it is, and whose."""

    file: _File
    offset: int
    roll_id: int
    number: int

    @property
    def is_safe(self) -> bool:
        """Say whether the next start will find it."""
        return not self.file.is_gone


def folders(home: Path, second: Path | None) -> list[Path]:
    """Return where events may be spilled: in the second place, if there is one, under the home's own name, as several
    stations may share it; else beside the database."""
    beside = home / FOLDER
    if second is None:
        return [beside]
    return [second / f"{home.name}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}", beside]


class Spill:
    """The spill holds entries in files, first in, first out.  Its user guards it with a lock.

    Args:
        folders: where files may be made; the first that takes one is used, the next once that refuses.
        header_of: gives the header of a roll by its id, None if it is not known.
    """

    def __init__(self, folders: Sequence[Path], header_of: Callable[[int], RollHeader | None]) -> None:
        self._folders = tuple(folders)
        self._header_of = header_of
        self._run = uuid.uuid4().hex
        self._files: list[_File] = []
        self._made = 0
        self._kept: deque[Kept] = deque()
        self._synced_s = float("-inf")
        self._refused_s = float("-inf")

    @property
    def waiting(self) -> int:
        """Give the number of entries that were not taken back."""
        return len(self._kept)

    @property
    def files(self) -> list[Path]:
        """Give the files that hold something and are where they were made."""
        return [file.path for file in self._files if file.path.exists()]

    def append(self, number: int, entry: Entry) -> bool:
        """Add an entry at the end; it survives the process once this returns.  Return False if no folder takes it."""
        kept = self._write(entry, number)
        if kept is None:
            return False
        self._kept.append(kept)
        return True

    def add(self, number: int, entry: Entry) -> bool:
        """Add an entry for the next start only; its number says where it belongs.  Return False if no folder takes
        it."""
        return self._write(entry, number) is not None

    def note_loss(self, roll_id: int, events: int, why: str) -> bool:
        """Leave word that events of a roll are lost for good.  Return False if no folder takes it."""
        return self._write_line(roll_id, as_line({"lost": events, "roll": roll_id, "why": why})) is not None

    def take(self, entries: int, pictured_bytes: int) -> tuple[list[tuple[Kept, Entry]], list[int]]:
        """Return the first entries, at most so many, and the roll ids of those that cannot be read back.

        Their lines stay in the files until :meth:`clear`, so that a crash loses none.
        """
        taken: list[tuple[Kept, Entry]] = []
        lost: list[int] = []
        size = 0
        while self._kept and len(taken) < entries and size < pictured_bytes:
            kept = self._kept.popleft()
            try:
                line = kept.file.line(kept.offset)
                entry = _entry_in(line)
            except Exception as error:  # whatever was done to the file: the writer's thread must not end of it
                log.error("an event in %s is lost: %s", kept.file.path, error)
                lost.append(kept.roll_id)
                continue
            size += len(line)
            taken.append((kept, entry))
        return taken, lost

    def save_gone(self) -> list[tuple[int, str]]:
        """Write entries whose file was deleted meanwhile to another one; return the roll ids of those that no folder
        takes, or that cannot be read back, and why."""
        lost: list[tuple[int, str]] = []
        for kept in self._kept:
            if kept.is_safe:
                continue
            try:
                line = kept.file.line(kept.offset)
                _entry_in(line)
            except Exception as error:
                lost.append((kept.roll_id, str(error)))
                continue
            if self._write_line(kept.roll_id, line + b"\n") is None:
                lost.append((kept.roll_id, "there was no room to keep them"))
        return lost

    def clear(self) -> None:
        """Remove the files, whose entries are all on record now."""
        self._kept.clear()
        for file in self._files:
            try:
                if not file.is_gone:
                    file.stream.truncate(0)  # should it not go, the next start finds nothing in it
                file.stream.close()
                file.path.unlink(missing_ok=True)
            except OSError as error:
                log.error("%s, whose events are on record, cannot be removed: %s", file.path, error)
        self._files.clear()

    def close(self) -> None:
        """Leave the files for the next start."""
        for file in self._files:
            try:
                os.fsync(file.stream.fileno())
                file.stream.close()
            except OSError as error:
                log.error("events in %s may not survive a power cut: %s", file.path, error)
        self._files.clear()
        self._kept.clear()

    def _write(self, entry: Entry, number: int) -> Kept | None:
        try:
            line = as_line(entry_content(entry, number))
        except (TypeError, ValueError) as error:
            log.error("no line can be made of an event: %s: %s", entry.event, error)
            return None
        place = self._write_line(entry.roll_id, line)
        return None if place is None else Kept(*place, entry.roll_id, number)

    def _write_line(self, roll_id: int, line: bytes) -> tuple[_File, int] | None:
        """Write a line to the last file, else to a new one in a folder that takes it; return where it stands."""
        if self._files and (place := self._written(self._files[-1], roll_id, line)) is not None:
            return place
        if time.monotonic() - self._refused_s < RETRY_S:
            return None
        for folder in self._folders:
            try:
                file = self._new_file(folder)
            except OSError as error:
                log.error("no events can be kept in %s: %s", folder, error)
                continue
            if (place := self._written(file, roll_id, line)) is not None:
                self._files.append(file)
                return place
            file.stream.close()
            with suppress(OSError):
                file.path.unlink(missing_ok=True)
        self._refused_s = time.monotonic()
        return None

    def _new_file(self, folder: Path) -> _File:
        """Make a file and lock it, so that no other program takes it in meanwhile.  Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _ in range(TRIES):
            path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{self._run[:8]}-{self._made}{SUFFIX}"
            self._made += 1
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
            stream = os.fdopen(os.open(path, flags, 0o600), "a+b", buffering=0)
            file = _File(path, stream, set())
            if keep_to_oneself(stream.fileno()) and not file.is_gone:
                return file
            stream.close()  # a program that starts just now has it, and removes it, as it is empty
        raise OSError("another program takes every new file")

    def _written(self, file: _File, roll_id: int, line: bytes) -> tuple[_File, int] | None:
        if file.is_sealed or file.is_gone:
            return None
        lines = [as_line({"run": self._run})] if not file.size else []
        if roll_id not in file.rolls and (header := self._header_of(roll_id)) is not None:
            lines += [as_line({"header": header, "roll": roll_id})] * 2  # one may be damaged
        start = file.size + sum(map(len, lines))
        block = b"".join([*lines, line])
        try:
            if file.stream.write(block) != len(block):
                raise OSError("the disk is full")
            self._sync(file)
        except OSError as error:
            log.error("events cannot be kept in %s: %s", file.path, error)
            try:
                file.stream.truncate(file.size)
            except OSError:
                file.is_sealed = True
            return None
        file.size += len(block)
        file.rolls.add(roll_id)
        return file, start

    def _sync(self, file: _File) -> None:
        if time.monotonic() - self._synced_s >= SYNC_S:
            os.fsync(file.stream.fileno())
            self._synced_s = time.monotonic()


def _entry_in(line: bytes) -> Entry:
    content = content_of(line)
    if content is None:
        raise ValueError("its line is damaged")
    return entry_of(content)
