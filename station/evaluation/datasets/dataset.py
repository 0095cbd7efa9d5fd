"""This module defines a data set: good cloth to teach with, samples to be judged, and their truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.camera import CameraError
from drivers.images import MOST_CLASSES, Mask, Reading, image_metadata, read_mask, white_of
from model.errors import ModelError

GOOD = "good"
_NOTHING = np.zeros((0, 0), np.bool_)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample is one image of a data set.

    Attributes:
        path: the image.
        kind: name of its flaw's kind, ``good`` for good cloth.
        masks: its ground truth, joined; none for good cloth, or where it is lost.
    """

    path: Path
    kind: str
    masks: tuple[Path, ...] = ()

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
    """A data set holds good cloth to teach with and samples to be judged, both in natural order of names.

    Attributes:
        left_out: images that belong here but cannot be used.
        notes: what else a reader of the figures should know, as sentences.
        white: the white level of its 16-bit images that do not say theirs: one for all, to teach and to test.
    """

    train: list[Sample]
    test: list[Sample]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    white: int = 255


def read_truth(sample: Sample) -> NDArray[np.bool_]:
    """Read the truth of a flawed sample, bool ``[lines, width]``: flawed is what any of its masks shows.

    Raises:
        ModelError: a mask is missing, unreadable or inverted, or its size is not its image's.
        CameraError: the image is unreadable.
    """
    return _joined(_masks_of(sample))


def _joined(masks: Sequence[Mask]) -> NDArray[np.bool_]:
    return np.logical_or.reduce([mask.flawed for mask in masks])


def _masks_of(sample: Sample) -> list[Mask]:
    """Read the masks of a sample, as :func:`read_truth`."""
    if not sample.masks:
        raise ModelError(f"There is no mask for {sample.path}; the data set is damaged.")
    header = image_metadata(sample.path)
    masks: list[Mask] = []
    for path in sample.masks:
        try:
            mask = read_mask(path)
        except CameraError as error:
            raise ModelError(f"The truth of {sample.path} cannot be read: {error}") from error
        if mask.flawed.shape != (header.lines, header.width_px):
            lines, width_px = mask.flawed.shape
            raise ModelError(
                f"Mask {path} is {width_px} x {lines} px, its image {sample.path} {header.width_px} x {header.lines} "
                "px, both as viewers turn them; they must agree."
            )
        masks.append(mask)
    return masks


def settled(
    train: list[Sample], test: Iterable[Sample], left_out: Iterable[LeftOut] = (), notes: Iterable[str] = ()
) -> Dataset:
    """Make the data set after a look at every mask: a flawed image whose mask is lost or empty is left out.

    Raises:
        ModelError: an image is named twice, a truth cannot be read (see :func:`read_truth`), or none shows a flaw.
        CameraError: an image is unreadable.
    """
    test = list(test)
    path, times = Counter(sample.path for sample in [*train, *test]).most_common(1)[0]
    if times > 1:
        raise ModelError(f"The data set names {path} {times} times; each image may teach or be judged once.")
    readings: dict[Path, Mask] = {}
    reasons = {sample.path: _unusable(sample, readings) for sample in test if not sample.is_good}
    if reasons and all(reasons.values()):
        path, reason = next(iter(reasons.items()))
        raise ModelError(f"No flawed image can be judged, {path} for one: {reason}; check the masks.")
    kept = [sample for sample in test if not reasons.get(sample.path)]
    if not kept:
        raise ModelError(f"No image is left to be judged beside {train[0].path.parent}; the data set is incomplete.")
    missing = [LeftOut(path, reason) for path, reason in reasons.items() if reason]
    white = white_of([(sample.path, image_metadata(sample.path)) for sample in [*train, *kept]])
    return Dataset(train, kept, (*left_out, *missing), (*notes, *_readings_told(readings)), white)


def _unusable(sample: Sample, readings: dict[Path, Mask]) -> str:
    """Say why a flawed sample cannot be judged, empty if it can; add how its masks were read."""
    if not sample.masks:
        return "it has no mask"
    masks = _masks_of(sample)
    readings.update({path: replace(mask, flawed=_NOTHING) for path, mask in zip(sample.masks, masks, strict=True)})
    return "" if _joined(masks).any() else "its mask is empty"


def _many(levels: int) -> str:
    return str(levels) if levels <= MOST_CLASSES else f"more than {MOST_CLASSES}"


def _readings_told(readings: dict[Path, Mask]) -> list[str]:
    """Say how masks of more than two levels were read, in one sentence for each way."""
    told: list[str] = []
    for reading in (Reading.CLASSES, Reading.SHADES):
        named = [(path, mask.levels) for path, mask in readings.items() if mask.reading is reading]
        if named:
            path, levels = named[0]
            masks = "One mask has" if len(named) == 1 else f"{len(named)} masks have"
            told.append(f"{masks} more levels than two ({path}: {_many(levels)} beside black): read as {reading}.")
    return told
