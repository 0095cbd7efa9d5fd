"""This module holds what all cameras share that wrap another camera and change one thing about it."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.camera import Camera, EncoderReading, LineBlock, OutputLines
from drivers.notice import Notice


class WrappedCamera(Camera):
    """A wrapped camera answers everything as ``camera`` does, except what a subclass overrides.

    Args:
        camera: the wrapped camera; it is read, started and stopped only through this one.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    @property
    def camera_id(self) -> str:
        """Return the camera's name."""
        return self._camera.camera_id

    @property
    def width_px(self) -> int:
        """Return the camera's pixels across."""
        return self._camera.width_px

    @property
    def channels(self) -> int:
        """Return the camera's channels."""
        return self._camera.channels

    @property
    def waits(self) -> bool:
        """Return whether the camera waits for the line."""
        return self._camera.waits

    def start(self) -> None:
        """Start the camera.  Raises CameraError."""
        self._camera.start()

    def read(self, timeout_s: float) -> LineBlock | None:
        """Return the camera's next block.  Raises what the camera raises."""
        return self._camera.read(timeout_s)

    def encoder(self) -> EncoderReading:
        """Return the camera's encoder reading.  Raises CameraError."""
        return self._camera.encoder()

    def stop(self) -> None:
        """Stop the camera."""
        self._camera.stop()

    @property
    def serial(self) -> str:
        """Return the camera's serial number."""
        return self._camera.serial

    @property
    def mm_per_px(self) -> float | None:
        """Return the camera's scale."""
        return self._camera.mm_per_px

    @property
    def joints_px(self) -> tuple[int, ...]:
        """Return the camera's joints."""
        return self._camera.joints_px

    @property
    def total_lines(self) -> int | None:
        """Return the end of the camera's cloth."""
        return self._camera.total_lines

    @property
    def white(self) -> int | None:
        """Return the camera's white level."""
        return self._camera.white

    @property
    def unrecorded(self) -> tuple[tuple[int, int], ...]:
        """Return the camera's unrecorded lines."""
        return self._camera.unrecorded

    @property
    def unreadable(self) -> tuple[tuple[int, int], ...]:
        """Return the camera's unreadable lines."""
        return self._camera.unreadable

    @property
    def trouble(self) -> str:
        """Return the camera's trouble."""
        return self._camera.trouble

    @property
    def runs_freely(self) -> bool:
        """Return whether the camera runs freely."""
        return self._camera.runs_freely

    @property
    def estimated_lines(self) -> int:
        """Return the camera's estimated lines."""
        return self._camera.estimated_lines

    @property
    def output_lines(self) -> OutputLines | None:
        """Return the camera's output lines."""
        return self._camera.output_lines

    def take_notices(self) -> list[Notice]:
        """Return the camera's notices."""
        return self._camera.take_notices()

    def apply_overrides(self, overrides: Mapping[str, float]) -> tuple[str, ...]:
        """Have the camera take the overrides.  Returns the names of those that it never takes."""
        return self._camera.apply_overrides(overrides)
