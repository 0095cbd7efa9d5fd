"""Public data sets layout by layout, from made-up folders with the published names."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.images import IMAGE_SUFFIXES
from model.errors import ModelError
from station.evaluation.datasets.dataset import Dataset, Sample, read_truth
from station.evaluation.datasets.layouts import read_dataset
from tests.rigs import made_up_data
from tests.rigs.made_up_data import cloth, save


def made_up(layout: str, root: Path) -> Path:
    return made_up_data.LAYOUTS[layout](root)


def names(samples: list[Sample]) -> list[str]:
    return [sample.path.name for sample in samples]


def reasons(data: Dataset) -> dict[str, str]:
    return {one.path.name: one.reason for one in data.left_out}


def test_mvtec(tmp_path: Path) -> None:
    made_up("mvtec", tmp_path)
    (tmp_path / "train/good/notes.txt").write_text("not an image")
    save(tmp_path / "train/good/.hidden.png", cloth(1))
    data = read_dataset(tmp_path, "mvtec")
    assert names(data.train) == ["000.png", "001.png"]
    assert [(s.kind, s.path.name, s.masks) for s in data.test] == [
        ("good", "000.png", ()),
        ("hole", "000.png", (tmp_path / "ground_truth/hole/000_mask.png",)),
    ]


def test_mvtec_takes_whatever_image_the_camera_plays(tmp_path: Path) -> None:
    made_up("mvtec", tmp_path)
    save(tmp_path / "train/good/002.PGM", cloth(1))
    assert ".pgm" in IMAGE_SUFFIXES
    assert names(read_dataset(tmp_path, "mvtec").train) == ["000.png", "001.png", "002.PGM"]


def test_mvtec_masks_may_be_called_like_their_images(tmp_path: Path) -> None:
    made_up("mvtec", tmp_path)
    truth = tmp_path / "ground_truth/hole"
    (truth / "000_mask.png").rename(truth / "000.bmp")
    assert read_dataset(tmp_path, "mvtec").test[-1].masks == (truth / "000.bmp",)


def test_mvtec_ad2_validates_by_teaching_and_leaves_private_tests_alone(tmp_path: Path) -> None:
    data = read_dataset(made_up("mvtec_ad2", tmp_path), "mvtec_ad2")
    assert [s.path.relative_to(tmp_path).parts[0] for s in data.train] == ["train", "validation"]
    assert [s.kind for s in data.test] == ["bad", "bad", "good", "good"]


def test_btad_masks_are_bmp_or_png(tmp_path: Path) -> None:
    data = read_dataset(made_up("btad", tmp_path), "btad")
    assert [(s.kind, s.path.name) for s in data.test] == [("ko", "0000.bmp"), ("ko", "0001.bmp"), ("good", "0000.bmp")]
    assert [s.masks[0].name for s in data.test[:2]] == ["0000.png", "0001.bmp"]


@pytest.mark.parametrize("own_folder", [True, False])
def test_visa_follows_the_published_split(tmp_path: Path, own_folder: bool) -> None:
    made_up("visa", tmp_path)
    data = read_dataset(tmp_path / "pcb1", "visa") if own_folder else read_dataset(tmp_path, "visa", "pcb1")
    assert len(data.train) == 18
    assert [(s.kind, s.path.name) for s in data.test] == [
        ("anomaly", "000.JPG"),
        ("anomaly", "001.JPG"),
        ("good", "0003.JPG"),
        ("good", "0011.JPG"),
    ]
    assert all("pcb1" in s.path.parts for s in data.train + data.test)
    assert read_truth(data.test[0]).sum() == 200, "levels in VisA's masks number the flaws"
    assert not data.notes


def test_visa_split_is_found_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up("visa", tmp_path)
    monkeypatch.chdir(tmp_path / "pcb1/Data")
    assert not read_dataset(Path(".."), "visa").notes


def test_visa_without_its_split_tests_every_tenth_and_says_so(tmp_path: Path) -> None:
    made_up_data.visa(tmp_path, split=False)
    data = read_dataset(tmp_path, "visa", "candle")
    assert [s.path.name for s in data.test if s.is_good] == ["0009.JPG", "0019.JPG"]
    assert len(data.train) == 18
    assert "1cls.csv" in data.notes[0]


def test_visa_split_that_is_another_table_or_names_images_lost_or_twice_is_told(tmp_path: Path) -> None:
    made_up("visa", tmp_path)
    split = tmp_path / "split_csv/1cls.csv"
    text = split.read_text()
    split.write_text("a,b\n1,2\n")
    with pytest.raises(ModelError, match="columns object, split, label, image, mask"):
        read_dataset(tmp_path, "visa", "candle")
    split.write_text(text.replace("object,", "object,", 1) + "candle,test\n")
    with pytest.raises(ModelError, match=r"not VisA's table"):
        read_dataset(tmp_path, "visa", "candle")
    split.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read as a table"):
        read_dataset(tmp_path, "visa", "candle")
    split.write_text(text + text.splitlines()[1] + "\n")
    with pytest.raises(ModelError, match=r"names .*\.JPG 2 times"):
        read_dataset(tmp_path, "visa", "candle")
    split.write_text(text)
    (tmp_path / "candle/Data/Images/Normal/0003.JPG").unlink()
    with pytest.raises(ModelError, match=r"0003\.JPG, which .*1cls\.csv names"):
        read_dataset(tmp_path, "visa", "candle")


def test_aitex_takes_one_fabric_and_tests_every_fourth_good_strip(tmp_path: Path) -> None:
    data = read_dataset(made_up("aitex", tmp_path), "aitex", "01")
    assert [s.path.stem for s in data.test if s.is_good] == ["0004_000_01", "0008_000_01"]
    assert [s.path.stem for s in data.train][-2:] == ["0007_000_01", "0008_00_01"]
    assert len(data.train) == 7
    kinds = {s.path.stem: s.kind for s in data.test if not s.is_good}
    assert kinds == {"0004_002_01": "002_broken_end", "0044_099_01": "099", "0059_019_01": "019_fuzzyball"}


def test_aitex_unites_the_parts_of_a_mask(tmp_path: Path) -> None:
    data = read_dataset(made_up("aitex", tmp_path), "aitex", "01")
    two = next(sample for sample in data.test if sample.kind == "099")
    assert [path.name for path in two.masks] == ["0044_099_01_mask1.png", "0044_099_01_mask2.png"]
    assert read_truth(two).sum() == 25 + 20


def test_aitex_leaves_out_strips_without_truth_and_says_why(tmp_path: Path) -> None:
    made_up("aitex", tmp_path)
    save(tmp_path / "Defect_images/notes.png", cloth(1))
    assert reasons(read_dataset(tmp_path, "aitex", "01")) == {
        "0092_030_01.png": "its mask is empty",
        "0100_025_01.png": "it has no mask",
        "notes.png": "its name is not NNNN_CCC_FF",
    }
    (tmp_path / "Defect_images/notes.png").unlink()
    assert not read_dataset(tmp_path, "aitex", "05").left_out, "another fabric's strips are not ours to miss"


def test_aitex_fabric_may_be_named_by_its_folder_however_that_is_written(tmp_path: Path) -> None:
    made_up("aitex", tmp_path)
    (tmp_path / "NODefect_images").rename(tmp_path / "NoDefect_images")
    assert read_dataset(tmp_path, "aitex", "2306881-210020u") == read_dataset(tmp_path, "aitex", "05")


def test_aitex_split_is_that_of_the_shared_fabric(shared_data: Path, tmp_path: Path) -> None:
    fabric = shared_data / "aitex_f01"
    shared = read_dataset(fabric, "mvtec")
    for sample in shared.train + [s for s in shared.test if s.is_good]:
        place = tmp_path / "NODefect_images/2608691-202020u" / sample.path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(sample.path)
    for sample in shared.test:
        for mask_path in sample.masks:
            for folder, path in (("Defect_images", sample.path), ("Mask_images", mask_path)):
                (tmp_path / folder).mkdir(exist_ok=True)
                (tmp_path / folder / path.name).symlink_to(path)
    data = read_dataset(tmp_path, "aitex", "01")
    assert names(data.train) == names(shared.train)
    assert sorted((s.kind, s.path.name) for s in data.test) == sorted((s.kind, s.path.name) for s in shared.test)
    assert (len(data.train), len(data.test)) == (16, 17)


def test_kolektor_teaches_with_the_good_only_and_passes_over_stray_copies(tmp_path: Path) -> None:
    data = read_dataset(made_up("kolektor_sdd2", tmp_path), "kolektor_sdd2")
    assert names(data.train) == ["10000.png", "10001.png", "10002.png"]
    assert [(s.kind, s.path.name) for s in data.test] == [
        ("good", "20000.png"),
        ("good", "20001.png"),
        ("flawed", "20002.png"),
    ]
    assert set(reasons(data)) == {"10001 (copy).png", "10001_GT (copy).png"}
    assert data.notes == ("1 flawed images of train are not used.",)


def test_kolektor_has_no_fabrics_to_choose_from(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="leave out --fabric"):
        read_dataset(made_up("kolektor_sdd2", tmp_path), "kolektor_sdd2", "01")
