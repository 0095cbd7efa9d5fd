"""Files that are there whole or not at all, whatever happens meanwhile.

They are written under a temporary name, brought to the disk and only then renamed.  Models, pictures and calibrations
are kept so; this module needs nothing of the model, and lies here because the core above may use it too.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp"
"""How temporary names end; what a crash leaves behind is known by it."""
OWNER_ONLY = 0o600
AS_USER_WISHES = 0o666
"""Less what the user's mask takes off."""


@contextmanager
def durable_file(target: Path, *, mode: int = OWNER_ONLY, sync_name: bool = True) -> Iterator[BinaryIO]:
    """Gives a file to write, which stands at ``target`` once the block has ended; if the block fails, nothing does.

    Args:
        mode: the new file's, less the user's mask.
        sync_name: bring the name to the disk too; else :func:`sync_folder` does it later, once for many files.

    Raises:
        OSError: the disk is full or refuses.
    """
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}{TEMPORARY}")
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


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.  Raises OSError."""
    if os.name != "posix":
        return  # Windows has no handle on folders to sync
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
