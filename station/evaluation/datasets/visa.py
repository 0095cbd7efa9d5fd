"""This module reads VisA as published (Zou et al., ECCV 2022).

It has ``<object>/Data/Images/{Normal,Anomaly}``, ``<object>/Data/Masks/Anomaly``, whose grey levels number the flaws,
and the split in ``split_csv/1cls.csv`` with the columns object, split, label, image, mask; paths count from the data
set's folder.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from drivers.images import natural_key
from model.errors import ModelError
from station.evaluation.datasets.dataset import GOOD, Dataset, Sample, settled
from station.evaluation.datasets.files import image_files, object_folder, with_stem

FLAWED = "anomaly"
SPLIT = Path("split_csv", "1cls.csv")
TESTED_EVERY = 10
"""The published split tests one good image in this many."""

_COLUMNS = {"object", "split", "label", "image", "mask"}


def read_visa(root: Path, fabric: str | None = None) -> Dataset:
    """Read one object: its own folder, or the whole data set with ``fabric`` naming the object.

    Without the published split, every tenth good image is tested, and a note says so.

    Raises:
        ModelError: a folder, a file that the split names, or a mask is missing.
    """
    folder = Path(os.path.normpath(object_folder(root, fabric, "Data/Images/Normal", "VisA").absolute()))
    if (folder.parent / SPLIT).is_file():
        return _as_published(folder)
    good = image_files(folder / "Data/Images/Normal", "VisA's good images")
    flawed = image_files(folder / "Data/Images/Anomaly", "VisA's flawed images")
    test = [Sample(path, GOOD) for path in good[TESTED_EVERY - 1 :: TESTED_EVERY]]
    test += [_flawed(path, with_stem(folder / "Data/Masks/Anomaly", path.stem)) for path in flawed]
    train = [Sample(path, GOOD) for number, path in enumerate(good) if (number + 1) % TESTED_EVERY]
    note = (
        f"{folder.parent / SPLIT} is not there, so every {TESTED_EVERY}th good image is tested: not VisA's own split."
    )
    return settled(train, test, notes=[note])


def _as_published(folder: Path) -> Dataset:
    root = folder.parent
    train: list[Sample] = []
    test: list[Sample] = []
    for row in _rows(root / SPLIT):
        if row["object"] != folder.name:
            continue
        image = root / row["image"]
        if not image.is_file():
            raise ModelError(f"There is no image {image}, which {root / SPLIT} names; the data set is incomplete.")
        mask = root / row["mask"] if row["mask"] else None
        sample = Sample(image, GOOD) if row["label"] == "normal" else _flawed(image, mask)
        if row["split"] != "train":
            test.append(sample)
        elif sample.is_good:
            train.append(sample)
    if not train or not test:
        raise ModelError(f"{root / SPLIT} names no images of '{folder.name}' to teach with and to test.")
    return settled(_sorted(train), _sorted(test))


def _rows(split: Path) -> list[dict[str, str]]:
    try:
        with split.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"{split} cannot be read as a table ({error}).") from error
    if not set(table.fieldnames or ()) >= _COLUMNS or any(None in row.values() for row in rows):
        raise ModelError(f"{split} is not VisA's table; expected: the columns object, split, label, image, mask.")
    return rows


def _flawed(image: Path, mask: Path | None) -> Sample:
    if mask is None or not mask.is_file():
        raise ModelError(
            f"The flawed image {image} has no mask; expected: a png of the same name in Data/Masks/Anomaly."
        )
    return Sample(image, FLAWED, (mask,))


def _sorted(samples: list[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda sample: natural_key(sample.path.as_posix()))
