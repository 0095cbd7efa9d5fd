"""This module finds the files of a home that move with it, and copies them with their hashes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from model.durable import OWNER_ONLY, TEMPORARY, make_private
from station.records.engine import DATABASE
from station.records.locks import is_held
from station.records.safety import spill

STAGE = ".restoring"
ASIDE = "before-restore-"
RECORDINGS = "recordings"
LEFT_BEHIND = {"locks", "backups", STAGE}
"""These folders are of this computer and this moment: who has what open, copies of the database."""
PASSING = re.compile(
    rf"{re.escape(DATABASE)}(-wal|-shm|-journal)?|\.fresh\.db.*|\.writable-\d+|\.probe-\d+|\.import-.*|.*{re.escape(TEMPORARY)}"
)
"""The database is copied by SQLite itself; the others are files that a moment needs."""
CHUNK = 1 << 20


def movable(home: Path, *, with_recordings: bool) -> Iterator[tuple[Path, str]]:
    """Yield the files of a home that move with it, and their paths in it with ``/``, in order; the database is none.

    A folder of the home's that is a link to another disk is followed, links within are not.

    Raises:
        OSError: a folder cannot be read.
    """
    for entry in sorted(os.scandir(home), key=lambda one: one.name):
        if is_of_this_computer(entry.name):
            continue
        if entry.name == RECORDINGS and not with_recordings:
            continue
        if entry.is_dir():
            yield from _below(Path(entry.path), entry.name)
        elif entry.is_file():
            yield Path(entry.path), entry.name


def is_of_this_computer(name: str) -> bool:
    """Say whether what lies in a home under this name stays where it is; so does the database, which SQLite copies."""
    folded = name.casefold()  # as the disks of Windows and macOS do
    return folded in LEFT_BEHIND or folded.startswith(ASIDE) or PASSING.fullmatch(folded) is not None


def _below(folder: Path, path: str) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except FileNotFoundError:
        return  # a roll's folder that went meanwhile
    for entry in entries:
        inner = f"{path}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), inner)
        elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(TEMPORARY) and not _is_live(entry.path):
            yield Path(entry.path), inner


def _is_live(path: str) -> bool:
    """Say whether a running station still writes to a file of events that wait: it will put them on record itself."""
    return path.endswith(spill.SUFFIX) and is_held(Path(path))


def size_of(files: Iterator[tuple[Path, str]]) -> int:
    """Return the bytes of files; those that went meanwhile count nothing."""
    total = 0
    for file, _ in files:
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def copy_file(source: Path, target: Path) -> tuple[int, str, int]:
    """Copy a file to where none is, with rights for its owner only; return its bytes, SHA-256 and time of writing (ns).

    It is on disk only after :func:`settle`.

    Raises:
        OSError: it cannot be read or written, or something stands there.
    """
    make_private(target.parent)
    hashed, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with source.open("rb") as original, os.fdopen(os.open(target, flags, OWNER_ONLY), "wb") as copy:
        modified_ns = os.fstat(original.fileno()).st_mtime_ns
        while chunk := original.read(CHUNK):
            hashed.update(chunk)
            copy.write(chunk)
            size += len(chunk)
        if os.name != "posix":
            copy.flush()
            os.fsync(copy.fileno())
    os.utime(target, ns=(modified_ns, modified_ns))
    return size, hashed.hexdigest(), modified_ns


def settle() -> None:
    """Flush all that was copied to disk at once: one by one, millions of pictures would take hours."""
    if os.name == "posix":
        os.sync()


def read_back(file: Path) -> tuple[int, str]:
    """Return bytes and SHA-256 of a file as its disk has it, not as it may still lie in memory.  Raises OSError."""
    hashed, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := stream.read(CHUNK):
            hashed.update(chunk)
            size += len(chunk)
    return size, hashed.hexdigest()
