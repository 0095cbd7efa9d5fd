"""This module writes files that are complete or absent, even after a crash, and keeps a station's own from others.

A file is written under a temporary name, flushed to disk and only then renamed.  Models, pictures and calibrations are
stored this way, and all that people asked for, so that a disk that fills up never costs the report of last week.  The
module needs nothing of the model, and lies here because the core above may use it too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp"
"""Temporary names end with this; files that a crash leaves behind are recognised by it."""
OWNER_ONLY = 0o600
OWNERS_FOLDER = 0o700
AS_UMASK_ALLOWS = 0o666
"""The user's umask takes its bits off this mode."""


@contextmanager
def durable_file(target: Path, *, mode: int = OWNER_ONLY, sync_name: bool = True) -> Iterator[BinaryIO]:
    """Open a file to write that appears at ``target`` when the block ends; if the block fails, ``target`` is unchanged.

    If only the name cannot be flushed, the new file stands there and OSError says so all the same.

    Args:
        mode: mode of the new file, less the user's mask.
        sync_name: flush the name to disk too; otherwise :func:`sync_folder` does it later, once for many files.

    Raises:
        OSError: the disk is full or refuses to write.
    """
    target = target.resolve() if target.is_symlink() else target  # a link stays one and leads to the new file
    partial = target.with_name(f".{uuid.uuid4().hex}{TEMPORARY}")  # without the name, which may be as long as allowed
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    if sync_name:
        sync_folder(target.parent)


def write_whole(target: Path, content: bytes | str) -> None:
    """Write a file for people completely or not at all; the user's mask sets its mode, text is UTF-8.

    What is there already and is no file, such as a pipe or ``/dev/stdout``, is written to as it is.

    Raises:
        OSError: the disk is full or refuses to write; an old file is then unchanged.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            stream.write(data)
        return
    with durable_file(target, mode=AS_UMASK_ALLOWS) as file:
        file.write(data)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk.  Raises OSError."""
    if os.name != "posix":
        return  # Windows has no handle on folders to sync
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems sync no folders, and need not
            raise
    finally:
        os.close(handle)


def make_private(folder: Path) -> None:
    """Create a folder, and those missing above it, with rights for their owner only.  Raises OSError."""
    if not folder.parent.is_dir() and folder.parent != folder:
        make_private(folder.parent)
    folder.mkdir(mode=OWNERS_FOLDER, exist_ok=True)


def keep_from_others(home: Path, *, levels: int = 2) -> None:
    """Take from everybody but the owner what earlier versions, a copy or a loose mask let them do in a home folder.

    Links are not followed.  Below so many ``levels`` only folders are looked into that are open to others themselves;
    a folder that everybody may write to, as ``/tmp``, is none of ours.
    """
    with contextlib.suppress(OSError):  # somebody else's; who owns it keeps it
        mode = home.lstat().st_mode
        is_folder, is_open = stat.S_ISDIR(mode), bool(mode & 0o077)
        if os.name != "posix" or mode & stat.S_ISVTX or not (is_folder or stat.S_ISREG(mode)):
            return
        if is_folder and (is_open or levels > 0):
            for inner in home.iterdir():
                keep_from_others(inner, levels=levels - 1)
        if is_open:
            home.chmod(stat.S_IMODE(mode) & OWNERS_FOLDER)
