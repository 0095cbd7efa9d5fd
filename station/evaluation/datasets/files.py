"""This module finds the folders and images of a layout; its errors say what is missing and what was expected there."""

from __future__ import annotations

from pathlib import Path

from drivers.camera import CameraError
from drivers.images import IMAGE_SUFFIXES, in_order, is_junk, is_lost, list_pictures
from model.errors import ModelError


def subfolders(folder: Path, holds: str) -> list[Path]:
    """List the folders in ``folder``, none hidden or junk, in natural order; ``holds``, errors: :func:`image_files`."""
    return in_order(path for path in _entries(folder, holds) if path.is_dir() and not is_junk(path.name))


def image_files(folder: Path, holds: str) -> list[Path]:
    """List the images directly in ``folder``, in natural order: all that the replay camera reads.

    Args:
        holds: what is expected there, for the sentence that says it is missing.

    Raises:
        ModelError: there is no such folder, or no image in it.
    """
    found = images_in(folder, holds)
    if not found:
        raise ModelError(f"The folder {folder} holds no images; expected there: {holds}.")
    return found


def images_below(folder: Path, holds: str) -> list[Path]:
    """List the images in ``folder`` and in all folders below it, as teach-in does; ``holds``: :func:`image_files`.

    Raises:
        ModelError: there is no such folder, or no image in it.
    """
    _entries(folder, holds)
    try:
        found = [path for _, path in list_pictures(folder).files]
    except CameraError as error:
        raise ModelError(str(error)) from error
    if not found:
        raise ModelError(f"The folder {folder} holds no images; expected there: {holds}.")
    return found


def images_in(folder: Path, holds: str) -> list[Path]:
    """List the images as :func:`image_files` does; a folder without any is no error here."""
    entries = _entries(folder, holds)
    broken = next((path for path in entries if is_lost(path)), None)
    if broken is not None:
        raise ModelError(f"{broken} is a link that leads nowhere; mount the disk it leads to, or take the link out.")
    return in_order(path for path in entries if is_image(path))


def is_image(path: Path) -> bool:
    """Say whether it is a file with the suffix of an image that is not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_junk(path.name) and path.is_file()


def with_stem(folder: Path, *stems: str) -> Path | None:
    """Return the image in ``folder`` with the first of ``stems`` that is there, whatever its suffix."""
    for stem in stems:
        plain = folder / f"{stem}.png"
        if plain.is_file():
            return plain
        for suffix in sorted(IMAGE_SUFFIXES):
            for path in (folder / f"{stem}{suffix}", folder / f"{stem}{suffix.upper()}"):
                if path.is_file():
                    return path
    return None


def object_folder(root: Path, fabric: str | None, inside: str, layout: str) -> Path:
    """Return the folder of one object: ``root`` itself, or the one named in it.

    Args:
        inside: a folder by which an object's folder is recognised.

    Raises:
        ModelError: there is none, or several and none was chosen.
    """
    if not root.is_dir():
        raise ModelError(f"There is no folder {root}; expected there: a data set laid out like {layout}.")
    if fabric is None and (root / inside).is_dir():
        return root
    names = [path.name for path in subfolders(root, layout) if (path / inside).is_dir()]
    if fabric is not None and fabric in names:
        return root / fabric
    if not names:
        named = root / fabric if fabric is not None else root
        raise ModelError(f"There is no folder {named / inside}: is {root} laid out like {layout}?")
    one = "what is to be judged" if fabric is None else f"one of these, not '{fabric}',"
    raise ModelError(f"{root} holds {', '.join(names)}: choose {one} with --fabric.")


def _entries(folder: Path, holds: str) -> list[Path]:
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}; expected there: {holds}.")
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ModelError(f"The folder {folder} cannot be read ({error.strerror}); check its permissions.") from error
