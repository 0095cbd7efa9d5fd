"""This module watches, while rolls run, whether a camera is still as calibrated: light, dust, lines and encoder."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.shading_watch import ShadingWatch
from drivers.camera import Camera
from station.calibration.camera import CalibratedCamera
from station.calibration.light_reference import LightMemory, Subject
from station.calibration.selection import Calibrated
from station.contract import StripView

READING_S = 1.0
REPEAT_S = 600.0
"""A warning that still applies is repeated after this time."""


class CalibrationWatch:
    """A calibration watch checks one camera; it keeps the light's reference from roll to roll while fabric and
    calibrations stay the same, and from one run of the program to the next in ``memory``.

    The line calls :meth:`see`, which only takes column means; :meth:`take_warnings` does the rest.
    """

    def __init__(
        self, camera: Camera, memory: LightMemory | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bare = camera
        self._memory = memory
        self._clock = clock
        self.camera = CalibratedCamera(camera)
        self._light = ShadingWatch()
        self._subject: Subject = ("", ())
        self._is_kept = False
        self._reading: NDArray[np.float64] | None = None
        self._read_s = -1e9
        self._told_s: dict[str, float] = {}

    def begin_roll(self, fitted: Calibrated) -> CalibratedCamera:
        """Begin a roll and return the camera that its line must read.  Raises RecordsError."""
        self.camera = CalibratedCamera(self._bare, fitted.lens)
        subject = (fitted.recipe.fabric, fitted.measures.calibration_ids)
        if subject != self._subject:
            known = None if self._memory is None else self._memory.recall(subject)
            self._light = ShadingWatch(known)
            self._subject = subject
            self._is_kept = known is not None
        self._reading = None
        self._told_s.clear()
        return self.camera

    def see(self, strip: StripView) -> None:
        """Take a reading of the loom's cloth once a second; skip pictures of a folder, as each has its own light."""
        now = self._clock()
        if strip.piece is not None or strip.right_px <= strip.left_px or now - self._read_s < READING_S:
            return
        if strip.blind_px:  # if one of several cameras is missing, the rest does not represent the whole web
            return
        self._read_s = now
        means = cv2.reduce(strip.pixels, 0, cv2.REDUCE_AVG, dtype=cv2.CV_64F)
        means = means.reshape(strip.pixels.shape[1], -1).mean(axis=1)
        means[: strip.left_px] = np.nan
        means[strip.right_px :] = np.nan
        self._reading = means

    def take_warnings(self) -> list[str]:
        """Return warnings of one or two sentences each; one that lasts is repeated every ten minutes at most."""
        said = [self.camera.take_warning()]
        reading = self._reading
        self._reading = None
        if reading is not None:
            said.append(self._light.feed(reading))
            self._keep()
        return [warning for warning in said if warning and self._is_news(warning)]

    def _keep(self) -> None:
        """Keep the light's reference once it is known."""
        if self._memory is not None and self._light.reference is not None and not self._is_kept:
            self._is_kept = True
            self._memory.keep(self._subject, self._light.reference)

    def _is_news(self, warning: str) -> bool:
        """Return whether this warning was not given in the last ten minutes, even with other numbers in it."""
        now, what = self._clock(), re.sub(r"\d+", "", warning)
        if now - self._told_s.get(what, -1e9) < REPEAT_S:
            return False
        self._told_s[what] = now
        return True
