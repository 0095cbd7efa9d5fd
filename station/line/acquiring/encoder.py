"""This module reads the encoder for the line: where the machine is and how fast it runs."""

from __future__ import annotations

import time

from drivers.camera import Camera, CameraError, EncoderReading


class Encoder:
    """The encoder keeps its last reading, for callers that look often and for when the real encoder is silent.

    It is safe to use from several threads.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._reading = EncoderReading(0, 0.0)
        self._read_s = -1.0
        self.first_due: int | None = None
        """This is the due line of the first reading, None before."""

    def read(self, max_age_s: float = 0.0) -> EncoderReading:
        """Return a reading not older than ``max_age_s``; with a silent encoder, the last one known, at standstill."""
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
