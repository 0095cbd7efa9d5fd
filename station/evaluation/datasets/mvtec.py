"""This module reads layouts with a folder for each kind of flaw: MVTec AD, MVTec AD 2, BTAD.

MVTec AD (Bergmann et al., CVPR 2019) has ``train/good``, ``test/<kind>``, ``ground_truth/<kind>/<stem>_mask.png``;
copies of other data sets in this layout often name a mask like its image.  MVTec AD 2 (Heckler-Kram et al., 2025) also
has ``validation/good``, which teaches here, since teach-in holds out cloth of its own; the truth is published for
``test_public`` only.  BTAD (Mishra et al., ISIE 2021) has ``ok`` and ``ko``, and masks named like their images, bmp or
png.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model.errors import ModelError
from station.evaluation.datasets.dataset import GOOD, Dataset, Sample, settled
from station.evaluation.datasets.files import images_below, images_in, object_folder, subfolders, with_stem


@dataclass(frozen=True, slots=True)
class _Folders:
    """These are the folders of a layout, as paths from an object's folder."""

    layout: str
    train: tuple[str, ...]
    test: str
    truth: str
    good: str


_MVTEC = _Folders("MVTec AD", ("train/good",), "test", "ground_truth", "good")
_MVTEC_AD2 = _Folders(
    "MVTec AD 2", ("train/good", "validation/good"), "test_public", "test_public/ground_truth", "good"
)
_BTAD = _Folders("BTAD", ("train/ok",), "test", "ground_truth", "ok")


def read_mvtec(root: Path, fabric: str | None = None) -> Dataset:
    """Read MVTec AD: one object's folder, or the whole data set with ``fabric`` naming the object.

    Raises:
        ModelError: a folder is missing or empty, or a flawed image has no mask.
    """
    return _read(root, fabric, _MVTEC)


def read_mvtec_ad2(root: Path, fabric: str | None = None) -> Dataset:
    """Read MVTec AD 2, as :func:`read_mvtec`."""
    return _read(root, fabric, _MVTEC_AD2)


def read_btad(root: Path, fabric: str | None = None) -> Dataset:
    """Read BTAD, as :func:`read_mvtec`."""
    return _read(root, fabric, _BTAD)


def _read(root: Path, fabric: str | None, folders: _Folders) -> Dataset:
    root = object_folder(root, fabric, folders.train[0], folders.layout)
    train = [
        Sample(path, GOOD)
        for folder in folders.train
        for path in images_below(root / folder, f"good images to teach with, as in {folders.layout}")
    ]
    test: list[Sample] = []
    expected = f"a folder for each kind of flaw, and {folders.good}, as in {folders.layout}"
    for folder in subfolders(root / folders.test, expected):
        if folder == root / folders.truth:
            continue
        images = images_in(folder, "images to be judged")
        if folder.name.casefold() == folders.good:
            test += [Sample(path, GOOD) for path in images]
        else:
            test += [Sample(path, folder.name, (_mask(root / folders.truth / folder.name, path),)) for path in images]
    if not test:
        raise ModelError(f"The folder {root / folders.test} holds no images in folders; expected there: {expected}.")
    return settled(train, test)


def _mask(folder: Path, image: Path) -> Path:
    mask = with_stem(folder, f"{image.stem}_mask", image.stem)
    if mask is None:
        raise ModelError(
            f"The flawed image {image} has no mask; expected: {folder / image.stem}_mask.png or {image.stem}.png."
        )
    return mask
