"""This module keeps on record how bright good cloth of a fabric was: lamps age over months, programs run for days."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Camera
from station.calibration.selection import why_foreign
from station.records.history import History
from station.records.rows import NewCalibration, RecordsError
from station.records.store import Store

LIGHT = "light"

Profile = NDArray[np.float64]
Subject = tuple[str, tuple[int, ...]]
"""A subject is a fabric and the calibrations it is seen with: brightness before and after another calibration cannot be
compared."""


class LightMemory:
    """The memory keeps column means of good cloth under ``camera`` with the calibrations; the station makes them."""

    def __init__(self, store: Store, history: History, camera: Camera) -> None:
        self._store = store
        self._history = history
        self._camera = camera

    def recall(self, subject: Subject) -> Profile | None:
        """Return column means float64 ``[width]``, NaN beside the web; None if none were kept or they are damaged.

        Raises:
            RecordsError: the records cannot be read.
        """
        for row in self._history.calibrations(self._camera.camera_id):
            is_of_it = (row.result.get("fabric"), row.result.get("calibrations")) == (subject[0], list(subject[1]))
            if row.kind != LIGHT or not is_of_it or why_foreign(row, self._camera):
                continue
            with contextlib.suppress(KeyError, OverflowError, TypeError, ValueError):
                means = np.array([math.nan if mean is None else float(mean) for mean in row.result["means"]])
                if means.shape == (self._camera.width_px,):
                    return means
        return None

    def keep(self, subject: Subject, means: Profile) -> None:
        """Put column means on record; if the records fail, only this run of the program remembers them."""
        rounded = [None if math.isnan(mean) else round(float(mean), 2) for mean in means]
        result = {"fabric": subject[0], "calibrations": list(subject[1]), "means": rounded}
        camera = self._camera
        new = NewCalibration(LIGHT, camera.camera_id, result, camera.serial, camera.width_px)
        with contextlib.suppress(RecordsError):
            self._store.add_calibrations([new], "station", "how bright good cloth is, to tell when lamps age")
