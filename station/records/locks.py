"""This module provides file locks between processes: the system frees a lock however its process ends, so a lock shows
whether that process still runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

EVIDENCE = Path("locks", "evidence.lock")
"""Whoever removes old pictures and recordings of a home, or copies them all, holds this lock of it."""


class FileLock:
    """A file lock is an exclusive lock on its own file.  It is not re-entrant; two objects on one path exclude each
    other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self, timeout_s: float = 0.0) -> bool:
        """Try to take the lock for ``timeout_s``; say if it is held.  Raises OSError if the file cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + timeout_s
        while True:
            if _try_lock(fd):
                if _is_at(fd, self._path):
                    break
                os.close(fd)  # who held it removed the file meanwhile: a lock on that excludes nobody
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
                continue
            if time.monotonic() >= until:
                os.close(fd)
                return False
            time.sleep(0.02)
        self._fd = fd
        return True

    def write(self, data: bytes) -> None:
        """Put a few bytes into the file that is held, for others to read.  Raises OSError."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, data)

    def free(self, *, remove: bool = False) -> None:
        """Free the lock; ``remove`` also deletes the file.  This may be called twice."""
        if self._fd is None:
            return
        if remove and sys.platform != "win32":
            self._path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None
        if remove and sys.platform == "win32":
            self._path.unlink(missing_ok=True)


def keep_to_oneself(fd: int) -> bool:
    """Lock an open file until it is closed, however that comes; return False if another program holds it."""
    return _try_lock(fd)


class RollLocks:
    """The roll locks of one home: whoever has a roll open holds its lock, so a free one shows that a crash left it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: dict[int, FileLock] = {}

    def of(self, roll_id: int) -> FileLock:
        """Return the lock of a roll, held or not."""
        return self._held.get(roll_id) or self._new(roll_id)

    def take(self, roll_id: int, timeout_s: float = 0.0) -> bool:
        """Try to take a roll's lock and keep it; say if it is held.  Raises OSError."""
        lock = self.of(roll_id)
        if not lock.take(timeout_s):
            return False
        self._held[roll_id] = lock
        return True

    def take_again(self) -> None:
        """Take all that are held anew, where their files were deleted.  Raises OSError."""
        for roll_id in list(self._held):
            lock = self._new(roll_id)
            if lock.take():
                self._held[roll_id] = lock

    def free(self, roll_id: int) -> None:
        """Free a roll's lock if it is held."""
        lock = self._held.pop(roll_id, None)
        if lock is not None:
            lock.free(remove=True)

    def _new(self, roll_id: int) -> FileLock:
        return FileLock(self._home / "locks" / f"roll-{roll_id}.lock")

    def free_all(self) -> None:
        """Free all."""
        for roll_id in list(self._held):
            self.free(roll_id)


def remove_free_roll_locks(home: Path) -> None:
    """Remove the lock files of rolls that no program has open, such as one killed just after it ended a roll, or before
    the roll was on record.  Raises OSError."""
    for file in (home / "locks").glob("roll-*.lock"):
        lock = FileLock(file)
        if lock.take():
            lock.free(remove=True)


def _is_at(fd: int, path: Path) -> bool:
    """Say whether the open file is still the one at the path."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Say whether a running program holds the lock of this path, without a change to the disk."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(fd)
    finally:
        os.close(fd)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
