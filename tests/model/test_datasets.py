"""Data sets by layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from model.datasets import read_dataset
from model.errors import ModelError


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((4, 4), np.uint8))


@pytest.fixture
def mvtec(tmp_path: Path) -> Path:
    for name in ("train/good/b.png", "train/good/a.png", "test/good/c.png", "test/hole/d.png"):
        _picture(tmp_path / name)
    _picture(tmp_path / "ground_truth/hole/d_mask.png")
    (tmp_path / "train/good/notes.txt").write_text("not an image")
    return tmp_path


def test_the_mvtec_layout_is_read_in_name_order(mvtec: Path) -> None:
    data = read_dataset(mvtec, "mvtec")
    assert [sample.path.name for sample in data.train] == ["a.png", "b.png"]
    assert [(s.kind, s.path.name, s.mask) for s in data.test] == [
        ("good", "c.png", None),
        ("hole", "d.png", mvtec / "ground_truth/hole/d_mask.png"),
    ]
    assert [sample.is_good for sample in data.test] == [True, False]


def test_a_flawed_image_without_a_mask_is_told(mvtec: Path) -> None:
    (mvtec / "ground_truth/hole/d_mask.png").unlink()
    with pytest.raises(ModelError, match=r"d\.png has no mask"):
        read_dataset(mvtec, "mvtec")


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_missing_folder_is_told(mvtec: Path, missing: str) -> None:
    (mvtec / missing).rename(mvtec / "elsewhere")
    with pytest.raises(ModelError, match="no folder"):
        read_dataset(mvtec, "mvtec")


def test_an_empty_folder_and_an_unknown_layout_are_told(mvtec: Path) -> None:
    for picture in (mvtec / "train/good").iterdir():
        picture.unlink()
    with pytest.raises(ModelError, match="no images"):
        read_dataset(mvtec, "mvtec")
    with pytest.raises(ModelError, match="choose one of mvtec"):
        read_dataset(mvtec, "coco")


def test_the_shared_fabrics_are_read(shared_data: Path) -> None:
    data = read_dataset(shared_data / "aitex_f01", "mvtec")
    assert len(data.train) == 16
    assert sum(sample.is_good for sample in data.test) == 5
    assert sum(not sample.is_good for sample in data.test) == 12
