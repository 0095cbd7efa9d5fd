"""This module keeps what memory does not hold in files, while the database cannot be written to.

A spill file is appended to, line by line; each line has a checksum, so a torn end is noticed.  Its first line names the
run of the program; a line per roll says all that is needed to put the roll on record again; a line per event has its
number, by which the events of all files of one run are in order.  The next start of the station takes the files in
(:mod:`station.records.safety.take_in`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from station.records.locks import keep_to_oneself
from station.records.rolls import Entry
from station.records.safety.codec import as_line, content_of, entry_content, entry_of

FOLDER = "unrecorded"
SUFFIX = ".events"
RETRY_S = 5.0
"""Folders that refused are asked again after this time."""
SYNC_S = 0.5
"""A power cut costs at most what was told within this time."""

RollHeader = dict[str, Any]
"""All that puts a roll on record again, JSON-able; see :func:`station.records.safety.take_in.roll_header`."""

log = logging.getLogger("station.records")


@dataclass(slots=True)
class _File:
    path: Path
    stream: BinaryIO
    rolls: set[int]


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
        self._places: deque[tuple[Path, int]] = deque()
        self._number = 0
        self._synced_s = float("-inf")
        self._refused_s = float("-inf")

    @property
    def waiting(self) -> int:
        """Give the number of entries that were not taken back."""
        return len(self._places)

    @property
    def files(self) -> list[Path]:
        """Give the files that hold something."""
        return [file.path for file in self._files]

    def append(self, entries: Iterable[Entry]) -> bool:
        """Add entries at the end; they survive the process once this returns.  Return False if no folder takes them."""
        return self._add(entries, self._number, in_order=True)

    def prepend(self, entries: Sequence[Entry]) -> bool:
        """Add entries that were told before all that is here.  Return False if no folder takes them."""
        return self._add(entries, -len(entries), in_order=False)

    def note_loss(self, roll_id: int, events: int, why: str) -> bool:
        """Leave word that events of a roll are lost for good.  Return False if no folder takes it."""
        return self._write(roll_id, {"lost": events, "roll": roll_id, "why": why}) is not None

    def take(self, entries: int, pictured_bytes: int) -> list[Entry]:
        """Return the first entries, at most so many; their lines stay in the files until :meth:`clear`."""
        taken: list[Entry] = []
        size = 0
        while self._places and len(taken) < entries and size < pictured_bytes:
            path, offset = self._places.popleft()
            with path.open("rb") as stream:
                stream.seek(offset)
                line = stream.readline()
            content = content_of(line)
            if content is None:
                log.error("a line of %s is damaged and was left out", path)
                continue
            size += len(line)
            taken.append(entry_of(content))
        return taken

    def clear(self) -> None:
        """Remove the files, whose entries are all on record now."""
        self._places.clear()
        for file in self._files:
            file.stream.close()
            file.path.unlink(missing_ok=True)
        self._files.clear()

    def close(self) -> None:
        """Leave the files for the next start."""
        for file in self._files:
            self._sync(file, at_once=True)
            file.stream.close()
        self._files.clear()
        self._places.clear()

    def _add(self, entries: Iterable[Entry], number: int, *, in_order: bool) -> bool:
        for entry in entries:
            place = self._write(entry.roll_id, entry_content(entry, number))
            if place is None:
                return False
            number += 1
            if in_order:
                self._places.append(place)
                self._number = number
        return True

    def _write(self, roll_id: int, content: dict[str, Any]) -> tuple[Path, int] | None:
        """Write a line to the last file, else to a new one in a folder that takes it; return where it stands."""
        if self._files and (place := self._written(self._files[-1], roll_id, content)) is not None:
            return place
        if time.monotonic() - self._refused_s < RETRY_S:
            return None
        for folder in self._folders:
            try:
                file = self._new_file(folder)
            except OSError as error:
                log.error("no events can be kept in %s: %s", folder, error)
                continue
            self._files.append(file)
            if (place := self._written(file, roll_id, content)) is not None:
                return place
            self._files.remove(file)
            file.stream.close()
            file.path.unlink(missing_ok=True)
        self._refused_s = time.monotonic()
        return None

    def _new_file(self, folder: Path) -> _File:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{self._run[:8]}-{len(self._files)}{SUFFIX}"
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600), "ab", buffering=0)
        keep_to_oneself(stream.fileno())  # so that no other program takes it in meanwhile
        return _File(path, stream, set())

    def _written(self, file: _File, roll_id: int, content: dict[str, Any]) -> tuple[Path, int] | None:
        before = file.stream.tell()
        lines = [as_line({"run": self._run})] if not before else []
        if roll_id not in file.rolls and (header := self._header_of(roll_id)) is not None:
            lines.append(as_line({"header": header, "roll": roll_id}))
        start = before + sum(map(len, lines))
        block = b"".join([*lines, as_line(content)])
        try:
            if file.stream.write(block) != len(block):
                raise OSError("the disk is full")
            self._sync(file)
        except OSError as error:
            log.error("events cannot be kept in %s: %s", file.path, error)
            file.stream.truncate(before)
            file.stream.seek(before)
            return None
        file.rolls.add(roll_id)
        return file.path, start

    def _sync(self, file: _File, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._synced_s >= SYNC_S:
            os.fsync(file.stream.fileno())
            self._synced_s = time.monotonic()
