"""This module defines a data set: good cloth to teach with, samples to be judged, and their truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.images import image_metadata
from model.errors import ModelError

GOOD = "good"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample is one image of a data set.

    Attributes:
        path: the image.
        kind: name of its flaw's kind, ``good`` for good cloth.
        masks: its ground truth, joined; none for good cloth, or where it is lost.
        flawed_above: grey level (0..255) above which a mask says flawed: half for masks with smoothed edges, 0 where
            the levels are numbers of flaws.  A mask of only 0 and 1 says flawed with 1, whatever is set here.
    """

    path: Path
    kind: str
    masks: tuple[Path, ...] = ()
    flawed_above: int = 127

    @property
    def is_good(self) -> bool:
        """Say whether the sample is good cloth."""
        return self.kind == GOOD


@dataclass(frozen=True, slots=True)
class LeftOut:
    """This names an image that is not used, and says why in words."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set holds good cloth to teach with and samples to be judged, both in name order.

    Attributes:
        left_out: images that belong here but cannot be used.
        notes: what else a reader of the figures should know, as sentences.
    """

    train: list[Sample]
    test: list[Sample]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def read_truth(sample: Sample) -> NDArray[np.bool_]:
    """Read the truth of a flawed sample, bool ``[lines, width]``: flawed is what any of its masks shows.

    Raises:
        ModelError: a mask is missing or unreadable, or two differ in size.
    """
    parts = [_flawed(_read_mask(path), sample.flawed_above) for path in sample.masks]
    if len({part.shape for part in parts}) != 1:
        raise ModelError(f"The masks of {sample.path} differ in size or there are none; the data set is damaged.")
    return np.logical_or.reduce(parts)


def settled(
    train: list[Sample], test: Iterable[Sample], left_out: Iterable[LeftOut] = (), notes: Iterable[str] = ()
) -> Dataset:
    """Make the data set after a look at every mask: a flawed image whose mask is lost or empty is left out.

    Raises:
        ModelError: an image is named twice, a mask is unreadable or differs in size from its image, or none shows a
            flaw.
        CameraError: an image with a mask is unreadable.
    """
    test = list(test)
    path, times = Counter(sample.path for sample in [*train, *test]).most_common(1)[0]
    if times > 1:
        raise ModelError(f"The data set names {path} {times} times; each image may teach or be judged once.")
    reasons = {sample.path: _unusable(sample) for sample in test if not sample.is_good}
    if reasons and all(reasons.values()):
        path, reason = next(iter(reasons.items()))
        raise ModelError(f"No flawed image can be judged, {path} for one: {reason}; check the masks.")
    kept = [sample for sample in test if not reasons.get(sample.path)]
    if not kept:
        raise ModelError(f"No image is left to be judged beside {train[0].path.parent}; the data set is incomplete.")
    missing = [LeftOut(path, reason) for path, reason in reasons.items() if reason]
    return Dataset(train, kept, (*left_out, *missing), tuple(notes))


def _unusable(sample: Sample) -> str:
    """Say why a flawed sample cannot be judged, empty if it can."""
    if not sample.masks:
        return "it has no mask"
    truth, metadata = read_truth(sample), image_metadata(sample.path)
    if truth.shape != (metadata.lines, metadata.width_px):
        raise ModelError(
            f"Mask {sample.masks[0]} is {truth.shape[1]} x {truth.shape[0]} px, its image {sample.path} "
            f"{metadata.width_px} x {metadata.lines} px; they must agree."
        )
    return "" if truth.any() else "its mask is empty"


def _flawed(mask: NDArray[np.uint8], above: int) -> NDArray[np.bool_]:
    return mask > (0 if mask.max() == 1 else above)


def _read_mask(path: Path) -> NDArray[np.uint8]:
    try:
        # Decode from memory, not by name: OpenCV cannot open names outside the code page on Windows.
        mask = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        raise ModelError(f"Mask {path} cannot be read ({error}); the data set is incomplete.") from error
    if mask is None:
        raise ModelError(f"Mask {path} cannot be read as an image; the data set is damaged.")
    return np.asarray(mask, np.uint8)
