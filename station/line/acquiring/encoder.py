"""The encoder's word on where the machine is, as the line asks for it."""

from __future__ import annotations

import time

from drivers.camera import Camera, CameraError, EncoderReading


class Encoder:
    """Remembers the last reading, for those who look often and for when the encoder is silent.  Safe to use from
    several threads."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._reading = EncoderReading(0, 0.0)
        self._read_s = -1.0
        self.first_due: int | None = None
        """The due line when it was first read, None before."""

    def read(self, max_age_s: float = 0.0) -> EncoderReading:
        """A reading not older than ``max_age_s``; the last one known, standing, if the encoder is silent."""
        if time.monotonic() - self._read_s < max_age_s:
            return self._reading
        try:
            self._reading = self._camera.encoder()
        except CameraError:
            return EncoderReading(self._reading.due_line, 0.0)
        self._read_s = time.monotonic()
        if self.first_due is None:
            self.first_due = self._reading.due_line
        return self._reading
