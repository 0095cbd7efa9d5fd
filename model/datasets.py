"""Public data sets by the layout of their folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.errors import ModelError

IMAGE_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")
GOOD = "good"


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a data set.

    Attributes:
        path: the image.
        kind: name of its flaw's kind, ``good`` for good cloth.
        mask: its ground truth (non-zero is flawed), None for good cloth.
    """

    path: Path
    kind: str
    mask: Path | None = None

    @property
    def is_good(self) -> bool:
        """True for good cloth."""
        return self.kind == GOOD


@dataclass(frozen=True, slots=True)
class Dataset:
    """Good cloth to teach with, and samples to be judged; both in name order."""

    train: list[Sample]
    test: list[Sample]


def read_mvtec(root: Path) -> Dataset:
    """Read the layout of MVTec AD (Bergmann et al., CVPR 2019).

    ``train/good/*``, ``test/<kind>/*`` and ``ground_truth/<kind>/<stem>_mask.png``.

    Raises:
        ModelError: a folder is missing or empty, or a flawed image has no mask.
    """
    train = [Sample(path, GOOD) for path in _images(root / "train" / GOOD)]
    test: list[Sample] = []
    for folder in sorted(path for path in _folder(root / "test").iterdir() if path.is_dir()):
        test += [Sample(path, folder.name, _mask(root, folder.name, path)) for path in _images(folder)]
    if not test:
        raise ModelError(f"{root / 'test'} holds no folder of images: is {root} laid out like MVTec AD?")
    return Dataset(train, test)


LAYOUTS: dict[str, Callable[[Path], Dataset]] = {"mvtec": read_mvtec}


def read_dataset(root: Path, layout: str) -> Dataset:
    """Read a data set by the name of its layout.

    Raises:
        ModelError: the layout is unknown, or the folder does not follow it.
    """
    if layout not in LAYOUTS:
        raise ModelError(f"There is no layout '{layout}': choose one of {', '.join(sorted(LAYOUTS))}.")
    return LAYOUTS[layout](root)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ModelError(f"There is no folder {path}: the data set is not laid out like MVTec AD.")
    return path


def _images(folder: Path) -> list[Path]:
    found = sorted(path for path in _folder(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise ModelError(f"The folder {folder} holds no images: the data set is incomplete.")
    return found


def _mask(root: Path, kind: str, image: Path) -> Path | None:
    if kind == GOOD:
        return None
    mask = root / "ground_truth" / kind / f"{image.stem}_mask.png"
    if not mask.is_file():
        raise ModelError(f"The flawed image {image} has no mask {mask}: the data set is incomplete.")
    return mask
