"""This module saves pictures of defects as PNG files; the row that names a file is written only once it is complete.

Paths are made from numbers only, never from names that come from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model.durable import TEMPORARY, durable_file, make_private, sync_folder
from station.contract import Defect
from station.display_score import AT_THRESHOLD, display_scores

FOLDER = "images"
ORPHANS = "orphans"
KINDS = ("crop", "heat")
HEAT_THRESHOLD = 128
"""A heat picture has this grey value at the threshold."""


def save_pictures(home: Path, roll_id: int, defect: Defect) -> tuple[str | None, str | None]:
    """Write the defect's crop and a heat picture of its scores; return their paths relative to ``home`` (None if there
    is no picture).

    The new file names survive a power cut only after :func:`sync_pictures`, called once for a batch of defects.

    Raises:
        OSError: the disk is full or cannot be written to.
    """
    crop_path, heat_path = (path_of(roll_id, defect.number, what) for what in KINDS)
    crop = None if defect.crop is None else _save(home, crop_path, _as_bgr(defect.crop))
    if defect.crop_scores is None:
        return crop, None
    heat = heat_to_grey(display_scores(defect.crop_scores, defect.threshold))
    return crop, _save(home, heat_path, heat)


def heat_to_grey(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert display scores ``[h, w]`` (0.5 = threshold) to 8 bit: 128 = threshold, 255 = about twice that or more."""
    return np.clip(np.rint(np.nan_to_num(heat) * (HEAT_THRESHOLD / AT_THRESHOLD)), 0, 255).astype(np.uint8)


def set_orphans_aside(home: Path, roll_id: int, on_record: Collection[str], since: float) -> int:
    """Move a roll's pictures that no row names to ``images/orphans``; return their number.  Half-written ones go.

    A crash may have come between a picture and its row; or the rows lie in another copy of the database, so none is
    deleted.  Pictures older than ``since`` (seconds since 1970) cannot be from the crash and stay.

    Raises:
        OSError: the disk refuses.
    """
    folder = home / FOLDER / str(int(roll_id))
    for leftover in folder.glob(f"*{TEMPORARY}"):
        leftover.unlink(missing_ok=True)
    orphans = [
        picture
        for picture in folder.glob("*.png")
        if picture.relative_to(home).as_posix() not in on_record and picture.stat().st_mtime >= since
    ]
    aside = home / FOLDER / ORPHANS / folder.name
    if orphans:
        make_private(aside.parent)
        make_private(aside)
    for picture in orphans:
        target = aside / picture.name
        number = 1
        while target.exists():
            number += 1
            target = aside / f"{picture.stem}-{number}{picture.suffix}"
        picture.rename(target)
    return len(orphans)


def bring_back(home: Path, names: Callable[[int], Collection[str]]) -> int:
    """Put pictures that were set aside back where rows name them, as after another copy of the database was put in
    place; return their number.

    Args:
        home: the home folder.
        names: returns the paths on record of a roll's pictures, relative to the home.

    Raises:
        OSError: the disk refuses.
    """
    count = 0
    for aside in (home / FOLDER / ORPHANS).glob("*"):
        if not aside.name.isdecimal():
            continue
        on_record = names(int(aside.name))
        for picture in aside.glob("*.png"):
            target = home / FOLDER / aside.name / picture.name
            if target.relative_to(home).as_posix() in on_record and not target.exists():
                make_private(target.parent)
                picture.rename(target)
                count += 1
    return count


def highest_roll(home: Path) -> int:
    """Return the highest number of a roll that has a folder of pictures, 0 if none has."""
    return max((int(name.name) for name in (home / FOLDER).glob("*") if name.name.isdecimal()), default=0)


def _as_bgr(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return crop if crop.ndim == 2 else np.ascontiguousarray(crop[:, :, ::-1])


def path_of(roll_id: int, number: int, what: str) -> str:
    """Return the path of a defect's picture relative to the home; ``what`` is one of ``KINDS``."""
    return f"{FOLDER}/{int(roll_id)}/{int(number)}-{what}.png"


def _save(home: Path, path: str, picture: NDArray[np.uint8]) -> str:
    target = home / path
    make_private(target.parent)
    _, png = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    with durable_file(target, sync_name=False) as file:
        file.write(png.tobytes())
    return path


def sync_pictures(home: Path, roll_id: int) -> None:
    """Make the names of a roll's pictures survive a power cut.  Raises OSError."""
    sync_folder(home / FOLDER / str(int(roll_id)))
