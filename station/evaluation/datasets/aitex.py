"""This module reads the AITEX fabric image database (Silvestre-Blanes et al., AUTEX Research Journal 2019).

As published, it holds strips of seven fabrics together: ``Defect_images/NNNN_CCC_FF.png``,
``NODefect_images/<style>/NNNN_000_FF.png`` and ``Mask_images/NNNN_CCC_FF_mask.png``; N counts, C is the flaw's code, F
the fabric.  Two flaws on a strip have ``_mask1`` and ``_mask2``.  One strip has no mask, another an empty one.
"""

from __future__ import annotations

import re
from pathlib import Path

from model.errors import ModelError
from station.evaluation.datasets.dataset import GOOD, Dataset, LeftOut, Sample, settled
from station.evaluation.datasets.files import image_files, images_in, subfolders

TESTED_EVERY = 4
"""Every fourth good strip is tested; the database itself has no split."""

CODES = {
    "002": "broken_end",
    "006": "broken_yarn",
    "010": "broken_pick",
    "016": "weft_curling",
    "019": "fuzzyball",
    "022": "cut_selvage",
    "023": "crease",
    "025": "warp_ball",
    "027": "knot",
    "029": "contamination",
    "030": "nep",
    "036": "weft_crack",
}
_NAME = re.compile(r"\d+_(?P<code>\d+)_(?P<fabric>\d+)")
_MASK = re.compile(r"(?P<strip>\d+_\d+_\d+)_mask\d*")


def read_aitex(root: Path, fabric: str | None = None) -> Dataset:
    """Read one fabric, named by its number (``01``) or by its folder of good strips (``2608691-202020u``).

    Raises:
        ModelError: a folder is missing or empty, no fabric was named, or there is no such fabric.
    """
    good = _good_by_fabric(_folder(root, "NODefect_images"))
    fabric = _choose(root, fabric, good)
    strips = good[fabric]
    test = [Sample(path, GOOD) for path in strips[TESTED_EVERY - 1 :: TESTED_EVERY]]
    train = [Sample(path, GOOD) for number, path in enumerate(strips) if (number + 1) % TESTED_EVERY]
    masks = _masks(_folder(root, "Mask_images"))
    left_out: list[LeftOut] = []
    for path in image_files(_folder(root, "Defect_images"), "AITEX's flawed strips"):
        name = _NAME.fullmatch(path.stem)
        if name is None:
            left_out.append(LeftOut(path, "its name is not NNNN_CCC_FF"))
        elif name["fabric"] == fabric:
            code = name["code"]
            kind = f"{code}_{CODES[code]}" if code in CODES else code
            test.append(Sample(path, kind, tuple(masks.get(path.stem, ()))))
    return settled(train, test, left_out)


def _folder(root: Path, name: str) -> Path:
    """Find the folder of that name in upper or lower case: copies of the database differ in it."""
    if not root.is_dir():
        raise ModelError(f"There is no folder {root}; expected there: AITEX's folders.")
    written = (path for path in subfolders(root, "AITEX's folders") if path.name.lower() == name.lower())
    return next(written, root / name)


def _good_by_fabric(folder: Path) -> dict[str, list[Path]]:
    """Find the good strips of each fabric by its number, folder by folder, in natural order."""
    found: dict[str, list[Path]] = {}
    for style in subfolders(folder, "AITEX's folders of good strips"):
        for path in images_in(style, "good strips"):
            name = _NAME.fullmatch(path.stem)
            if name is not None:
                found.setdefault(name["fabric"], []).append(path)
    return found


def _choose(root: Path, fabric: str | None, good: dict[str, list[Path]]) -> str:
    if not good:
        raise ModelError(
            f"{root} holds no good strips; expected: NODefect_images/<style>/NNNN_000_FF.png, as AITEX publishes them."
        )
    of_style = {path.parent.name: number for number, paths in good.items() for path in paths}
    chosen = of_style.get(fabric or "", fabric)
    if chosen not in good:
        told = "" if fabric is None else f", not '{fabric}'"
        raise ModelError(f"{root} holds the fabrics {', '.join(sorted(good))}: choose one with --fabric{told}.")
    return chosen


def _masks(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in image_files(folder, "AITEX's masks"):
        name = _MASK.fullmatch(path.stem)
        if name is not None:
            found.setdefault(name["strip"], []).append(path)
    return found
