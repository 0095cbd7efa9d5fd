"""This module reads KolektorSDD2 as published (Božič, Tabernik, Skočaj, Computers in Industry 2021).

``train/`` and ``test/`` hold ``NNNNN.png`` and ``NNNNN_GT.png`` side by side; a mask without a flawed pixel means good
cloth.  The published archive also holds a stray copy of one pair.
"""

from __future__ import annotations

from pathlib import Path

from model.errors import ModelError
from station.evaluation.datasets.dataset import GOOD, Dataset, LeftOut, Sample, read_truth, settled
from station.evaluation.datasets.files import image_files, with_stem

FLAWED = "flawed"
TRUTH = "_GT"


def read_kolektor_sdd2(root: Path, fabric: str | None = None) -> Dataset:
    """Read the data set; of its training part only the good images teach.

    Raises:
        ModelError: a folder or a mask is missing, or a fabric was named: there is one surface only.
    """
    if fabric is not None:
        raise ModelError(f"KolektorSDD2 shows one surface only: leave out --fabric {fabric}.")
    left_out: list[LeftOut] = []
    train = _samples(root / "train", left_out)
    good = [sample for sample in train if sample.is_good]
    if not good:
        raise ModelError(f"The folder {root / 'train'} holds no good images to teach with: every mask shows a flaw.")
    notes = [f"{len(train) - len(good)} flawed images of train are not used."] if len(good) < len(train) else []
    return settled(good, _samples(root / "test", left_out), left_out, notes)


def _samples(folder: Path, left_out: list[LeftOut]) -> list[Sample]:
    samples: list[Sample] = []
    files = image_files(folder, "KolektorSDD2's images NNNNN.png and masks NNNNN_GT.png")
    images = [path for path in files if path.stem.isdigit()]
    for path in images:
        mask = with_stem(folder, path.stem + TRUTH)
        if mask is None:
            raise ModelError(f"The image {path} has no mask; expected beside it: {path.stem}{TRUTH}.png.")
        flawed = Sample(path, FLAWED, (mask,))
        samples.append(flawed if read_truth(flawed).any() else Sample(path, GOOD))
    known = {path.stem for path in images} | {path.stem + TRUTH for path in images}
    left_out += [LeftOut(path, "it is neither NNNNN nor NNNNN_GT") for path in files if path.stem not in known]
    return samples
