"""This module writes a teach-in's pictures aside, and puts them in place only once the teach-in has succeeded.

They are pictures of suspect cloth, and one that shows which columns were taken for cloth.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from model.durable import durable_file
from station.contract import StationError
from station.records.locks import FileLock
from station.teaching.suspects import PicturedSuspect, Pixels, Suspect

log = logging.getLogger("station.teaching")

FOLDER, UNFINISHED = "suspects", ".unfinished-"
MOST_PICTURES = 200
"""Only the first suspects get pictures; with so many, all of the cloth should be looked at."""
MARK_PX = 24
"""This is half the side of the frame around the highest score."""


class Pictures:
    """These pictures wait aside to be put in place.  Their names are made from numbers only."""

    def __init__(self, folder: Path, waiting: Path | None) -> None:
        self._folder = folder
        self._waiting = waiting

    def keep(self, name: str) -> Path | None:
        """Put the pictures in place, in a folder of this name, and return it.

        None where there are none or it could not be done: the recipe is in force by then, and its pictures are not
        worth an error.
        """
        if self._waiting is None:
            return None
        target = self._folder / name
        shutil.rmtree(target, ignore_errors=True)  # left by a recipe that is no longer on record
        try:
            self._waiting.replace(target)
        except OSError as error:
            log.warning("pictures of suspect cloth were not kept in %s: %s", target, error)
            return None
        return target


@contextmanager
def waiting_pictures(
    home: Path, suspects: Sequence[PicturedSuspect], others: Mapping[str, Pixels] | None = None
) -> Iterator[Pictures]:
    """Write the pictures ``001.png`` and so on, in the order of the suspects, and ``others`` by their file's name.

    Pictures not kept by the end are removed, and so are those left behind by programs that were killed.

    Raises:
        StationError: they cannot be written.
    """
    _sweep(home)
    folder, waiting = home / FOLDER, None
    name = UNFINISHED + uuid.uuid4().hex
    lock = _lock(home, name)
    try:
        try:
            if suspects or others:
                lock.take()
                folder.mkdir(mode=0o700, exist_ok=True)
                waiting = folder / name
                waiting.mkdir(mode=0o700)
                for number, (suspect, pixels) in enumerate(suspects[:MOST_PICTURES], start=1):
                    if pixels is not None:
                        with durable_file(waiting / picture_name(number), sync_name=False) as file:
                            file.write(_png(marked(pixels, suspect)))
                for name, pixels in (others or {}).items():
                    with durable_file(waiting / name, sync_name=False) as file:
                        file.write(_png(pixels))
        except OSError as error:
            raise StationError(
                f"Pictures of the teaching's cloth could not be written to {folder} ({error.strerror or error}): make "
                "room and teach again."
            ) from error
        yield Pictures(folder, waiting)
    finally:
        if waiting is not None:
            shutil.rmtree(waiting, ignore_errors=True)
        lock.free(remove=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _lock(home: Path, name: str) -> FileLock:
    """Return the lock of the folder of this name; the program whose pictures wait there holds it while it runs."""
    return FileLock(home / "locks" / f"suspects-{name.removeprefix(UNFINISHED)}.lock")


def _sweep(home: Path) -> None:
    """Remove the waiting pictures of programs that no longer run."""
    for left in (home / FOLDER).glob(UNFINISHED + "*"):
        lock = _lock(home, left.name)
        try:
            if lock.take():
                shutil.rmtree(left)
        except OSError as error:
            log.warning("pictures of a teach-in that was killed could not be removed from %s: %s", left, error)
        finally:
            lock.free(remove=True)


def picture_name(number: int) -> str:
    """Return the file name of a suspect's picture, counted from 1."""
    return f"{number:03d}.png"


def marked(pixels: Pixels, suspect: Suspect) -> Pixels:
    """Return an RGB copy with a frame around the highest score, light on dark so that it shows on any cloth."""
    picture = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels.copy()
    corners = [(suspect.px + side, suspect.line + side) for side in (-MARK_PX, MARK_PX)]
    cv2.rectangle(picture, corners[0], corners[1], (0, 0, 0), 3)
    cv2.rectangle(picture, corners[0], corners[1], (255, 255, 255), 1)
    return np.asarray(picture, np.uint8)


def _png(picture: Pixels) -> bytes:
    _, png = cv2.imencode(".png", picture[:, :, ::-1])
    return png.tobytes()
