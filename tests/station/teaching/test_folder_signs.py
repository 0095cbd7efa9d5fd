"""What a folder to be taught from gives away: masks and flaws of a data set, and nothing of ordinary good cloth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.replay import ReplayCamera
from drivers.simulated.cloth import Cloth
from station.teaching.folder_signs import doubts, folders_of, is_like_mask
from tests.rigs.command_line import save_image

CLOTH = Cloth("demo", width_px=256, mm_per_px=0.5, seed=4, web_px=(0, 256)).render(0, 256)
MASK = np.zeros((256, 256), np.uint8)
cv2.ellipse(MASK, (120, 90), (50, 18), 20, 0, 360, 1, -1)


def named(root: Path, *names: str) -> list[tuple[str, Path]]:
    """Pictures of these names that are never opened."""
    return [(name, root / name) for name in names]


def drawn(root: Path, pictures: dict[str, np.ndarray]) -> list[str]:
    """Doubts about a folder with these pictures."""
    for name, pixels in pictures.items():
        save_image(root / name, pixels)
    camera = ReplayCamera(root)
    return doubts(root, [(piece.name, piece.path) for piece in camera.pieces])


@pytest.mark.parametrize(
    ("names", "sign"),
    [
        (("train/good/1.png", "ground_truth/hole/1.png"), "ground_truth/hole"),
        (("Images/1.png", "Masks/1.png"), "Masks"),
        (("1/img/1.png", "1/GT/1.png"), "1/GT"),
        (("a/1.png", "SegmentationClass/1.png"), "SegmentationClass"),
        (("a/1.png", "Mask_images/1.png"), "Mask_images"),
        (("cam1/Label/1.png", "cam1/1.png"), "cam1/Label"),
        (("train/good/1.png", "test/good/1.png", "test/metal_contamination/1.png"), "test/metal_contamination"),
        (("train/1.png", "test/1.png"), "test"),
        (("good/1.png", "test_public/bad/1.png"), "test_public/bad"),
        (("good/1.png", "hole/1.png"), "hole"),
        (("OK/1.png", "NG/1.png"), "NG"),
        (("normal/1.png", "Anomaly/1.png"), "Anomaly"),
        (("NODefect_images/1.png", "Defect_images/1.png"), "Defect_images"),
        (("2026-01-04/1.png", "2026-01-04/rejects/1.png"), "2026-01-04/rejects"),
        (("lot 7/not ok/1.png", "lot 7/1.png"), "lot 7/not ok"),
        (("hole/1.png", "Stain/1.png"), "hole, Stain"),
        (("gut/1.png", "Fehler/1.png"), "Fehler"),
        (("良品/1.png", "不良品/1.png"), "不良品"),
        (("图片/1.png", "缺陷标注/1.png"), "缺陷标注"),
        (("pass/1.png", "fail/1.png"), "fail"),
        (("good/1.png", "scrap/1.png"), "scrap"),
        (("正常/1.png", "异常/1.png"), "异常"),
        (("良品/1.png", "NG品/1.png"), "NG品"),
        (("10000.png", "10000_GT.png"), "10000_GT.png"),
        (("a/1.png", "b/1_mask.png"), "b/1_mask.png"),
    ],
)
def test_a_data_set_is_known_by_its_names(tmp_path: Path, names: tuple[str, ...], sign: str) -> None:
    (doubt, *_) = doubts(tmp_path, named(tmp_path, *names))
    assert doubt.endswith(f": {sign}")


@pytest.mark.parametrize(
    "names",
    [
        ("1.png", "2.png"),
        ("2026-01-04/1.png", "2026-01-05/1.png", "2026-01-05/night/1.png"),
        ("lot 17/cam left/1.png", "lot 17/cam right/1.png", "lot 18/cam left/1.png"),
        ("good/1.png",),
        ("good/lot1/1.png", "good/lot2/1.png"),
        ("train/good/1.png", "test/good/1.png"),
        ("loom NG-500/1.png", "loom GT-12/1.png"),
        ("Bad Homburg/1.png", "Wien/1.png"),
        ("defect-free/1.png", "no_defects/1.png", "NODefect_images/1.png"),
        ("normal light/1.png", "low light/1.png"),
        ("masked ball brocade/1.png", "labelle/1.png", "holey lace/1.png", "spotted/1.png"),
        ("hole pattern/1.png", "stripe/1.png"),
        ("hole/1.png", "stripe/1.png"),
        ("red/1.png", "test weave 3/1.png"),
        ("好布/1.png", "ткань/1.png"),
        ("ohne Fehler/1.png", "sans défaut/1.png", "sin defectos/1.png", "senza difetti/1.png"),
        ("无缺陷/1.png", "缺陷なし/1.png", "0 defects/1.png", "no defects/1.png"),
        ("good/1.png", "color/1.png", "thread count 40/1.png", "warp end/1.png", "loose weave/1.png"),
        ("cam 0 good/1.png", "0 good/1.png"),
        ("shot_1.png", "shot_2.png", "shot_gate.png"),
    ],
)
def test_folders_of_good_cloth_raise_no_doubt(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert doubts(tmp_path, named(tmp_path, *names)) == []


def test_the_folder_given_may_say_outright_that_it_is_not_good(tmp_path: Path) -> None:
    for name, is_doubted in (("defects", True), ("ground_truth", True), ("ng", True), ("mill of Bad Ischl", False)):
        assert bool(doubts(tmp_path / name, named(tmp_path / name, "1.png"))) is is_doubted


@pytest.mark.parametrize("level", [1, 4, 100, 255])
def test_masks_among_cloth_are_known_by_their_look_in_any_level(tmp_path: Path, level: int) -> None:
    (doubt,) = drawn(tmp_path, {"a/1.png": CLOTH, "a/2.png": CLOTH[::-1], "b/1.png": MASK * level})
    assert doubt == "masks, by their look (few grey levels in large patches): b/1.png"


def test_masks_in_colour_of_16_bits_and_of_lossy_files_are_known_too(tmp_path: Path) -> None:
    red, classes = np.zeros((256, 256, 3), np.uint8), MASK.astype(np.uint16)
    red[MASK > 0] = (0, 0, 255)
    classes[:60, 200:] = 3
    assert drawn(tmp_path / "1", {"a.png": CLOTH, "b.png": red}) != []
    assert drawn(tmp_path / "2", {"a.png": CLOTH, "b.png": classes}) != []
    assert drawn(tmp_path / "3", {"a.png": CLOTH, "b.jpg": MASK * 255}) != []


def test_all_kinds_of_cloth_are_no_masks() -> None:
    for style in ("demo", "satin", "stripe"):
        cloth = Cloth(style, width_px=256, mm_per_px=0.5, seed=1, web_px=(0, 256)).render(0, 256)
        assert not is_like_mask(cloth)
        assert not is_like_mask(np.where(cloth > np.median(cloth), 255, 0).astype(np.uint8))  # blown out
        assert not is_like_mask((cloth // 20).astype(np.uint8))  # dark
    assert not is_like_mask(np.full((256, 256), 255, np.uint8))  # the gap between two pieces


def test_a_white_gap_between_pieces_is_no_mask(tmp_path: Path) -> None:
    assert drawn(tmp_path, {"1.png": CLOTH, "2.png": np.full_like(CLOTH, 255), "3.png": CLOTH}) == []


def test_pictures_are_counted_by_folder() -> None:
    assert folders_of(["1.png", "b/1.png", "b/c/1.png", "b/c/2.png"]) == {".": 1, "b": 1, "b/c": 2}
