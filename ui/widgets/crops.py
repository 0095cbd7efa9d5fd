"""Pictures of recorded defects, read from their files in the worker and kept for a while."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Pictures:
    """Crop and heat map; None where the file is missing."""

    crop: QImage | None
    heat: QImage | None


class PictureCache(QObject):
    """Asks once per defect, keeps the last few hundred; ``arrived`` carries the defect's id."""

    arrived = Signal(int)

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._known: OrderedDict[int, Pictures | None] = OrderedDict()

    def get(self, defect: DefectRow) -> Pictures | None:
        """The pictures, or None while they are being read (or there are none)."""
        if defect.id in self._known:
            self._known.move_to_end(defect.id)
            return self._known[defect.id]
        self._known[defect.id] = None
        while len(self._known) > _KEEP:
            self._known.popitem(last=False)
        self._worker.run(lambda: read_pictures(defect), lambda pictures: self._keep(defect.id, pictures))
        return None

    def _keep(self, key: int, pictures: Pictures) -> None:
        self._known[key] = pictures
        self.arrived.emit(key)


def read_pictures(defect: DefectRow) -> Pictures:
    """Read crop and heat map of a defect."""
    crop, heat = _read(defect.crop_file), _read(defect.heat_file)
    if heat is not None and heat.ndim == 3:
        heat = np.ascontiguousarray(heat[:, :, 0])
    return Pictures(image_of(crop) if crop is not None else None, heat_image(heat, crop) if heat is not None else None)


def _read(path: Path | None) -> NDArray[np.uint8] | None:
    """Pixels ``[h, w]`` or ``[h, w, 3]`` RGB, or None if the file is missing or no picture."""
    if path is None or not path.is_file():
        return None
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        return None
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return np.asarray(pixels, np.uint8)
