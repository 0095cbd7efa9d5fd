"""This module provides file locks between processes: the system frees a lock however its process ends, so a lock shows
whether that process still runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


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
        while not _try_lock(fd):
            if time.monotonic() >= until:
                os.close(fd)
                return False
            time.sleep(0.02)
        self._fd = fd
        return True

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
