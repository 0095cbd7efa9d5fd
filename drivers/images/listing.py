"""This module finds the picture files of a folder: in which order, through which links, and what is passed over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from drivers.camera import CameraError
from drivers.images.reader import IMAGE_SUFFIXES

_JUNK = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"})
_UNREAD_SUFFIXES = frozenset({".gif", ".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".exr", ".psd"})
_FILE_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{0,4}")
_NUMBER = re.compile(r"[0-9]+")
_NAMED = 3


@dataclass
class Listing:
    """A listing holds the picture files of a folder by their POSIX names relative to it, in natural order.

    ``notes`` says, as sentences, what a person might miss: pictures of formats that are not read, links that lead where
    the listing has been already.
    """

    files: list[tuple[str, Path]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def natural_key(name: str) -> str:
    """Return a key that sorts numbers in names by value, so that 2 comes before 10; the rest as plain text does."""
    return _NUMBER.sub(lambda digits: f"{len(digits[0].lstrip('0')):04d}{digits[0].lstrip('0')}", name)


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return paths in natural order of their names; see :func:`natural_key`."""
    return sorted(paths, key=lambda path: (natural_key(path.as_posix()), path.as_posix()))


def is_junk(name: str) -> bool:
    """Say whether a file or folder of this name is passed over: hidden, or made by a system or an archive."""
    return name.startswith(".") or name.lower() in _JUNK


def is_lost(path: Path) -> bool:
    """Say whether it is a link that leads nowhere and, by its name, to a picture or folder."""
    suffix = path.suffix.lower()
    is_other_file = suffix not in IMAGE_SUFFIXES and _FILE_SUFFIX.fullmatch(suffix) is not None
    return path.is_symlink() and not path.exists() and not is_other_file


def list_pictures(folder: Path) -> Listing:
    """Find all pictures under ``folder``, in folders below and behind links too, each folder once.

    Raises:
        CameraError: a folder is missing or cannot be read, or a link to a picture or folder leads nowhere.
    """
    found = Listing()
    seen: dict[str, Path] = {}
    links: list[Path] = []
    unread: list[Path] = []
    # All real folders first: a link to one of them must not take its place.
    _walk(folder, found, seen, links, unread)
    while links:
        link = links.pop(0)
        before = seen.get(os.path.realpath(link))
        if before is None:
            _walk(link, found, seen, links, unread)
        elif not _is_above(before, link):
            found.notes.append(f"Folder {link} is a link to {before}, whose pictures are here already; it is left out.")
    found.files = sorted(
        ((path.relative_to(folder).as_posix(), path) for _, path in found.files),
        key=lambda file: (natural_key(file[0]), file[0]),
    )
    if unread:
        names = ", ".join(path.name for path in in_order(unread)[:_NAMED])
        more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
        found.notes.append(f"Pictures of formats that are not read are left out: {names}{more}; save them as PNG.")
    return found


def _walk(folder: Path, found: Listing, seen: dict[str, Path], links: list[Path], unread: list[Path]) -> None:
    """Add the files of a folder and the folders in it; links to folders are left for later."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        real = os.path.realpath(here)
        if real in seen:
            continue
        seen[real] = here
        for entry in _entries(here):
            path = Path(entry.path)
            if is_junk(entry.name):
                continue
            if is_lost(path):
                raise CameraError(
                    f"{path} is a link that leads nowhere ({os.readlink(path)}); mount the disk it leads to, or "  # noqa: PTH115
                    "take the link out."
                )
            if path.is_dir():
                if entry.is_symlink():
                    links.append(path)
                else:
                    waiting.append(path)
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                if not path.is_file():
                    raise CameraError(f"{path} is no file but a device or pipe; take it out of the folder.")
                found.files.append((entry.name, path))
            elif path.suffix.lower() in _UNREAD_SUFFIXES:
                unread.append(path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: (natural_key(entry.name), entry.name))
    except OSError as error:
        raise CameraError(f"Folder {folder} cannot be read ({error.strerror}); check its permissions.") from error


def _is_above(folder: Path, link: Path) -> bool:
    """Say whether a link leads to a folder it lies in: a loop, which nobody misses."""
    return link.is_relative_to(folder)
