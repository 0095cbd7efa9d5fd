"""Pictures of defects as PNG files: temp name, fsync, rename, and only then the row that names them.

Paths are made from numbers only, never from names that came from outside.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from station.contract import Defect

FOLDER = "images"
HEAT_THRESHOLD = 128
"""Grey value of a heat picture at the threshold."""


def save_pictures(home: Path, roll_id: int, defect: Defect) -> tuple[str | None, str | None]:
    """Write the defect's crop and heat; returns their paths relative to ``home`` (None where there is no picture).

    The new names are durable only after :func:`sync_folder`, once for a batch of defects.

    Raises:
        OSError: the disk is full or refuses.
    """
    crop = None if defect.crop is None else _save(home, roll_id, f"{defect.number}-crop", _as_bgr(defect.crop))
    heat = None if defect.heat is None else _save(home, roll_id, f"{defect.number}-heat", heat_to_grey(defect.heat))
    return crop, heat


def heat_to_grey(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Display scores ``[h, w]`` (0.5 = threshold) as 8 bit: 128 = threshold, 255 = about twice that or more."""
    return np.clip(np.rint(np.nan_to_num(heat) * (2 * HEAT_THRESHOLD)), 0, 255).astype(np.uint8)


def sweep(home: Path) -> None:
    """Remove half-written pictures that a crash left behind."""
    for leftover in (home / FOLDER).glob("*/*.tmp"):
        leftover.unlink(missing_ok=True)


def _as_bgr(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return crop if crop.ndim == 2 else np.ascontiguousarray(crop[:, :, ::-1])


def _save(home: Path, roll_id: int, stem: str, picture: NDArray[np.uint8]) -> str:
    folder = home / FOLDER / str(int(roll_id))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _, png = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    target = folder / f"{stem}.png"
    write_durably(target, png.tobytes())
    return target.relative_to(home).as_posix()


def write_durably(target: Path, data: bytes) -> None:
    """Put ``data`` at ``target``: never half of it, whatever happens.  Raises OSError."""
    temporary = target.with_name(f"{target.name}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(home: Path, roll_id: int) -> None:
    """Make the names of a roll's pictures durable.  Raises OSError."""
    if os.name != "posix":
        return  # Windows has no handle on folders to sync
    fd = os.open(home / FOLDER / str(int(roll_id)), os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
