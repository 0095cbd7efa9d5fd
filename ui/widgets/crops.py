"""The worker reads pictures of recorded defects from their files; they are kept for a while."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from station.records.rows import DefectRow
from ui.widgets.pictures import heat_image, image_of
from ui.worker import Worker

_KEEP = 600
AGAIN_S = 2.0
"""A file that could not be read is not asked for again sooner, though its place is painted often."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """A defect has a crop and a heat map; None where the file is missing."""

    crop: QImage | None
    heat: QImage | None


NO_PICTURES = Pictures(None, None)
_Files = tuple[int, Path | None, Path | None]


class PictureCache(QObject):
    """The cache keeps the pictures of the last few hundred defects; ``arrived`` carries the defect's id.

    A defect that still grows has no picture yet, which is never kept; a file that cannot be read is tried again when
    asked for later.
    """

    arrived = Signal(int)

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._known: OrderedDict[_Files, Pictures | None] = OrderedDict()
        self._failed_s: dict[_Files, float] = {}

    def get(self, defect: DefectRow) -> Pictures | None:
        """Give the pictures, or None while they are being read for the first time."""
        key = (defect.id, defect.crop_file, defect.heat_file)
        if defect.crop_file is None and defect.heat_file is None:
            return NO_PICTURES
        again = time.monotonic() - self._failed_s.get(key, math.inf) > AGAIN_S
        if key in self._known and not again:
            self._known.move_to_end(key)
            return self._known[key]
        self._failed_s.pop(key, None)
        shown = self._known.setdefault(key, None)
        while len(self._known) > _KEEP:
            self._failed_s.pop(self._known.popitem(last=False)[0], None)
        self._worker.run(lambda: read_pictures(defect), lambda pictures: self._keep(key, pictures))
        return shown

    def _keep(self, key: _Files, pictures: Pictures) -> None:
        self._known[key] = pictures
        if pictures == NO_PICTURES:
            self._failed_s[key] = time.monotonic()
        self.arrived.emit(key[0])


def read_pictures(defect: DefectRow) -> Pictures:
    """Read crop and heat map of a defect."""
    crop, heat = _read(defect.crop_file), _read(defect.heat_file)
    if heat is not None and heat.ndim == 3:
        heat = np.ascontiguousarray(heat[:, :, 0])
    return Pictures(image_of(crop) if crop is not None else None, heat_image(heat, crop) if heat is not None else None)


def _read(path: Path | None) -> NDArray[np.uint8] | None:
    """Read pixels ``[h, w]`` or ``[h, w, 3]`` RGB; None if the file is missing or no picture."""
    if path is None or not path.is_file():
        return None
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        return None
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return np.asarray(pixels, np.uint8)
