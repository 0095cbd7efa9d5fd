"""Taught models in the home folder: one file each, named by its hash, never changed."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from station.records.rows import RecordsError
from station.records.store import Store

FOLDER = "models"


def keep_model(store: Store, source: Path, facts: dict[str, str | int | float]) -> str:
    """Copy a checkpoint into the home folder and put it on record.  Returns its SHA-256.

    The copy is whole or not there at all (temporary name, fsync, rename).

    Raises:
        RecordsError: the file cannot be read or copied (disk full, no rights).
    """
    folder = store.home / FOLDER
    try:
        sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"{sha256}.safetensors"
        if not target.is_file():
            part = folder / f".{sha256}.{os.getpid()}"
            try:
                shutil.copyfile(source, part)
                with part.open("rb+") as copied:
                    os.fsync(copied.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise RecordsError(f"The model could not be kept in {folder}: {error.strerror or error}.") from error
    store.add_model(sha256, target, facts)
    return sha256
