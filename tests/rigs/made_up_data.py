"""Small made-up data sets in every public layout: names and folders as published, cloth woven on the spot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

LINES, WIDTH = 48, 64
FLAW = np.s_[10:20, 30:50]


def cloth(seed: int, lines: int = LINES, width: int = WIDTH) -> NDArray[np.uint8]:
    """Woven threads with noise, uint8 ``[lines, width]``."""
    rows, columns = np.indices((lines, width))
    threads = 120 + 25 * np.sin(rows * 2 * np.pi / 8) + 25 * np.sin(columns * 2 * np.pi / 8)
    noise = np.random.default_rng(seed).normal(0, 8, (lines, width))
    return np.clip(threads + noise, 0, 255).astype(np.uint8)


def save(path: Path, picture: NDArray[np.uint8]) -> Path:
    """Write a picture, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


def mask(level: int = 255, place: object = FLAW, lines: int = LINES, width: int = WIDTH) -> NDArray[np.uint8]:
    """A mask with a flaw at ``place``."""
    drawn = np.zeros((lines, width), np.uint8)
    drawn[place] = level  # type: ignore[call-overload]
    return drawn


def good(root: Path, names: Iterable[str]) -> None:
    """Pictures of good cloth."""
    for seed, name in enumerate(names):
        save(root / name, cloth(seed))


def flawed(root: Path, pairs: Iterable[tuple[str, str]], level: int = 255) -> None:
    """Pictures of flawed cloth with their masks."""
    for seed, (name, truth) in enumerate(pairs, 100):
        picture = cloth(seed)
        picture[FLAW] = 255
        save(root / name, picture)
        save(root / truth, mask(level))


def mvtec(root: Path) -> Path:
    good(root, ["train/good/001.png", "train/good/000.png", "test/good/000.png"])
    flawed(root, [("test/hole/000.png", "ground_truth/hole/000_mask.png")])
    return root


def mvtec_ad2(root: Path) -> Path:
    good(root, ["train/good/000_regular.png", "validation/good/000_regular.png"])
    good(root, ["test_public/good/000_regular.png", "test_public/good/000_shift_1.png"])
    flawed(
        root,
        [
            (f"test_public/bad/{stem}.png", f"test_public/ground_truth/bad/{stem}_mask.png")
            for stem in ("000_overexposed", "000_regular")
        ],
    )
    good(root, ["test_private/000_regular.png", "test_private_mixed/000_mixed.png"])  # without truth: not to be read
    return root


def btad(root: Path) -> Path:
    good(root, ["train/ok/0000.bmp", "train/ok/0001.bmp", "test/ok/0000.bmp"])
    flawed(root, [("test/ko/0000.bmp", "ground_truth/ko/0000.png"), ("test/ko/0001.bmp", "ground_truth/ko/0001.bmp")])
    return root


def visa(root: Path, objects: tuple[str, ...] = ("candle", "pcb1"), split: bool = True) -> Path:
    rows = ["object,split,label,image,mask"]
    for name in objects:
        images = f"{name}/Data/Images"
        good(root, [f"{images}/Normal/{number:04}.JPG" for number in range(20)])
        pairs = [(f"{images}/Anomaly/{n:03}.JPG", f"{name}/Data/Masks/Anomaly/{n:03}.png") for n in range(2)]
        flawed(root, pairs, level=3)  # the levels number the flaws
        rows += [
            f"{name},{'test' if n in (3, 11) else 'train'},normal,{images}/Normal/{n:04}.JPG,"
            for n in range(19, -1, -1)
        ]
        rows += [f"{name},test,anomaly,{image},{truth}" for image, truth in pairs]
    if split:
        (root / "split_csv").mkdir()
        (root / "split_csv/1cls.csv").write_text("\n".join(rows) + "\n")
    return root


def aitex(root: Path) -> Path:
    styles = {"01": "2608691-202020u", "05": "2306881-210020u"}
    names = [f"NODefect_images/{styles['01']}/{n:04}_000_01.png" for n in range(1, 9)]
    names += [f"NODefect_images/{styles['01']}/0008_00_01.png"]  # named so in the published archive
    names += [f"NODefect_images/{styles['05']}/{n:04}_000_05.png" for n in range(1, 5)]
    good(root, names)
    strips = ["0004_002_01", "0059_019_01", "0092_030_01", "0094_027_05"]
    flawed(root, [(f"Defect_images/{name}.png", f"Mask_images/{name}_mask.png") for name in strips])
    good(root, ["Defect_images/0044_099_01.png", "Defect_images/0100_025_01.png"])
    save(root / "Mask_images/0044_099_01_mask1.png", mask(place=np.s_[0:5, 0:5]))
    save(root / "Mask_images/0044_099_01_mask2.png", mask(place=np.s_[40:45, 60:64]))
    save(root / "Mask_images/0092_030_01_mask.png", mask(level=0))  # nothing is flawed
    return root


def kolektor_sdd2(root: Path) -> Path:
    for folder, numbers in (("train", range(10000, 10003)), ("test", range(20000, 20002))):
        for number in numbers:
            save(root / folder / f"{number}.png", cloth(number, width=WIDTH - number % 3))
            save(root / folder / f"{number}_GT.png", mask(0, width=WIDTH - number % 3))
    for name in ("train/10003", "test/20002"):
        flawed(root, [(f"{name}.png", f"{name}_GT.png")])
    good(root, ["train/10001 (copy).png", "train/10001_GT (copy).png"])  # they lie in the published archive
    return root


LAYOUTS = {
    "aitex": aitex,
    "btad": btad,
    "kolektor_sdd2": kolektor_sdd2,
    "mvtec": mvtec,
    "mvtec_ad2": mvtec_ad2,
    "visa": visa,
}
FABRIC = {"aitex": "01", "visa": "candle"}
"""Of the layouts that hold several, which one a test takes."""
