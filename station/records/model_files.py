"""This module keeps taught models in the home folder: one file each, named by its hash and never changed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from model.durable import durable_file
from station.records.history import History
from station.records.rows import RecordsError
from station.records.store import Store

FOLDER = "models"


def keep_model(store: Store, source: Path, metadata: dict[str, str | int | float]) -> str:
    """Copy a checkpoint into the home folder, put it on record and return its SHA-256.

    The copy is complete or not there at all; a damaged one is replaced.

    Raises:
        RecordsError: the file cannot be read or copied (disk full, no rights).
    """
    folder = store.home / FOLDER
    try:
        sha256 = _sha256(source)
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"{sha256}.safetensors"
        if not target.is_file() or _sha256(target) != sha256:
            with source.open("rb") as original, durable_file(target) as copy:
                shutil.copyfileobj(original, copy)
    except OSError as error:
        raise RecordsError(f"The model could not be kept in {folder}: {error.strerror or error}.") from error
    store.add_model(sha256, target, metadata)
    return sha256


def checked_model(history: History, sha256: str) -> Path:
    """Return the path of a taught model after checking that its file is the one that was taught.

    Raises:
        RecordsError: it is not on record, or its file is missing, cannot be read or has been changed since.
    """
    file = history.model_file(sha256)
    try:
        found = _sha256(file)
    except OSError as error:
        raise RecordsError(f"The model file {file} cannot be read: {error.strerror or error}.") from error
    if found != sha256:
        raise RecordsError(f"The model file {file} is damaged; bring back a whole copy or teach the fabric again.")
    return file


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
