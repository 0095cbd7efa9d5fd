"""What holds of public data sets in every layout: truth, what is left out, what is told where it is incomplete."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from model.errors import ModelError
from station.evaluation.datasets.dataset import Dataset, Sample, read_truth
from station.evaluation.datasets.layouts import LAYOUTS, read_dataset
from tests.rigs import made_up_data
from tests.rigs.made_up_data import FABRIC, good, mask, save


@pytest.fixture(params=sorted(LAYOUTS))
def layout(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def made_up(layout: str, root: Path) -> Path:
    return made_up_data.LAYOUTS[layout](root)


def reasons(data: Dataset) -> dict[str, str]:
    return {one.path.name: one.reason for one in data.left_out}


def test_every_layout_gives_good_cloth_to_teach_with_and_truth_to_judge_by(layout: str, tmp_path: Path) -> None:
    data = read_dataset(made_up(layout, tmp_path), layout, FABRIC.get(layout))
    assert data.train
    assert all(sample.is_good for sample in data.train)
    assert any(sample.is_good for sample in data.test)
    assert not {sample.path for sample in data.train} & {sample.path for sample in data.test}
    judged = [sample for sample in data.test if not sample.is_good]
    assert judged
    for sample in judged:
        assert read_truth(sample).any()
    assert all(not sample.masks for sample in data.test if sample.is_good)


@pytest.mark.parametrize("layout", ["mvtec", "mvtec_ad2", "btad", "visa", "aitex"])
def test_of_several_objects_one_must_be_chosen(layout: str, tmp_path: Path) -> None:
    if layout in FABRIC:
        made_up(layout, tmp_path)
        one, held = FABRIC[layout], {"visa": "candle, pcb1", "aitex": "01, 05"}[layout]
    else:
        one, held = "carpet", "carpet, grid"
        for name in ("carpet", "grid"):
            made_up(layout, tmp_path / name)
    for fabric in (None, "99"):
        with pytest.raises(ModelError, match=f"{held}: choose .*--fabric"):
            read_dataset(tmp_path, layout, fabric)
    assert read_dataset(tmp_path, layout, one).train


MASKS = {
    "mvtec": "ground_truth/hole/000_mask.png",
    "mvtec_ad2": "test_public/ground_truth/bad/000_regular_mask.png",
    "btad": "ground_truth/ko/0001.bmp",
    "visa": "candle/Data/Masks/Anomaly/001.png",
    "aitex": "Mask_images/0059_019_01_mask.png",
    "kolektor_sdd2": "test/20002_GT.png",
}


def test_a_lost_mask_is_told_or_its_image_left_out(layout: str, tmp_path: Path) -> None:
    made_up(layout, tmp_path)
    (tmp_path / MASKS[layout]).unlink()
    if layout == "aitex":
        assert "0059_019_01.png" in reasons(read_dataset(tmp_path, layout, "01"))
        return
    with pytest.raises(ModelError, match=r"has no mask.*expected") as told:
        read_dataset(tmp_path, layout, FABRIC.get(layout))
    assert "\n" not in str(told.value)


def test_a_mask_of_another_size_or_none_at_all_is_told(layout: str, tmp_path: Path) -> None:
    made_up(layout, tmp_path)
    save(tmp_path / MASKS[layout], mask(width=200))
    with pytest.raises(ModelError, match="must agree"):
        read_dataset(tmp_path, layout, FABRIC.get(layout))
    (tmp_path / MASKS[layout]).write_bytes(b"no image")
    with pytest.raises(ModelError, match=r"truth of .* cannot be read"):
        read_dataset(tmp_path, layout, FABRIC.get(layout))


def test_an_image_whose_mask_is_empty_is_left_out(layout: str, tmp_path: Path) -> None:
    made_up(layout, tmp_path)
    save(tmp_path / MASKS[layout], mask(0))
    if layout == "mvtec":  # the only flawed image there
        with pytest.raises(ModelError, match=r"No flawed image can be judged, .*000\.png for one: its mask is empty"):
            read_dataset(tmp_path, layout)
        return
    data = read_dataset(tmp_path, layout, FABRIC.get(layout))
    if layout == "kolektor_sdd2":  # there it says that the image is good
        assert [s.kind for s in data.test] == ["good"] * 3
        return
    assert "its mask is empty" in reasons(data).values()
    assert all(tmp_path / MASKS[layout] not in s.masks for s in data.test)


FOLDERS = {
    "mvtec": ("train", "train/good", "test"),
    "mvtec_ad2": ("train/good", "validation/good", "test_public"),
    "btad": ("train/ok", "test"),
    "visa": ("candle", "candle/Data/Images/Normal"),
    "aitex": ("NODefect_images", "Defect_images", "Mask_images"),
    "kolektor_sdd2": ("train", "test"),
}


def test_a_lost_folder_is_told_with_what_belongs_there(layout: str, tmp_path: Path) -> None:
    for number, folder in enumerate(FOLDERS[layout]):
        root = made_up(layout, tmp_path / str(number))
        shutil.rmtree(root / folder)
        with pytest.raises(ModelError, match=r"no folder|choose") as told:
            read_dataset(root, layout, FABRIC.get(layout))
        assert "\n" not in str(told.value)


def test_folders_without_images_are_told(layout: str, tmp_path: Path) -> None:
    root = made_up(layout, tmp_path)
    for path in list(root.rglob("*")):
        if path.is_file() and path.suffix != ".csv":
            path.unlink()
    with pytest.raises(ModelError, match=r"no images|no good strips|no image"):
        read_dataset(root, layout, FABRIC.get(layout))


def test_another_folder_is_told_apart_from_the_layout(layout: str, tmp_path: Path) -> None:
    good(tmp_path, ["a.png"])
    for root in (tmp_path, tmp_path / "a.png", tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="no folder"):
            read_dataset(root, layout)


def test_an_unknown_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="choose one of aitex, btad, kolektor_sdd2, mvtec, mvtec_ad2, visa"):
        read_dataset(tmp_path, "coco")


def test_a_data_set_with_nothing_left_to_judge_is_told(tmp_path: Path) -> None:
    made_up("aitex", tmp_path)
    (tmp_path / "NODefect_images/2306881-210020u/0004_000_05.png").unlink()  # the only one tested
    (tmp_path / "Defect_images/0094_027_05.png").unlink()
    with pytest.raises(ModelError, match="No image is left"):
        read_dataset(tmp_path, "aitex", "05")


def test_the_shared_fabrics_are_read(shared_data: Path) -> None:
    data = read_dataset(shared_data / "aitex_f01", "mvtec")
    assert len(data.train) == 16
    assert sum(sample.is_good for sample in data.test) == 5
    assert sum(not sample.is_good for sample in data.test) == 12


def test_masks_of_0_and_1_are_read_too(layout: str, tmp_path: Path) -> None:
    root = made_up(layout, tmp_path)
    before = read_dataset(root, layout, FABRIC.get(layout))
    truths = [read_truth(sample) for sample in before.test if not sample.is_good]
    for sample in before.test:
        for path in sample.masks:
            save(path, read_truth(Sample(sample.path, sample.kind, (path,))).astype(np.uint8))
    after = read_dataset(root, layout, FABRIC.get(layout))
    assert after == before
    np.testing.assert_array_equal([read_truth(sample) for sample in after.test if not sample.is_good], truths)
