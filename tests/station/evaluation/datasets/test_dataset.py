"""What holds of public data sets in every layout: truth, what is left out, what is told where it is incomplete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.errors import ModelError
from station.evaluation.datasets.dataset import Dataset, Sample, read_truth
from station.evaluation.datasets.layouts import LAYOUTS, read_dataset
from tests.rigs import made_up_data
from tests.rigs.made_up_data import FABRIC, cloth, good, mask, save
from tests.rigs.picture_files import encoded


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


@pytest.mark.field("f04")
def test_masks_of_any_levels_count_as_flawed_in_every_layout(
    layout: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    root = made_up(layout, tmp_path)
    before = read_dataset(root, layout, FABRIC.get(layout))
    drawn = mask() > 0
    kinds = [drawn.astype(np.uint8) * 2, drawn.astype(np.uint16) * 255, np.dstack([drawn * 0, drawn * 0, drawn * 255])]
    for pixels in kinds:
        save(root / MASKS[layout], pixels.astype(np.uint16 if pixels.dtype == np.uint16 else np.uint8))
        after = read_dataset(root, layout, FABRIC.get(layout))
        assert [(s.path, s.kind) for s in after.test] == [(s.path, s.kind) for s in before.test]
        assert len(after.train) == len(before.train)
        (sample,) = [s for s in after.test if root / MASKS[layout] in s.masks]
        np.testing.assert_array_equal(read_truth(sample), drawn)
    record_property("now", f"{len(kinds)} of {len(kinds)} kinds of masks are flawed in each of {len(LAYOUTS)} layouts.")


@pytest.mark.field("f04")
def test_a_truth_that_cannot_be_read_refuses_the_data_set(
    layout: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    root = made_up(layout, tmp_path)
    path = root / MASKS[layout]
    whole = path.read_bytes()
    wrongs = [b"", b"no image", whole[: len(whole) // 2]]
    for wrong in wrongs:
        path.write_bytes(wrong)
        with pytest.raises(ModelError, match=r"The truth of .* cannot be read: ") as told:
            read_dataset(root, layout, FABRIC.get(layout))
        assert path.name in str(told.value)
    save(path, 255 - mask(255))
    with pytest.raises(ModelError, match="inverted mask"):
        read_dataset(root, layout, FABRIC.get(layout))
    record_property(
        "now", "A mask empty, cut, no image or inverted refuses the data set by name, in each layout; never good."
    )


def test_in_kolektors_layout_a_wrong_mask_of_a_good_image_refuses_the_data_set_too(tmp_path: Path) -> None:
    made_up("kolektor_sdd2", tmp_path)
    save(tmp_path / "train/10000_GT.png", mask(0, width=200))
    with pytest.raises(ModelError, match="must agree"):
        read_dataset(tmp_path, "kolektor_sdd2")


def test_masks_of_more_than_two_levels_are_named_once_with_how_they_were_read(tmp_path: Path) -> None:
    made_up("mvtec", tmp_path)
    levels, soft = mask(), mask()
    levels[12:14] = np.where(levels[12:14] > 0, 3, 0)
    soft[:] = np.linspace(0, 255, soft.size).reshape(soft.shape)
    for number, drawn in enumerate([levels, levels, soft], start=1):
        save(tmp_path / f"test/hole/{number:03}.png", cloth(number))
        save(tmp_path / f"ground_truth/hole/{number:03}_mask.png", drawn)
    one, other = read_dataset(tmp_path, "mvtec").notes
    assert "2 masks have more levels than two" in one
    assert "001_mask.png: 2 beside black): read as several levels, each of them flawed" in one
    assert "003_mask.png: more than 32 beside black): read as shades, flawed where brighter than half" in other


def test_pictures_and_masks_turned_by_their_orientation_agree(tmp_path: Path) -> None:
    made_up("mvtec", tmp_path)
    picture, flaw = tmp_path / "test/hole/000.png", tmp_path / "ground_truth/hole/000_mask.png"
    turned = encoded("PNG", np.rot90(mask() > 0).astype(np.uint8), 6)
    flaw.write_bytes(turned)
    (sample,) = [s for s in read_dataset(tmp_path, "mvtec").test if not s.is_good]
    np.testing.assert_array_equal(read_truth(sample), mask() > 0)
    picture.write_bytes(encoded("PNG", np.zeros(mask().shape, np.uint8), 6))
    with pytest.raises(ModelError, match="both as viewers turn them; they must agree"):
        read_dataset(tmp_path, "mvtec")


def test_empty_kinds_and_what_archives_leave_behind_are_passed_over(tmp_path: Path) -> None:
    root = made_up("mvtec", tmp_path)
    before = read_dataset(root, "mvtec")
    for name in ("test/empty", "test/__MACOSX", "ground_truth/empty", "__MACOSX/test"):
        (root / name).mkdir(parents=True)
    for name in ("test/.DS_Store", "test/hole/Thumbs.db", "test/hole/.DS_Store", "test/__MACOSX/._000.png"):
        (root / name).write_bytes(b"not an image")
    assert read_dataset(root, "mvtec") == before


def test_good_cloth_by_day_and_in_capitals_is_good_too(tmp_path: Path) -> None:
    root = made_up("mvtec", tmp_path)
    before = read_dataset(root, "mvtec")
    (root / "test/good").rename(root / "test/Good")
    (root / "train/good/day1").mkdir()
    (root / "train/good/000.png").rename(root / "train/good/day1/000.png")
    after = read_dataset(root, "mvtec")
    assert [sample.kind for sample in after.test].count("good") == [sample.kind for sample in before.test].count("good")
    assert {sample.path.name for sample in after.train} == {sample.path.name for sample in before.train}


def test_a_picture_behind_a_link_counts_and_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    root = made_up("mvtec", tmp_path / "set")
    (root / "train/good").rename(tmp_path / "elsewhere")
    (root / "train/good").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/linked.png").symlink_to(save(tmp_path / "store/a.png", cloth(9)))
    assert [sample.path.name for sample in read_dataset(root, "mvtec").train] == ["000.png", "001.png", "linked.png"]
    (tmp_path / "store/a.png").unlink()
    with pytest.raises(ModelError, match=r"linked\.png is a link that leads nowhere"):
        read_dataset(root, "mvtec")


def test_one_white_level_holds_for_teaching_and_test(tmp_path: Path) -> None:
    root = made_up("mvtec", tmp_path)
    for path in [*root.glob("train/good/*.png"), *root.glob("test/*/*.png")]:
        save(path, np.full(mask().shape, 900 if "train" in path.parts else 3000, np.uint16))
    assert read_dataset(root, "mvtec").white == 4095
