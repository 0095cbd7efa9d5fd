"""This module holds what is the same of every camera that gives the cloth of a recording."""

from __future__ import annotations

from drivers.camera import Camera
from drivers.recording.reader import Recording


class RecordingsCamera(Camera):
    """This camera answers what a recording says of the camera that made it.

    Args:
        recording: whose cloth it gives.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @property
    def recording(self) -> Recording:
        """Return the recording."""
        return self._recording

    @property
    def camera_id(self) -> str:
        """Return the name of the camera, as recorded."""
        return self._recording.metadata.camera_id

    @property
    def width_px(self) -> int:
        """Return the number of pixels across, as recorded."""
        return self._recording.metadata.width_px

    @property
    def channels(self) -> int:
        """Return 1 (grey) or 3 (RGB), as recorded."""
        return self._recording.metadata.channels

    @property
    def serial(self) -> str:
        """Return the serial number of the device that was recorded."""
        return self._recording.metadata.serial

    @property
    def mm_per_px(self) -> float | None:
        """Return the scale, as recorded."""
        return self._recording.metadata.mm_per_px
